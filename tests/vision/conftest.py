"""Small models made by hand that give chosen values for any picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from tests.vision.made import Array, Builder

from littoral.data import Contract, InputContract
from littoral.runtime import Model, load

Gives = Callable[..., Model]


@pytest.fixture
def gives() -> Iterator[Gives]:
    """A model of given outputs: gives({name: array}, width=..., height=..., **fields of its input's contract)."""
    models: list[Model] = []

    def make(
        outputs: Mapping[str, Array],
        *,
        width: int = 16,
        height: int = 16,
        labels: tuple[str, ...] = (),
        **contract: Any,
    ) -> Model:
        builder = Builder(width, height)
        graph = builder.graph([builder.value(name, np.asarray(value)) for name, value in outputs.items()])
        fields = InputContract(width, height, **contract)
        models.append(load(graph, threads=1, contract=Contract((fields,), labels)))
        return models[-1]

    yield make
    for model in models:
        model.close()
