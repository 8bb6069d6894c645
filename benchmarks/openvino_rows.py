"""The OpenVINO device beside its peers, in one run: `python -m benchmarks.openvino_rows [--seconds 3] [--json]`.

One thread, one sample at a time, alternating: each runs a few times, then the next. Measured is what a caller
sees: a NumPy array in, a NumPy array out. Ratios are of medians, and of the best tenth, which other work on the machine
disturbs less; above 1 the device is faster than the peer.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.device_models import files

TURN = 10

Array = npt.NDArray[Any]
Run = Callable[[], object]
Row = dict[str, Any]

DIRECT = {"": "f32", ":bf16": "bf16"}
"""What follows "openvino" in our device string, and what OpenVINO itself is told."""

TARGETS = {
    ("mobilenet_v2", "openvino:bf16", "litert"): 2.0,
    ("efficientnet_lite0", "openvino:bf16", "litert"): 2.5,
    ("transformer", "openvino:bf16", "litert"): 4.0,
    ("transformer.int8", "openvino", "litert"): 4.0,
}
AGAINST_ITSELF = 0.97


def litert(file: Path, x: Array) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file), num_threads=1)
    interpreter.allocate_tensors()
    inside, outside = (each[0]["index"] for each in (interpreter.get_input_details(), interpreter.get_output_details()))

    def run() -> object:
        interpreter.set_tensor(inside, x)
        interpreter.invoke()
        return interpreter.get_tensor(outside)

    return run


def direct(file: Path, x: Array, precision: str) -> Run:
    """OpenVINO reading the file itself, rewritten where its reader stumbles over newer files."""
    import openvino  # type: ignore[import-untyped]
    from littoral.openvino.readable import readable
    from littoral.runtime.home import cache_folder
    from littoral.tflite import read, write

    copy = cache_folder() / "benchmarks" / f"direct.{file.name}"
    write(readable(read(file)), copy)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision}
    core = openvino.Core()
    request = core.compile_model(core.read_model(copy), "CPU", settings).create_infer_request()
    return lambda: request.infer([x])[0]


def ours(file: Path, x: Array, device: str) -> Run:
    from littoral.runtime import load

    model = load(file, device, threads=1)
    share = model.placement.accelerated
    if share < 1:
        raise SystemExit(f"{device} accelerates only {share:.1%} of {file.name}")
    return lambda: model(x, raw=True)


def race(runs: dict[str, Run], seconds: float) -> dict[str, tuple[float, float]]:
    """Milliseconds of each: the median, and what a tenth of the runs stay below."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        for _ in range(TURN):
            run()
    end = time.perf_counter() + seconds * len(runs)
    while time.perf_counter() < end:
        for name, run in runs.items():
            for _ in range(TURN):
                start = time.perf_counter()
                run()
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: (float(np.median(each)), float(np.quantile(each, 0.1))) for name, each in times.items()}


def compared(name: str, file: Path, seconds: float) -> list[Row]:
    """One model on the device in each precision, beside LiteRT and beside OpenVINO itself."""
    from littoral.tflite import read

    tensor = (main := read(file).main).tensors[main.inputs[0]]
    random = np.random.default_rng(0)
    x = random.normal(size=tensor.shape) if tensor.dtype.kind == "f" else random.integers(0, 255, tensor.shape)
    x = x.astype(tensor.dtype)
    runs = {"litert": litert(file, x)}
    for option, precision in DIRECT.items():
        runs[f"openvino{option}"] = ours(file, x, f"openvino{option}")
        runs[f"direct:{precision}"] = direct(file, x, precision)
    took = race(runs, seconds)
    peers = {f"openvino{option}": ("litert", f"direct:{precision}") for option, precision in DIRECT.items()}
    return [
        {
            "model": name,
            "device": device,
            "against": peer,
            "device_ms": took[device][0],
            "peer_ms": took[peer][0],
            "ratio": took[peer][0] / took[device][0],
            "best_ratio": took[peer][1] / took[device][1],
            "target": AGAINST_ITSELF if peer != "litert" else TARGETS.get((name, device, peer)),
        }
        for device in peers
        for peer in peers[device]
    ]


def rows(seconds: float = 3.0) -> list[Row]:
    """All models."""
    return [row for name, file in files().items() for row in compared(name, file, seconds)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3.0, help="of each contestant")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    found = rows(chosen.seconds)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    for row in found:
        target = f"target {row['target']:.2f}x" if row["target"] else ""
        print(
            f"{row['model']:28} {row['device']:14} {row['device_ms']:7.2f} ms  against {row['against']:12} "
            f"{row['peer_ms']:7.2f} ms  {row['ratio']:5.2f}x (best {row['best_ratio']:5.2f}x)  {target}"
        )


if __name__ == "__main__":
    main()
