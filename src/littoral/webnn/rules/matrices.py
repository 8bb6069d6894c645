"""gemm and matmul."""

from __future__ import annotations

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import Given, Rule, broadcast, broadcasts_to


def _gemm(given: Given) -> list[Descriptor]:
    a, b = given["a"].shape, given["b"].shape
    rows, inner = reversed(a) if given.flag("aTranspose") else a
    other, columns = reversed(b) if given.flag("bTranspose") else b
    if inner != other:
        given.fail("b", f"has {other} rows, and a has {inner} columns, after transposing as asked")
    if "c" in given and not broadcasts_to(given["c"].shape, (rows, columns)):
        given.fail("c", f"has shape {list(given['c'].shape)}, which does not broadcast to {[rows, columns]}")
    return [Descriptor(given["a"].data_type, (rows, columns))]


def _matmul(given: Given) -> list[Descriptor]:
    a, b = given["a"].shape, given["b"].shape
    if a[-1] != b[-2]:
        given.fail("b", f"has {b[-2]} rows, and a has {a[-1]} columns")
    batch = broadcast(a[:-2], b[:-2])
    if batch is None:
        given.fail("b", f"has shape {list(b)}, whose batch does not broadcast with {list(a)} of a")
    return [Descriptor(given["a"].data_type, (*batch, a[-2], b[-1]))]


RULES: dict[str, Rule] = {"gemm": _gemm, "matmul": _matmul}
