"""Small real models, trained once for all workers of a test run."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from littoral.tflite import Buffer, read, write

KERAS_3 = (
    "digits.keras", "digits.tflite", "keras3.h5", "saved", "lstm.tflite", "lstm-unrolled.tflite", "custom.keras",
    "lambda.keras", "flex", "any-size.keras", "islands.tflite", "leaky.tflite", "rescaling.tflite",
    "rescaling.keras",
    "two-inputs.tflite",
)  # fmt: skip
KERAS_2 = ("keras2.h5",)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of trained models; see train.py."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "models"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".done").exists():
            for names in (KERAS_3, KERAS_2):
                program = [sys.executable, str(Path(__file__).with_name("train.py")), str(folder), *names]
                subprocess.run(program, check=True, capture_output=True)
            (folder / ".done").touch()
    return folder


@pytest.fixture(scope="session")
def digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """Pictures [n, 8, 8, 1] of 0..1 and labels [n] of the handwritten digits; the first 1257 are those trained on."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images / 16).astype(np.float32)[..., None], bunch.target


@pytest.fixture
def spoiled(models: Path, tmp_path: Path) -> Path:
    """The digits' float model file, which int8 ruins although it computes what it always did.

    One channel of the first convolution is a thousand times larger than the others, which share its scale, and the
    next operator divides it by a thousand.
    """
    graph = read(models / "digits.tflite")
    main = graph.main
    first, second = main.operators[:2]
    assert (first.name, second.name) == ("CONV_2D", "DEPTHWISE_CONV_2D")

    def scale(index: int, place: tuple[Any, ...], factor: float) -> None:
        value = np.array(main.tensors[index].data)
        value[place] *= factor
        main.tensors[index].buffer = Buffer(data=value.tobytes())

    scale(first.inputs[1], (0,), 1000.0)
    scale(first.inputs[2], (0,), 1000.0)
    scale(second.inputs[1], (..., 0), 1 / 1000)
    file = tmp_path / "spoiled.float32.tflite"
    write(graph, file)
    return file


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a child program of a body of Python that has `request` and `say`; gives the module's name."""

    def make(body: str) -> str:
        lines = "\n".join("    " + line for line in body.splitlines())
        (tmp_path / "program_of_test.py").write_text(
            "import ctypes, os, signal, sys, time\n"
            "from littoral.convert.child.channel import RefusalError, main\n"
            f"def answer(request, say):\n{lines}\n"
            "if __name__ == '__main__':\n    main(answer)\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return "program_of_test"

    return make
