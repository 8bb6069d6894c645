"""quantizeLinear and dequantizeLinear: one scale for a block of values."""

from __future__ import annotations

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import Given, Rule


def _linear(given: Given, data_type: str) -> list[Descriptor]:
    shape, scale = given["input"].shape, given["scale"].shape
    given.expect_shape("zeroPoint", scale)
    if any(size % blocks for size, blocks in zip(shape, scale, strict=True)):
        given.fail("scale", f"has shape {list(scale)}, which does not divide the input's, {list(shape)}")
    return [Descriptor(data_type, shape)]


RULES: dict[str, Rule] = {
    "dequantizeLinear": lambda given: _linear(given, given["scale"].data_type),
    "quantizeLinear": lambda given: _linear(given, given["zeroPoint"].data_type),
}
