"""Writes a model for Tacit from Python: `write_model.py model.safetensors`.

With the package `safetensors`, `save_file(tensors, path, {"tacit": json.dumps(note)})` does the
same. A dense weight is [inputs, outputs]: the transpose of PyTorch's `Linear.weight`.
"""
import json, struct, sys
import numpy as np

architecture = {"input": {"flat": 4}, "blocks": [
    {"dense": {"outputs": 2, "relu": True}}, {"dense": {"outputs": 2, "relu": False}}]}
tensors = {
    "blocks.0.linear.weight": np.array([[1, -1], [1, -1], [-1, 1], [-1, 1]]),
    "blocks.0.linear.bias": np.zeros(2),
    "blocks.1.linear.weight": np.eye(2),
    "blocks.1.linear.bias": np.zeros(2),
}
note = {"format": "tacit.layered/1", "architecture": json.dumps(architecture), "task": "the larger half"}
header, data = {"__metadata__": {"tacit": json.dumps(note)}}, b""
for name, values in tensors.items():
    raw = np.ascontiguousarray(values, dtype="<f4").tobytes()
    header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
