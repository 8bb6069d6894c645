"""Operators whose tensors and options make no sense end in a refusal, never otherwise."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from tests.webnn.from_model.conftest import model
from tests.webnn.from_model.test_operators import CASES

from littoral.errors import LittoralError, ModelFileError
from littoral.tflite import Buffer, Graph, Tensor, TensorType, check
from littoral.webnn import from_model
from littoral.webnn.limits import own_limits

TYPES = (*("FLOAT32", "INT8", "UINT8", "INT32", "INT64", "BOOL", "INT16", "STRING", "FLOAT16"),)


def broken(graph: Graph, rng: np.random.Generator) -> None:
    """Changes one thing of the operator or of its tensors."""
    tensors, (operator,) = graph.main.tensors, graph.main.operators
    place = int(rng.integers(len(tensors)))
    tensor: Tensor = tensors[place]
    kind = rng.integers(4)
    if kind == 0 and tensor.data is not None:
        noise = rng.integers(-3, 9, tensor.shape).astype(tensor.dtype)
        tensors[place] = tensor.replaced(buffer=Buffer(data=noise.tobytes()))
    elif kind == 1 and not tensor.is_constant:
        tensors[place] = tensor.replaced(shape=tuple(rng.integers(0, 5, rng.integers(0, 6)).tolist()))
    elif kind == 2 and not tensor.is_constant:
        tensors[place] = tensor.replaced(type=TensorType[str(rng.choice(TYPES))])
    else:
        options: Any = operator.options
        numbers = [name for name in getattr(options, "__annotations__", {}) if isinstance(getattr(options, name), int)]
        if numbers:
            name = str(rng.choice(numbers))
            made = options.replaced(**{name: type(getattr(options, name))(int(rng.integers(0, 2)))})
            graph.main.operators[0] = operator.replaced(options=made)
        else:
            graph.main.operators[0] = operator.replaced(options=None, options_2=None)


@pytest.mark.parametrize("seed", range(30))
def test_refused_or_lowered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for name, case in CASES.items():
        graph = model(case.operator, case.inputs, case.outputs, case.options)
        broken(graph, rng)
        try:
            check(graph)
        except ModelFileError:
            continue
        try:
            with contextlib.suppress(LittoralError):
                from_model.lower(graph)
            assert len(from_model.explain(graph, own_limits())) == 1
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error
