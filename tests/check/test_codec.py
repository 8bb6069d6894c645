from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.check.codec import decode, encode
from littoral.errors import DataError


@dataclass(frozen=True)
class Inner:
    count: int
    kind: Literal["a", "b"] = "a"
    derived: ClassVar[tuple[str, ...]] = ("double",)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("the count is negative")

    @property
    def double(self) -> int:
        return 2 * self.count


@dataclass(frozen=True)
class Outer:
    name: str
    ratio: float
    flag: bool
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    table: dict[str, float]
    perhaps: Inner | None = None


INNER = st.builds(Inner, st.integers(0, 2**60), st.sampled_from(["a", "b"]))
OUTER = st.builds(
    Outer,
    st.text(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.lists(INNER, max_size=3).map(tuple),
    st.tuples(st.integers(), st.text()),
    st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=3),
    st.none() | INNER,
)


@given(OUTER)
def test_what_is_written_is_read_back(value: Outer) -> None:
    assert decode(Outer, json.dumps(encode(value), allow_nan=False), "it") == value


def test_derived_values_are_written_and_skipped() -> None:
    assert encode(Inner(3)) == {"count": 3, "kind": "a", "double": 6}
    assert decode(Inner, '{"count": 3, "double": 99}', "it") == Inner(3)


def test_what_is_not_finite_becomes_text() -> None:
    assert encode([math.inf, -math.inf, math.nan, 1.5]) == ["Infinity", "-Infinity", "NaN", 1.5]
    text = json.dumps(encode(Outer("", math.nan, False, (), (0, ""), {"x": -math.inf})))
    found = decode(Outer, text, "it")
    assert math.isnan(found.ratio)
    assert found.table == {"x": -math.inf}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", r"it is \[\], not an object"),
        ('{"kind": "a"}', "it lacks count"),
        ('{"count": 1, "colour": 2}', "it has unknown keys colour"),
        ('{"count": 1.5}', "it.count is 1.5, not int"),
        ('{"count": true}', "it.count is true, not int"),
        ('{"count": "Infinity"}', "it.count is"),
        ('{"count": 1, "kind": "c"}', 'it.kind is "c", not a or b'),
        ('{"count": 1, "kind": ["a"]}', "it.kind is"),
        ('{"count": -1}', "it: the count is negative"),
    ],
)
def test_other_json_is_refused(text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        decode(Inner, text, "it")


def test_errors_name_the_place() -> None:
    good = encode(Outer("", 0.0, False, (Inner(1), Inner(2)), (0, ""), {}))
    for change, told in (
        ({"many": [good["many"][0], {"count": "x"}]}, r"it.many\[1\].count"),
        ({"pair": [1]}, "it.pair is .* not a list of 2"),
        ({"many": {}}, "it.many is {}, not a list"),
        ({"table": {"x": None}}, "it.table.x is null, not a number"),
        ({"ratio": True}, "it.ratio is true, not a number"),
    ):
        with pytest.raises(DataError, match=told):
            decode(Outer, json.dumps(good | change), "it")
