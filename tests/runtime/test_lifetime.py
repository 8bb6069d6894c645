"""What is alive, and how it ends."""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import littoral
from littoral.errors import ClosedError
from littoral.runtime import Model, load, memory, scope
from littoral.tflite import Graph

A = np.array([[1, 2, 3, 4]], np.float32)


def resident() -> int:
    """Bytes of this process that are its own."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    pytest.skip("this system does not tell")


def test_what_is_open_is_counted(subtract: Graph) -> None:
    before = memory()
    with load(subtract) as model:
        now = memory()
        assert (now.models - before.models, now.engines - before.engines, now.workers - before.workers) == (1, 1, 0)
        assert now.bytes > before.bytes
        model(A, A)
    assert memory() == before == littoral.memory()


def test_a_scope_closes_what_was_made_inside(subtract: Graph) -> None:
    with load(subtract) as outside:
        with scope():
            inside = load(subtract)
            with scope():
                deepest = load(subtract)
                deepest(A, A)
            with pytest.raises(ClosedError):
                deepest(A, A)
            inside(A, A)
        with pytest.raises(ClosedError):
            inside(A, A)
        outside(A, A)


def test_a_scope_closes_also_after_an_error(subtract: Graph) -> None:
    before = memory().models
    model = None
    try:
        with littoral.scope():
            model = load(subtract)
            load(subtract)  # dropped at once
            raise KeyError
    except KeyError:
        assert memory().models == before
    with pytest.raises(ClosedError):
        model(A, A)  # type: ignore[misc]


def test_a_dropped_model_is_freed_and_named(subtract: Graph) -> None:
    before = memory().models
    gc.disable()  # nothing but the last reference frees it
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = load(subtract)
            line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
            model(A, A)
            del model
    finally:
        gc.enable()
    assert memory().models == before
    [warning] = caught
    assert warning.category is ResourceWarning
    assert "the model on cpu was not closed" in str(warning.message)
    assert (warning.filename, warning.lineno) == (__file__, line)


def test_a_signature_keeps_its_model(two_signatures: Graph) -> None:
    first = load(two_signatures).signatures["first"]
    np.testing.assert_array_equal(first(x=A, y=A), A - A)
    with pytest.warns(ResourceWarning, match="was not closed"):
        del first


def test_a_closed_model_is_dropped_in_silence(subtract: Graph) -> None:
    model = load(subtract)
    model.close()
    del model  # a warning would be an error


def test_models_that_are_alive_at_the_end_of_the_program_are_no_trouble(tmp_path: Path) -> None:
    code = """
import numpy as np
from littoral.runtime import load
from littoral.runtime.litert.probe import sum_model
kept = [load(sum_model()), load(sum_model(), isolate=True)]
print([model(np.ones((1, 4))).tolist() for model in kept])
"""
    command = [sys.executable, "-W", "error", "-c", code]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stdout) == (0, "[[[2.0, 2.0, 2.0, 2.0]], [[2.0, 2.0, 2.0, 2.0]]]\n"), child.stderr
    assert "Error" not in child.stderr
    assert "Warning" not in child.stderr


@pytest.mark.parametrize("device", ["cpu", "cpu:reference"])
def test_memory_is_flat_when_models_are_dropped(subtract: Graph, device: str) -> None:
    def cycles(count: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for _ in range(count):
                model = load(subtract, device, threads=1)
                model(A, A)
                del model

    cycles(50)
    before = resident()
    cycles(200)
    assert resident() - before < 3 << 20


def test_the_class_is_what_load_makes(subtract: Graph) -> None:
    with load(subtract) as model:
        assert isinstance(model, Model)
        assert model.notes == ()
        assert not model.isolated
