"""What benchmarks/peers.py runs in virtual environments of their own; see there. Imports no littoral.

`export FOLDER` writes ONNX files of the models of benchmarks/device_models.py, `convolution FOLDER` one of the
convolution by weights.npy, for benchmarks/webnn.py. `tflite|onnx FILE X Y` loads a model,
writes to Y its result for the array in X, prints "ready VERSION" and then answers "run N" with the seconds of N calls.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Call = Callable[[Any], Any]


def export(folder: Path) -> None:
    import keras
    import onnx  # type: ignore[import-not-found,unused-ignore]
    from benchmarks.device_models import lite0, mobilenet, settled, transformer

    for name, make in {"mobilenet_v2": mobilenet, "efficientnet_lite0": lite0, "transformer": transformer}.items():
        keras.utils.set_random_seed(0)
        part = folder / f"{name}.part.onnx"
        settled(keras, make(keras)).export(str(part), format="onnx", verbose=False, opset_version=18)
        model = onnx.load(part)
        for each in (*model.graph.input, *model.graph.output):
            each.type.tensor_type.shape.dim[0].dim_value = 1  # the exporter leaves the batch open
        onnx.save(model, part)
        part.rename(folder / f"{name}.onnx")


def convolution(folder: Path) -> None:
    """1x64x56x56 in and out, borders of 1."""
    from onnx import TensorProto, helper, numpy_helper, save  # type: ignore[import-not-found,unused-ignore]

    inside, outside = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 64, 56, 56)) for name in "xy")
    weights = numpy_helper.from_array(np.load(folder / "weights.npy"), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    graph = helper.make_graph([node], "convolution", [inside], [outside], [weights])
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "convolution.onnx"
    )


def tflite(file: str) -> tuple[Call, str]:
    import tflite_runtime  # type: ignore[import-not-found,unused-ignore]
    from tflite_runtime.interpreter import Interpreter  # type: ignore[import-not-found,unused-ignore]

    interpreter = Interpreter(file, num_threads=1)
    interpreter.allocate_tensors()
    inside, outside = (each[0]["index"] for each in (interpreter.get_input_details(), interpreter.get_output_details()))

    def call(x: Any) -> Any:
        interpreter.set_tensor(inside, x)
        interpreter.invoke()
        return interpreter.get_tensor(outside)

    return call, str(tflite_runtime.__version__)


def onnx(file: str) -> tuple[Call, str]:
    import onnxruntime  # type: ignore[import-not-found,unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0], str(onnxruntime.__version__)


def timed(call: Callable[[], object], count: int) -> list[float]:
    """Seconds of each call."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def answer(which: str, file: str, inside: str, outside: str) -> None:
    call, version = {"tflite": tflite, "onnx": onnx}[which](file)
    x = np.load(inside)
    np.save(outside, call(x))
    print("ready", version, flush=True)
    for line in sys.stdin:
        print(*timed(lambda: call(x), int(line.split()[1])), flush=True)


if __name__ == "__main__":
    if sys.argv[1] in ("export", "convolution"):
        {"export": export, "convolution": convolution}[sys.argv[1]](Path(sys.argv[2]))
    else:
        answer(*sys.argv[1:])
