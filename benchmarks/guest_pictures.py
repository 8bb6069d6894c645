"""Pictures in the sandbox against Pillow outside: file to tensor, in one run, taking turns.

    python -m benchmarks.guest_pictures [--rounds 60]

The guest is tests/functions/guests/tensor.c: a fresh instance decodes the request, resizes it to 224 x 224 and answers
the tensor. Beside it `littoral.data.prepare`, which is Pillow's decoder and resampling, native, with SIMD. The picture
is Coral's parrot brought to 500 x 500. Times are the best of all rounds, as machines are busy.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from littoral.data import Contract, InputContract, prepare
from littoral.functions import compiled, manifest
from littoral.functions.build import build
from littoral.functions.described import describe, path_of
from littoral.functions.function import Function
from littoral.runtime import TensorInfo

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("LITTORAL_TEST_DATA", ROOT.parent / "shared" / "data"))
SIDE = 500
CONTRACT = InputContract(224, 224, scale=1 / 128, mean=128.0)


def function() -> Function:
    tensor = TensorInfo("x", "x", 0, (1, 224, 224, 3), np.dtype("uint8"), 1 / 128, 128)
    files = {path_of("m"): describe([tensor], [tensor], Contract(inputs=(CONTRACT,)))}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copy(ROOT / "tests/functions/guests/tensor.c", folder)
        (folder / "function.toml").write_text('name = "tensor"\n')
        described = manifest.read(folder / "function.toml")
        module = compiled.compile(build(folder).module.read_bytes(), described, files)
    return Function(module, described, {}, files)


def encoded(kind: str, **options: object) -> bytes:
    with Image.open(DATA / "coral" / "parrot.jpg") as image:
        file = io.BytesIO()
        image.convert("RGB").resize((SIDE, SIDE)).save(file, kind, **options)
    return file.getvalue()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    pictures = {
        "JPEG, quality 75": encoded("JPEG"),
        "JPEG, quality 90, 4:4:4": encoded("JPEG", quality=90, subsampling=0),
        "JPEG, progressive": encoded("JPEG", progressive=True),
        "PNG": encoded("PNG"),
        "BMP": encoded("BMP"),
    }
    with function() as guest:
        for name, content in pictures.items():
            native, ours = [], []
            for _ in range(rounds):
                native.append(seconds(lambda body=content: prepare(Image.open(io.BytesIO(body)), CONTRACT)))  # type: ignore[misc]
                ours.append(seconds(lambda body=content: guest.invoke(body)))  # type: ignore[misc]
            ratio = min(ours) / min(native)
            print(f"{name:24} Pillow {1e3 * min(native):5.2f} ms   guest {1e3 * min(ours):5.2f} ms   {ratio:4.2f}x")


if __name__ == "__main__":
    main()
