"""Two hundred of the mutants that benchmarks/fuzz_tflite.py makes by the ten thousand."""

from __future__ import annotations

import importlib.util
import sys
import tracemalloc
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "fuzz_tflite.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_tflite", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_mutants_parse_or_are_refused(fuzz: ModuleType, shared_data: Path) -> None:
    seeds = fuzz.load_seeds(shared_data)
    outcome = fuzz.Outcome()
    tracemalloc.start()
    try:
        for name, data in fuzz.mutants(seeds, 200, seed=20261120):
            fuzz.try_one(name, data, outcome)
    finally:
        tracemalloc.stop()
    assert outcome.crashes == []
    assert outcome.parsed > 10
    assert outcome.count - outcome.parsed > 50
    assert outcome.memory[fuzz.BANDS[-1]][0] < 10
    assert outcome.memory[0][1] < 9 * fuzz.BANDS[1] + (256 << 10)


def test_mutants_are_the_same_for_the_same_seed(fuzz: ModuleType) -> None:
    seeds = [fuzz.Seed("a", bytes(range(256)), list(range(64)))]
    assert list(fuzz.mutants(seeds, 50, 3)) == list(fuzz.mutants(seeds, 50, 3))
    assert list(fuzz.mutants(seeds, 50, 3)) != list(fuzz.mutants(seeds, 50, 4))
