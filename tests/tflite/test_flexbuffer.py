"""FlexBuffers: what Google's library writes is read, and whatever else is refused."""

from __future__ import annotations

import struct

import pytest
from flatbuffers import flexbuffers
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.errors import ModelFileError
from littoral.tflite.flexbuffer import read_map

FLOATS = st.floats(-3e38, 3e38)  # Google's writer fails beyond float32
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), FLOATS, st.booleans(), st.integers(0, 2**64 - 1))
BYTES = st.binary(max_size=300)


def written(values: dict[str, object]) -> bytes:
    b = flexbuffers.Builder()
    with b.Map():
        for key, value in values.items():
            b.Key(key)
            if isinstance(value, bytes):
                b.Blob(value)
            elif isinstance(value, bool):
                b.Bool(value)
            elif isinstance(value, int) and value >= 2**63:
                b.UInt(value)
            elif isinstance(value, tuple):
                with b.Vector():
                    for item in value:
                        b.Add(item)
            else:
                b.Add(value)
    return bytes(b.Finish())


def plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


@given(st.dictionaries(KEYS, st.one_of(NUMBERS, BYTES, st.none()), max_size=20))
def test_maps_of_google_s_writer(values: dict[str, object]) -> None:
    found = read_map(written(values), "it")
    assert {key: plain(value) for key, value in found.items()} == values
    assert {key: type(plain(value)) for key, value in found.items()} == {k: type(v) for k, v in values.items()}


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), FLOATS), max_size=40))
def test_vectors(items: list[float]) -> None:
    assert read_map(written({"v": tuple(items)}), "it")["v"] == tuple(items)


@pytest.mark.parametrize("items", [[1, -2, 3], [0.5, -1.25], [2**40, -1]])
def test_vectors_of_one_type(items: list[float]) -> None:
    b = flexbuffers.Builder()
    with b.Map():
        b.Key("v")
        b.TypedVectorFromElements(items)
    assert read_map(bytes(b.Finish()), "it") == {"v": tuple(items)}


def test_text_is_bytes_and_need_not_be_text() -> None:
    data = written({"text": "snow"})
    assert plain(read_map(data, "it")["text"]) == b"snow"
    assert plain(read_map(data.replace(b"snow", b"\xff\0\xfe\1"), "it")["text"]) == b"\xff\0\xfe\1"


def test_values_are_views() -> None:
    data = written({"a": b"x" * 1000})
    value = read_map(data, "it")["a"]
    assert isinstance(value, memoryview)
    assert value.obj is data


def test_numbers_that_lie_elsewhere() -> None:
    b = flexbuffers.Builder()
    with b.Map():
        b.Key("i")
        b.IndirectInt(-5)
        b.Key("f")
        b.IndirectFloat(0.25)
    assert read_map(bytes(b.Finish()), "it") == {"f": 0.25, "i": -5}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "at least 3 bytes"),
        (b"\0\0", "at least 3 bytes"),
        (flexbuffers.Dumps(5), "not a map"),
        (flexbuffers.Dumps([1, 2]), "not a map"),
        (flexbuffers.Dumps({"a": {"b": 1}}), "inside of others"),
        (flexbuffers.Dumps({"a": [[1, 2], "x"]}), "inside of others"),
        (b"\0\0\0\0\0\0\x24\3", "not a map"),
    ],
)
def test_what_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ModelFileError, match=f"^the map is damaged: .*{why}.*Get the file again"):
        read_map(data, "the map")


def test_a_vector_used_again_and_again_costs_no_memory() -> None:
    """Hundreds of fields that point to one vector of thousands would be hundreds of thousands of items."""
    items, fields = 4000, 200
    vector = struct.pack("<I", items) + bytes(items * 4)
    key = b"k\0"
    body = bytearray(vector + key)
    body += bytes(-len(body) % 4)
    keys = len(body) + 4
    body += struct.pack("<I", fields) + b"".join(struct.pack("<I", keys + 4 * i - len(vector)) for i in range(fields))
    head = len(body)
    values = head + 12
    body += struct.pack("<III", head - keys, 4, fields)
    body += b"".join(struct.pack("<I", values + 4 * i - 4) for i in range(fields))
    body += bytes([11 << 2 | 2]) * fields
    body += bytes(-len(body) % 4)
    body += struct.pack("<I", len(body) - values) + bytes([9 << 2 | 2, 4])
    with pytest.raises(ModelFileError, match="unfolds to more than it holds"):
        read_map(bytes(body), "it")
    assert len(read_map(bytes(body).replace(bytes([11 << 2 | 2]) * fields, bytes(fields)), "it")) == 1


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _read_or_refuse(data)


@settings(max_examples=300)
@given(st.data())
def test_altered_bytes_are_read_or_refused(data: st.DataObject) -> None:
    seed = bytearray(written({"a": 1, "b": b"x" * 40, "c": (1, 2.5, "y"), "d": 2**40, "e": 0.1}))
    for _ in range(data.draw(st.integers(1, 4))):
        seed[data.draw(st.integers(0, len(seed) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(seed))


def _read_or_refuse(data: bytes) -> None:
    try:
        found = read_map(data, "it")
    except ModelFileError:
        return
    size = sum(len(value) for value in found.values() if isinstance(value, tuple))
    assert len(found) + size <= len(data)
