"""Contexts and calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, TypeAlias

import pytest

from littoral import webnn

Call: TypeAlias = Callable[..., list[str]]


@pytest.fixture
def context() -> Iterator[webnn.MLContext]:
    with webnn.create_context("cpu", threads=1) as made:
        yield made


@pytest.fixture(scope="session")
def call() -> Call:
    """Calls an operation; operands are written "float32[2,3]", and so is what it returns."""
    builder = webnn.MLGraphBuilder(webnn.MLContext("cpu", None, True))
    numbers = count()

    def operand(value: Any) -> Any:
        if isinstance(value, list):
            return [operand(each) for each in value]
        found = re.fullmatch(r"(\w+)\[([\d,]*)\]", value) if isinstance(value, str) else None
        if not found:
            return value
        shape = [int(size) for size in found[2].split(",") if size]
        return builder.input(f"x{next(numbers)}", {"dataType": found[1], "shape": shape})

    def run(operation: str, **named: Any) -> list[str]:
        result = getattr(builder, operation)(**{name: operand(value) for name, value in named.items()})
        operands = result if isinstance(result, list) else [result]
        return [f"{each.data_type}[{','.join(map(str, each.shape))}]" for each in operands]

    return run
