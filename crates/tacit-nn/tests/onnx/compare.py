"""Runs every NAME.onnx of a folder in onnxruntime on NAME.inputs and compares with NAME.outputs.

The latter are rows of little-endian f32. Prints the largest difference and whether every row has
its largest output at the same place; exit status 1 where a difference exceeds 1e-4 or a place
differs.
"""
import pathlib, sys
import numpy, onnx, onnxruntime

good = True
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (source,), (sink,) = session.get_inputs(), session.get_outputs()
    rows = numpy.fromfile(path.with_suffix(".inputs"), "<f4").reshape(-1, source.shape[1])
    expected = numpy.fromfile(path.with_suffix(".outputs"), "<f4").reshape(-1, sink.shape[1])
    found = session.run([sink.name], {source.name: rows})[0]
    one = session.run([sink.name], {source.name: rows[:1]})[0]
    difference = max(abs(found - expected).max(), abs(one - expected[:1]).max())
    same = (found.argmax(1) == expected.argmax(1)).all()
    print(f"{path.stem}: {source.name} -> {sink.name}, {len(rows)} rows, "
          f"max |difference| {difference:.1e}, same argmax: {same}")
    good &= bool(difference <= 1e-4 and same)
sys.exit(not good)
