"""Our devices beside ONNX Runtime and tflite-runtime, in one run: `python -m benchmarks.peers [--seconds 1] [--json]`.

A peer is a child process in a virtual environment of its own, because their packages want other versions than ours.
Parent and peers alternate: each makes a few calls with one thread, an array in and an array out, then the next. Ratios
are of medians, and of the best tenth; above 1 we are faster. On first use the environments are made under
LITTORAL_HOME, and the ONNX files of the same Keras models as the model files. A peer that cannot be had is a line that
says why.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.device_models import ROOT, SHAPES, files
from benchmarks.devices import example
from benchmarks.openvino_rows import TURN, Array, Row
from benchmarks.peer_child import timed

Turn = Callable[[], list[float]]
WAIT = 900
PACKAGES = {"tflite-runtime": ["tflite-runtime==2.14.0", "numpy<2"], "onnxruntime": ["onnxruntime"]}
CHILD = ["-m", "benchmarks.peer_child"]
AROUND = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


class LeftOutError(Exception):
    """A peer cannot be had; says why."""


def last_line(text: str) -> str:
    return next((line.strip()[:160] for line in reversed(text.splitlines()) if line.strip()), "no reason given")


def done(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=WAIT, env=AROUND)
    except subprocess.CalledProcessError as error:
        raise LeftOutError(last_line(error.stderr)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LeftOutError(last_line(str(error))) from error


def environment(folder: Path, packages: list[str]) -> str:
    """The Python of a virtual environment with these packages, made where it is missing or half made."""
    python, whole = str(folder / "bin" / "python"), folder / "whole"
    if not whole.exists():
        shutil.rmtree(folder, ignore_errors=True)
        uv = str(Path(sys.executable).parent / "uv")
        base = sys.executable if sys.version_info < (3, 12) else "3.11"  # tflite-runtime has no wheels for later ones
        done([uv, "venv", "--python", base, str(folder)])
        done([uv, "pip", "install", "--python", python, *packages])
        whole.touch()
    return python


def onnx_files(folder: Path) -> dict[str, Path]:
    """Name -> ONNX file, exported in an environment that is thrown away: tf2onnx would change the versions of ours."""
    files = {name: folder / f"{name}.onnx" for name in SHAPES}
    if not all(file.exists() for file in files.values()):
        with tempfile.TemporaryDirectory(dir=folder) as made:
            packages = [f"{name}=={version(name)}" for name in ("tensorflow", "keras")]
            python = environment(Path(made) / "export", [*packages, "tf2onnx>=1.17", "onnx"])
            done([python, *CHILD, "export", str(folder)])
    return files


def peer(stack: ExitStack, command: list[str], x: Array) -> tuple[Turn, Array, str]:
    """A child that has loaded a file: its turns (empty once it died), its result, its version."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    np.save(folder / "x.npy", x)
    command, pipe = [*command, str(folder / "x.npy"), str(folder / "y.npy")], subprocess.PIPE
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, text=True, env=AROUND, bufsize=1)
    stack.enter_context(child)
    to, back = child.stdin, child.stdout
    assert to is not None
    assert back is not None
    if not (ready := back.readline().split()):
        raise LeftOutError(last_line((folder / "said").read_text()))

    def turn() -> list[float]:
        if child.poll() is None:
            to.write(f"run {TURN}\n")
        return [float(each) for each in back.readline().split()]

    return turn, np.load(folder / "y.npy"), ready[1]


def ours(stack: ExitStack, file: Path, device: str, x: Array) -> tuple[Turn, Array]:
    from littoral.runtime import load

    model = stack.enter_context(load(file, device, threads=1))
    return lambda: timed(lambda: model(x, raw=True), TURN), np.asarray(model(x, raw=True))


def race(turns: dict[str, Turn], seconds: float) -> dict[str, tuple[float, float]]:
    """Milliseconds of each: the median, and what a tenth of the calls stay below. The first round is not counted."""
    rounds, end = [{name: turn() for name, turn in turns.items()}], time.perf_counter() + seconds * len(turns)
    while time.perf_counter() < end or len(rounds) < 3:
        rounds.append({name: turn() for name, turn in turns.items()})
    took = {name: [each * 1e3 for one in rounds[1:] for each in one[name]] for name in turns if rounds[-1][name]}
    return {name: (float(np.median(each)), float(np.quantile(each, 0.1))) for name, each in took.items()}


def apart(result: Array, right: Array, quantized: bool) -> float:
    """The largest difference: in steps of the output, or for floats as a share of the largest value."""
    result, right = result.astype(np.float64), right.astype(np.float64)
    unit = np.diff(np.unique(right)).min() if quantized else np.abs(right).max()
    return float(np.abs(result - right).max() / unit)


def compared(name: str, file: Path, peers: dict[str, list[str]], seconds: float) -> list[Row]:
    from littoral.devices import survey
    from littoral.errors import LittoralError

    x, quantized = example(file), name not in SHAPES
    found, turns, facts = list[Row](), dict[str, Turn](), dict[str, dict[str, Any]]()
    half, openvino = bool(survey().processor.half and not quantized), find_spec("openvino") is not None
    devices = ["cpu", *["cpu:fp16"] * half, *["openvino:bf16"] * openvino]
    with ExitStack() as stack:
        turns["cpu"], right = ours(stack, file, "cpu", x)
        for which in (*devices[1:], *peers):
            try:
                if which in devices:
                    turns[which], _ = ours(stack, file, which, x)
                    continue
                turns[which], result, said = peer(stack, peers[which], x)
                facts[which] = {"against": f"{which} {said}", "differs": apart(result, right, quantized)}
            except (LeftOutError, LittoralError) as error:
                found.append({"model": name, "device": which, "left_out": last_line(str(error))})
        took = race(turns, seconds)
    found += [{"model": name, "device": which, "left_out": "it died"} for which in turns if which not in took]
    for which in (each for each in facts if each in took):
        for device in (each for each in devices if each in took):
            ratio, best = (theirs / mine for theirs, mine in zip(took[which], took[device], strict=True))
            times = {"device_ms": took[device][0], "peer_ms": took[which][0], "ratio": ratio, "best_ratio": best}
            found.append({"model": name, "device": device} | facts[which] | times)
    return found


def rows(seconds: float) -> list[Row]:
    every = files()
    folder, found, pythons, onnx = every["mobilenet_v2"].parent, list[Row](), dict[str, str](), dict[str, Path]()
    for which, packages in PACKAGES.items():
        try:
            pythons[which] = environment(folder / "peers" / which, packages)
            onnx |= onnx_files(folder) if which == "onnxruntime" else {}
        except LeftOutError as error:
            found.append({"model": "all", "device": which, "left_out": str(error)})
    for name, file in every.items():
        peers = {each: [pythons[each], *CHILD, "tflite", str(file)] for each in pythons if each == "tflite-runtime"}
        if name in onnx:
            peers["onnxruntime"] = [pythons["onnxruntime"], *CHILD, "onnx", str(onnx[name])]
        found += compared(name, file, peers, seconds)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=1.0, help="of each contestant")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    found = rows(chosen.seconds)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    for row in found:
        if why := row.get("left_out"):
            print(f"{row['model']:28} {row['device']:14} left out: {why}")
            continue
        print(
            f"{row['model']:28} {row['device']:14} {row['device_ms']:7.2f} ms  against {row['against']:22} "
            f"{row['peer_ms']:7.2f} ms  {row['ratio']:5.2f}x (best {row['best_ratio']:5.2f}x)  "
            f"results differ by {row['differs']:.1e}{' of the largest' if row['model'] in SHAPES else ' steps'}"
        )


if __name__ == "__main__":
    main()
