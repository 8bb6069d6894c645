"""Accelerators come in as pip packages; the one of the tutorial is built, installed and run."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.delegate.conftest import Scripted, arithmetic

from littoral.devices import parse
from littoral.errors import DeviceError, LittoralError
from littoral.runtime.delegate import Delegate, make, plugins

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "accelerator"
PROGRAM = """
import sys
import numpy as np
from littoral.devices import parse
from littoral.runtime.delegate import attach, installed, make
from littoral.tflite import read

assert installed()["numpy"].value == "numpy_accelerator:NumPy"
(device,) = parse("numpy")
graph = read(sys.argv[1])
x = np.random.default_rng(0).random((1, 100, 100, 3), np.float32)
with attach(graph, make(device), file=sys.argv[1]) as session:
    (y,) = session.run(x)
    print([place.name for place in session.placement.operators if place.runner == "numpy"])

from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1])
interpreter.allocate_tensors()
interpreter.set_tensor(graph.main.inputs[0], x)
interpreter.invoke()
assert np.allclose(y, interpreter.get_tensor(graph.main.outputs[0]), atol=1e-5)
"""


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_accelerator_of_the_tutorial(tmp_path: Path, flowers: Path) -> None:
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    run(
        *(uv, "pip", "install", "--offline", "--no-deps", "--no-build-isolation", "--no-cache", "--quiet"),
        *("--python", sys.executable, "--target", tmp_path, EXAMPLE),
    )
    file = flowers / "models" / "model.tflite"
    done = run(sys.executable, "-c", PROGRAM, file, PYTHONPATH=str(tmp_path))
    assert done.stdout.splitlines()[-1] == "['FULLY_CONNECTED', 'FULLY_CONNECTED']"


def test_the_tutorial_shows_the_example_as_it_is() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "delegates.md").read_text()
    assert (EXAMPLE / "numpy_accelerator.py").read_text() in page
    assert (EXAMPLE / "pyproject.toml").read_text() in page


def failing(*options: str) -> Delegate:
    """A factory as an entry point may name it."""
    if options:
        raise DeviceError(f"no option {options[0]!r}", "Accepted: none")
    raise OSError("the card is not plugged in")


def scripted() -> Delegate:
    return Scripted(arithmetic)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Makes the device "mine" of an object."""

    class Point(EntryPoint):
        made: Any = None

        def load(self) -> Any:
            return Point.made or super().load()

    def install(made: Any) -> None:
        Point.made = None if isinstance(made, str) else made
        value = made if isinstance(made, str) else "package:name"
        monkeypatch.setattr(plugins, "entry_points", lambda group: [Point("mine", value, group)])

    return install


def test_a_factory_is_called_with_the_options(install: Callable[[Any], None]) -> None:
    seen: list[str] = []

    def factory(*options: str) -> Delegate:
        seen.extend(options)
        return scripted()

    install(factory)
    assert make(*parse("mine:fast:2")).name == "scripted"
    assert seen == ["fast", "2"]


@pytest.mark.parametrize(
    ("made", "device", "words"),
    [
        (scripted, "yours", "no accelerator 'yours' is installed. Installed accelerators: mine"),
        ("no_such_package:NumPy", "mine", "mine failed in import of no_such_package:NumPy: ModuleNotFoundError"),
        ("math:NumPy", "mine", "mine failed in import of math:NumPy: AttributeError"),
        (scripted, "mine:fast", "mine failed in making the delegate of 'mine:fast': TypeError"),
        (failing, "mine", "OSError: the card is not plugged in"),
        (failing, "mine:slow", "no option 'slow'. Accepted: none"),
        (lambda: 3, "mine", "package:name made a int for device 'mine'"),
    ],
    ids=["unknown", "package", "name", "options", "raises", "refuses", "type"],
)
def test_what_can_go_wrong(install: Callable[[Any], None], made: Any, device: str, words: str) -> None:
    install(made)
    with pytest.raises(LittoralError) as caught:
        make(*parse(device))
    assert words in str(caught.value)
