"""WebNN in Python, one run: `python -m benchmarks.webnn [--seconds 2] [--json] [--no-browser]`.

1. The W3C test-suite's data on contexts of several devices, and our own data of the operations that it lacks.
2. Every model of the Coral project that runs on the processor, the flowers model and those of device_models.py through
   the device webnn: how far its outputs are from those of LiteRT, on random values, and the answers to pictures.
3. Time: webnn:openvino:bf16 beside openvino:bf16; one convolution beside ONNX Runtime in a kept session.
4. In a browser: benchmarks/webnn_browser.py.

One thread, one sample at a time; contestants alternate. Ratios are of medians; above 1 we are faster.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.device_models import DATA, ROOT, files, models
from benchmarks.devices import Array, Row, example, row
from benchmarks.peer_child import timed
from benchmarks.peers import CHILD, LeftOutError, Turn, done, environment, peer, race

from littoral import vision
from littoral.runtime import Model, load
from littoral.tflite import read

CORAL = DATA / "coral"
SUITE = DATA / "webnn-conformance"
OWN = ROOT / "tests" / "webnn" / "conformance" / "data"
CONTEXTS = {"cpu": 0.995, "cpu:reference": None, "openvino": None, "openvino|cpu": None}
TURN = 10
FLOAT, STEPS, SHARE = 1e-5, 1, 0.999
SAME_SPEED = 0.95
CONV_TARGETS = {"cpu": None, "openvino": 1.0, "openvino:bf16": None}
"""By context. LiteRT's convolution itself is slower than ONNX Runtime's; OpenVINO's is not."""

PICTURES = {
    "mobilenet_v1_0.25_128_quant": "cat.bmp",
    "mobilenet_v1_0.5_160_quant": "cat.bmp",
    "mobilenet_v2_1.0_224_quant": "grace_hopper.bmp",
    "mobilenet_v2_1.0_224_inat_bird_quant": "parrot.jpg",
    "tf2_mobilenet_v2_1.0_224_ptq": "cat.bmp",
    "keras_lstm_mnist_ptq": "mnist_nine.bmp",
    "deeplabv3_mnv2_pascal_quant": "bird_segmentation.bmp",
    "deeplab_mobilenet_edgetpu_slim_cityscapes_quant": "cityscapes_segmentation.bmp",
    "movenet_single_pose_lightning_ptq": "squat.bmp",
    "posenet_mobilenet_v1_075_353_481_16_quant_decoder": "posenet/test_image.bmp",
    "bodypix_mobilenet_v1_075_512_512_16_quant_decoder": "posenet/test_image.bmp",
}
"""Model -> what it is asked about; the others take no pictures, or want a state besides."""


def suite() -> Iterator[Row]:
    from littoral.webnn import conformance

    for device, target in CONTEXTS.items():
        found = conformance.run([SUITE, OWN], device)
        holds = None if target is None else found.ok and found.share >= target
        yield row(f"conformance, {device}", "all", found.share, f">= {target:.1%}" if target else "", holds) | {
            "tests": dict(found.total),
            "brought to today's form": sum(bool(each.brought) for each in found.outcomes),
        }
        if device == "cpu":
            passing = 95 - len(found.untested)
            yield row("operations that pass a test, cpu", "all", passing, "95", passing == 95)


def on_the_processor() -> list[Path]:
    """Model files that LiteRT runs: not those for the Edge TPU, nor those that nothing runs."""
    found = [file for file in sorted(CORAL.rglob("*.tflite")) if "invalid" not in str(file)]
    compiled = [file for file in found if "edgetpu-custom-op" in {each.name for each in read(file).main.operators}]
    flowers = DATA / "flowers" / "models" / "model.tflite"
    return [*(file for file in found if file not in compiled), flowers, *(real for real, _ in models().values())]


def same(file: Path) -> Iterator[Row]:
    """One model through the device webnn, beside the processor."""
    with load(file, "webnn", threads=1) as model, load(file, "cpu", threads=1) as right:
        values = [random(info.shape, info.dtype) for info in model.inputs]
        pairs = list(zip(outputs(model, values), outputs(right, values), strict=True))
        share = {"accelerated": model.placement.accelerated}
        floats = [float(np.abs(one - other).max()) for one, other in pairs if one.dtype.kind == "f" and one.size]
        steps = [np.abs(one.astype(np.int64) - other) <= STEPS for one, other in pairs if one.dtype.kind != "f"]
        if floats:
            far = max(floats)
            yield row("floats: largest difference", file.stem, far, f"<= {FLOAT:g}", far <= FLOAT) | share
        if steps:
            near = float(np.concatenate([each.ravel() for each in steps]).mean())
            yield row("integers: share within a step", file.stem, near, f">= {SHARE:.1%}", near >= SHARE) | share
        if picture := PICTURES.get(file.stem):
            one, other = (vision.answer(each, CORAL / picture) for each in (model, right))
            maps = [each.classes for each in (one, other) if isinstance(each, vision.Segmentation)]
            alike = np.array_equal(maps[0], maps[1]) if maps else one == other
            yield row(f"same answer to {picture}", file.stem, float(alike), "1", alike)


def random(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    generator, shape = np.random.default_rng(0), tuple(map(abs, shape))
    if dtype.kind == "f":
        return generator.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def outputs(model: Model, values: list[Array]) -> list[Array]:
    result = model(*values, raw=True)
    return list(result.values()) if isinstance(result, dict) else [result]


def speed(seconds: float) -> Iterator[Row]:
    """The same device, as itself and beneath webnn: 1 is as fast."""
    pairs = [("cpu", "webnn", None), ("openvino:bf16", "webnn:openvino:bf16", SAME_SPEED)]
    for name, file in files().items():
        x = example(file)
        with ExitStack() as stack:
            loaded = {each: stack.enter_context(load(file, each, threads=1)) for pair in pairs for each in pair[:2]}
            took = race({each: turn(model, x) for each, model in loaded.items()}, seconds)
        for plain, ours, target in pairs:
            ratio, best = (theirs / mine for theirs, mine in zip(took[plain], took[ours], strict=True))
            holds = None if target is None else ratio >= target
            made = row(f"{ours} against {plain}", name, ratio, f">= {target}" if target else "", holds)
            yield made | {"best_ratio": best, "ms": took[ours][0], "peer_ms": took[plain][0]}


def turn(model: Model, x: Array) -> Turn:
    return lambda: timed(lambda: model(x, raw=True), TURN)


def convolution(seconds: float) -> Iterator[Row]:
    """1x56x56x64 by 3x3x64, 64 out, arrays in and arrays out, beside a session of ONNX Runtime that is kept."""
    x = np.random.default_rng(0).normal(size=(1, 56, 56, 64)).astype(np.float32)
    weights = np.random.default_rng(1).normal(size=(64, 3, 3, 64)).astype(np.float32) / 24
    what, name = "conv2d against onnxruntime", "1x56x56x64, 3x3x64"
    with ExitStack() as stack:
        turns, results = dict[str, Turn](), dict[str, Array]()
        for device in CONV_TARGETS:
            turns |= contestants(stack, device, x, weights, results)
        try:
            python, file = onnx_file(stack, weights)
            nchw = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
            turns["onnxruntime"], right, version = peer(stack, [python, *CHILD, "onnx", str(file)], nchw)
        except LeftOutError as error:
            yield row(what, name, float("nan"), str(error))
            return
        took = race(turns, seconds)
    for each in results:
        ratio, best = (theirs / mine for theirs, mine in zip(took["onnxruntime"], took[each], strict=True))
        target = CONV_TARGETS.get(each)
        holds = None if target is None else ratio >= target
        made = row(f"{what} {version}", f"{name}, {each}", ratio, f">= {target}" if target else "", holds)
        apart = float(np.abs(results[each] - right.transpose(0, 2, 3, 1)).max())
        yield made | {"best_ratio": best, "ms": took[each][0], "peer_ms": took["onnxruntime"][0], "differs": apart}


def contestants(stack: ExitStack, device: str, x: Array, weights: Array, results: dict[str, Array]) -> dict[str, Turn]:
    """A graph run at once, and by tensors: written, dispatched, read. Their results are added."""
    from littoral import webnn

    context = stack.enter_context(webnn.create_context(device, threads=1))
    builder = webnn.MLGraphBuilder(context)
    source = builder.input("x", {"dataType": "float32", "shape": x.shape})
    layouts = {"inputLayout": "nhwc", "filterLayout": "ohwi", "padding": [1, 1, 1, 1]}
    graph = builder.build({"y": builder.conv2d(source, builder.constant(weights), layouts)})
    inside = context.create_tensor(graph.inputs["x"], writable=True)
    outside = context.create_tensor(graph.outputs["y"], readable=True)

    def by_tensors() -> Array:
        context.write_tensor(inside, x)
        context.dispatch(graph, {"x": inside}, {"y": outside})
        return context.read_tensor(outside)

    results |= {device: graph.run({"x": x})["y"], f"{device}, by tensors": by_tensors()}
    return {
        device: lambda: timed(lambda: graph.run({"x": x}), TURN),
        f"{device}, by tensors": lambda: timed(by_tensors, TURN),
    }


def onnx_file(stack: ExitStack, weights: Array) -> tuple[str, Path]:
    """Python with ONNX Runtime, and the convolution as it reads it: NCHW and OIHW."""
    from littoral.runtime.home import cache_folder

    peers = cache_folder() / "benchmarks" / "peers"
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    np.save(folder / "weights.npy", weights.transpose(0, 3, 1, 2))
    maker = environment(peers / "onnx", ["onnx", "numpy"])
    done([maker, *CHILD, "convolution", str(folder)])
    return environment(peers / "onnxruntime", ["onnxruntime"]), folder / "convolution.onnx"


def rows(seconds: float, browser: bool) -> Iterator[Row]:
    if SUITE.is_dir():
        yield from suite()
        for file in on_the_processor():
            yield from same(file)
    yield from speed(seconds)
    yield from convolution(seconds)
    if browser:
        from benchmarks import webnn_browser  # so that a machine without a browser measures the rest

        yield from webnn_browser.rows(seconds)


def shown(made: Row) -> str:
    verdict = {True: "holds", False: "MISSED", None: ""}[made["holds"]]
    value = f"{made['value']:.6g}"
    return f"{made['what']:44} {made['model']:52} {value:>12}  {made['target']:9} {verdict}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=2.0, help="of each contestant")
    options.add_argument("--json", action="store_true")
    options.add_argument("--no-browser", action="store_true", help="leave out the browser's rows")
    chosen = options.parse_args()
    found = []
    for made in rows(chosen.seconds, not chosen.no_browser):
        found.append(made)
        if not chosen.json:
            print(shown(made), flush=True)
    if chosen.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
