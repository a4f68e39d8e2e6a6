"""Runs an exported encoder and head in onnxruntime and compares them with Tacit.

    compare.py ENCODER.onnx HEAD.onnx REFERENCE.safetensors

The reference is what `tacit split export --reference` wrote: rows, and what Tacit made of them.
Exit status 1 where a number differs by more than 1e-4 or a row gets another class. Needs numpy and
onnxruntime.
"""
import json, struct, sys
import numpy, onnxruntime


def tensors(path):
    """The tensors of a safetensors file of f32."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    header.pop("__metadata__", None)
    return {name: numpy.frombuffer(data[slice(*at["data_offsets"])], "<f4").reshape(at["shape"])
            for name, at in header.items()}


def runs(path):
    """A model as a function from rows to rows."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (source,), (sink,) = session.get_inputs(), session.get_outputs()
    return lambda rows: session.run([sink.name], {source.name: rows})[0]


encoder, head = runs(sys.argv[1]), runs(sys.argv[2])
tacit = tensors(sys.argv[3])
features = encoder(tacit["rows"])
found = {
    "encoder: rows -> features": (features, tacit["features"], False),
    "head: features under the veil -> answers": (head(tacit["sent"]), tacit["answers"], True),
    "encoder and head, no veil: rows -> answers": (head(features), tacit["answers_bare"], True),
}
good = True
for name, (here, there, classes) in found.items():
    difference = abs(here - there).max()
    same = not classes or (here.argmax(1) == there.argmax(1)).all()
    print(f"{name}: {len(here)} rows, max |difference| {difference:.1e}"
          + (f", same class: {same}" if classes else ""))
    good &= bool(here.shape == there.shape and difference <= 1e-4 and same)
sys.exit(not good)
