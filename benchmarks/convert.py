"""Conversion beside TensorFlow's own converter, in one run: `python -m benchmarks.convert [--rounds 3] [--json]`.

1. MobileNetV2, float model file to static int8 with 100 samples: wall time and peak memory, each in a process of its
   own, alternating. TensorFlow's part is what its converter does once it has the float file: calibrate and quantize.
2. Sizes of MobileNetV2 in each recipe that both have.
3. The digits: size, accuracy on pictures kept from training, and largest output error, in each recipe that both have.
4. Real files: the order of samples, the Keras 2 model of 2020, Coral's models (see real_models.py).

Models are made by tests/convert/train.py. MobileNetV2 has random weights (normalized, so that activations are of a
sane size): good for time, memory and size, silent about accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from benchmarks import real_models
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = 100
TRAINED_ON = 1257
BOTH = ("float16", "dynamic", "int8", "int16x8")

Row = dict[str, Any]


def quantize_ours(float_file: Path, samples: Path, output: Path, recipe: str) -> None:
    from littoral.convert import RECIPES, calibrate, quantize, settle
    from littoral.data import Arrays, Contract
    from littoral.tflite import read, write

    graph = read(float_file)
    settle(graph, float_file.name, quantized_is_fine=False)
    ranges = calibrate(graph, Arrays(samples).samples(Contract())) if RECIPES[recipe].needs_calibration else None
    write(quantize(float_file, RECIPES[recipe], ranges), output)


def quantize_tensorflow(float_file: Path, samples: Path, output: Path, recipe: str) -> None:
    from littoral.convert.child.quantize import answer

    trained = float_file.with_suffix(".keras")
    answer(
        {
            "name": trained.name,
            "path": str(trained),
            "kind": "keras",
            "sizes": None,
            "custom_objects": None,
            "unsafe_lambda": False,
            "recipe": recipe,
            "float": str(float_file),
            "samples": [str(samples)],
            "count": SAMPLES,
            "output": str(output),
        },
        note,
    )


QUANTIZERS = {"littoral": quantize_ours, "tensorflow": quantize_tensorflow}


def in_process(who: str, float_file: Path, samples: Path, output: Path, recipe: str) -> tuple[float, int]:
    """Wall seconds and peak resident bytes of one quantization, imports included."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.convert",
        "--one",
        who,
        str(float_file),
        str(samples),
        str(output),
        recipe,
    ]
    start = time.perf_counter()
    child = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
    )
    assert child.stderr is not None
    words = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{who} failed on {recipe}: {words.decode()[-2000:]}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def speed(folder: Path, rounds: int) -> list[Row]:
    runs: dict[str, list[tuple[float, int]]] = {who: [] for who in QUANTIZERS}
    for number in range(rounds):
        for who in QUANTIZERS:
            note(f"MobileNetV2 to int8: {who}, round {number + 1}")
            output = folder / f"mobilenet.int8.{who}.tflite"
            runs[who].append(in_process(who, folder / "mobilenet.tflite", folder / "mobilenet.npy", output, "int8"))
    rows: list[Row] = [
        {
            "by": who,
            "seconds": median(run[0] for run in one),
            "peak_bytes": int(median(run[1] for run in one)),
            "runs": one,
        }
        for who, one in runs.items()
    ]
    for row in rows:
        row["seconds_ratio"] = row["seconds"] / rows[-1]["seconds"]
        row["peak_ratio"] = row["peak_bytes"] / rows[-1]["peak_bytes"]
    return rows


def variants(folder: Path, model: str) -> list[Row]:
    rows = []
    for recipe in BOTH:
        files = {who: folder / f"{model}.{recipe}.{who}.tflite" for who in QUANTIZERS}
        for who, file in files.items():
            if not file.exists():
                note(f"{model} to {recipe}: {who}")
                in_process(who, folder / f"{model}.tflite", folder / f"{model}.npy", file, recipe)
        sizes = {who: file.stat().st_size for who, file in files.items()}
        rows.append({"recipe": recipe, "bytes": sizes, "size_ratio": sizes["littoral"] / sizes["tensorflow"]})
    return rows


def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images / 16).astype(np.float32)[..., None], bunch.target


def outputs(file: Path, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    from littoral.runtime import load

    with load(file) as model:
        return np.concatenate([np.asarray(model(picture)) for picture in pictures])


def accuracy(folder: Path) -> list[Row]:
    x, y = digits()
    x, y = x[TRAINED_ON:], y[TRAINED_ON:]
    expected = outputs(folder / "digits.tflite", x)
    rows = variants(folder, "digits")
    for row in rows:
        found = {who: outputs(folder / f"digits.{row['recipe']}.{who}.tflite", x) for who in QUANTIZERS}
        row["accuracy"] = {who: float(np.mean(one.argmax(1) == y)) for who, one in found.items()}
        row["max_error"] = {who: float(np.abs(one - expected).max()) for who, one in found.items()}
        row["error_ratio"] = row["max_error"]["littoral"] / row["max_error"]["tensorflow"]
    rows.insert(0, {"recipe": "float32", "accuracy": {"float": float(np.mean(expected.argmax(1) == y))}})
    return rows


def prepare(folder: Path) -> None:
    note("making the models")
    names = ["digits.keras", "digits.tflite", "mobilenet.keras", "mobilenet.tflite"]
    train = ROOT / "tests" / "convert" / "train.py"
    subprocess.run([sys.executable, str(train), str(folder), *names], check=True, capture_output=True)
    rng = np.random.default_rng(0)
    np.save(folder / "mobilenet.npy", rng.uniform(-1, 1, (SAMPLES, 224, 224, 3)).astype(np.float32))
    np.save(folder / "digits.npy", digits()[0][:SAMPLES])


def note(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def show(result: Row) -> None:
    runs = len(result["speed"][0]["runs"])
    print(f"\nMobileNetV2, float model file -> static int8, {SAMPLES} samples (median of {runs})")
    print(f"{'':12}{'seconds':>10}{'ratio':>8}{'peak MB':>10}{'ratio':>8}")
    for row in result["speed"]:
        print(f"{row['by']:12}{row['seconds']:>10.2f}{row['seconds_ratio']:>8.2f}", end="")
        print(f"{row['peak_bytes'] / 1e6:>10.0f}{row['peak_ratio']:>8.2f}")
    print(f"\nSizes of MobileNetV2, bytes\n{'':12}{'littoral':>12}{'tensorflow':>12}{'ratio':>8}")
    for row in result["sizes"]:
        print(f"{row['recipe']:12}{beside(row, 'bytes', '12')}{row['size_ratio']:>8.3f}")
    first, *rest = result["digits"]
    print(f"\nDigits, float accuracy {first['accuracy']['float']:.2%}; littoral and tensorflow")
    print(f"{'':12}{'bytes':>16}{'ratio':>8}{'accuracy':>20}{'max error':>20}{'ratio':>8}")
    for row in rest:
        print(f"{row['recipe']:12}{beside(row, 'bytes', '8')}{row['size_ratio']:>8.3f}", end="")
        print(f"{beside(row, 'accuracy', '10.2%')}{beside(row, 'max_error', '10.5f')}{row['error_ratio']:>8.2f}")


def beside(row: Row, key: str, form: str) -> str:
    return "".join(f"{row[key][who]:>{form}}" for who in QUANTIZERS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of the timed conversion")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        who, *files, recipe = args.one
        float_file, samples, output = map(Path, files)
        QUANTIZERS[who](float_file, samples, output, recipe)
        return
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        prepare(folder)
        result: Row = {
            "speed": speed(folder, args.rounds),
            "sizes": variants(folder, "mobilenet"),
            "digits": accuracy(folder),
            "real": real_models.measure(),
        }
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
        real_models.show(result["real"])


if __name__ == "__main__":
    main()
