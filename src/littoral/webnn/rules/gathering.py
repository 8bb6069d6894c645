"""gather and scatter."""

from __future__ import annotations

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import Given, Rule, Shape


def _gather(given: Given) -> list[Descriptor]:
    source, indices = given["input"], given["indices"].shape
    axis = given.axis(len(source.shape))
    return [Descriptor(source.data_type, (*source.shape[:axis], *indices, *source.shape[axis + 1 :]))]


def _gather_elements(given: Given) -> list[Descriptor]:
    return [Descriptor(given["input"].data_type, _same_but_axis(given))]


def _gather_nd(given: Given) -> list[Descriptor]:
    return [Descriptor(given["input"].data_type, _slices(given))]


def _scatter_elements(given: Given) -> list[Descriptor]:
    given.expect_shape("updates", _same_but_axis(given))
    return [given["input"]]


def _scatter_nd(given: Given) -> list[Descriptor]:
    given.expect_shape("updates", _slices(given))
    return [given["input"]]


def _same_but_axis(given: Given) -> Shape:
    """The shape of indices that are the input's but along one axis."""
    source, indices = given["input"].shape, given["indices"].shape
    axis = given.axis(len(source))
    expected = (*source[:axis], indices[axis], *source[axis + 1 :])
    given.expect_shape("indices", expected)
    return expected


def _slices(given: Given) -> Shape:
    """The shape of what the last dimension of the indices points at."""
    source, indices = given["input"].shape, given["indices"].shape
    if indices[-1] > len(source):
        given.fail("indices", f"have {indices[-1]} coordinates, and the input has rank {len(source)}")
    return (*indices[:-1], *source[indices[-1] :])


RULES: dict[str, Rule] = {
    "gather": _gather,
    "gatherElements": _gather_elements,
    "gatherND": _gather_nd,
    "scatterElements": _scatter_elements,
    "scatterND": _scatter_nd,
}
