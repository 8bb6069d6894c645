"""Our reading and writing against Google's generated code for the same schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from littoral.tflite import Buffer, Graph, Metadata, Operator, OperatorCode, Signature, Subgraph, Tensor, to_bytes
from littoral.tflite.graph import Model
from littoral.tflite.options import BUILTIN_OPTIONS, BUILTIN_OPTIONS_2
from littoral.tflite.reader import Reader
from littoral.tflite.wire import (
    Array,
    Blob,
    Child,
    Children,
    Enumeration,
    Field,
    Numbers,
    Reference,
    References,
    Scalar,
    Table,
    Text,
    Union,
    fields_of,
)
from littoral.tflite.writer import Writer

NAMES = {
    "Subgraph": "SubGraph",
    "Quantization": "QuantizationParameters",
    "Sparsity": "SparsityParameters",
    "Signature": "SignatureDef",
}
ELSEWHERE = {
    "OperatorT": {"largeCustomOptionsOffset", "largeCustomOptionsSize"},
    "BufferT": {"offset", "size"},
    "ModelT": {"externalBuffers"},
}
"""Fields of theirs that are not attributes of ours: where far bytes lie, and what we refuse."""


@pytest.fixture(scope="module")
def schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def decode(data: bytes) -> Model:
    return Reader(memoryview(data), "test").root(Model)


def oracle(schema: Any, data: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(data, 0)


def assert_same(ours: Table, theirs: Any, pools: dict[type[Table], list[Any]]) -> None:
    """Every field, slot by slot."""
    name = NAMES.get(type(ours).__name__, type(ours).__name__)
    assert type(theirs).__name__ == f"{name}T"
    names = [name for name in vars(theirs) if name not in ELSEWHERE.get(type(theirs).__name__, ())]
    for field in sorted(fields_of(type(ours)), key=lambda field: field.slot):
        value = getattr(ours, field.name)
        if isinstance(field.kind, Union):
            code, other = getattr(theirs, names.pop(0)), getattr(theirs, names.pop(0))
            assert (code != 0) == (value is not None)
            if value is not None:
                assert field.kind.tables[code] is type(value)
                assert_same(value, other, pools)
        else:
            assert_field(field, value, getattr(theirs, names.pop(0)), pools)
    assert not names


def assert_field(field: Field, value: Any, other: Any, pools: dict[type[Table], list[Any]]) -> None:
    kind = field.kind
    if isinstance(kind, (Scalar, Enumeration)):
        assert value == other or (value != value and other != other), field
    elif isinstance(kind, Text):
        assert value == (other or b"").decode()
    elif isinstance(kind, Numbers):
        assert value == tuple(() if other is None else other)
    elif isinstance(kind, Array):
        assert value.tobytes() == b"" if other is None else np.asarray(other, kind.dtype).tobytes() == value.tobytes()
    elif isinstance(kind, Blob):
        assert (value or b"") == bytes([] if other is None else other)
    elif isinstance(kind, (Child, Children)):
        ours, theirs = (value, other or []) if isinstance(kind, Children) else ([value], [other])
        for one, another in zip(ours, theirs, strict=True):
            assert (one is None) == (another is None)
            if one is not None:
                assert_same(one, another, pools)
    elif isinstance(kind, Reference):
        pool = pools[kind.table]
        assert value is (pool[other].pooled(other) if pool else None)
    else:
        assert isinstance(kind, References)
        assert value == tuple(pools[kind.table][index].pooled(index) for index in ([] if other is None else other))


def assert_models_same(schema: Any, data: bytes) -> Model:
    ours = decode(data)
    pools: dict[type[Table], list[Any]] = {OperatorCode: ours.operator_codes, Buffer: ours.buffers}
    assert_same(ours, oracle(schema, data), pools)
    return ours


def test_real_files_read_the_same(schema: Any, model_file: Path) -> None:
    assert_models_same(schema, model_file.read_bytes())


def test_real_files_written_read_the_same(schema: Any, model_file: Path) -> None:
    model = decode(model_file.read_bytes())
    data = b"".join(Writer(model, outside=False).pieces())
    assert assert_models_same(schema, data).subgraphs == model.subgraphs


def constants(theirs: type) -> dict[str, int]:
    return {name: code for name, code in vars(theirs).items() if isinstance(code, int) and not name.startswith("_")}


def test_unions_are_numbered_as_theirs(schema: Any) -> None:
    for tables, theirs in ((BUILTIN_OPTIONS, schema.BuiltinOptions), (BUILTIN_OPTIONS_2, schema.BuiltinOptions2)):
        numbers = {name: code for name, code in constants(theirs).items() if code}
        assert {cls.__name__: code for code, cls in tables.items()} == numbers


def test_operators_are_numbered_as_theirs(schema: Any) -> None:
    from littoral.tflite.operators import BUILTIN_CODES

    assert constants(schema.BuiltinOperator) == BUILTIN_CODES


RANGES = {"b": (-128, 127), "B": (0, 255), "i": (-(2**31), 2**31 - 1), "I": (0, 2**32 - 1), "q": (-(2**63), 2**63 - 1)}


def numbers(code: str) -> st.SearchStrategy[Any]:
    if code == "?":
        return st.booleans()
    if code == "f":
        return st.floats(width=32)
    return st.integers(*RANGES[code])


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values that a field of a kind may have."""
    if isinstance(kind, Scalar):
        return numbers(kind.code)
    if isinstance(kind, Enumeration):
        return st.sampled_from(list(kind.enum))
    if isinstance(kind, Text):
        return st.text(st.characters(codec="utf-8"), max_size=5)
    if isinstance(kind, Numbers):
        return st.lists(numbers(kind.code), max_size=4).map(tuple)
    if isinstance(kind, Array):
        return st.binary(max_size=24).map(
            lambda raw: np.frombuffer(raw[: len(raw) // kind.item * kind.item], kind.dtype)
        )
    if isinstance(kind, Blob):
        return st.binary(max_size=40)
    if isinstance(kind, Child):
        return tables(kind.table)
    if isinstance(kind, Children):
        return st.lists(tables(kind.table), max_size=2)
    assert isinstance(kind, Union)
    return st.sampled_from(list(kind.tables.values())).flatmap(tables)


def tables(cls: type[Table]) -> st.SearchStrategy[Any]:
    """Tables of a class, with any of its fields left out that may be."""
    every = {field.name: values(field.kind) for field in fields_of(cls) if not isinstance(field.kind, Reference)}
    needed = {name: value for name, value in every.items() if not hasattr(cls, name)}
    optional = {name: value for name, value in every.items() if name not in needed}
    if cls is Operator:
        needed["code"] = tables(OperatorCode)
    if cls in (Tensor, Metadata):
        optional["buffer"] = tables(Buffer).filter(lambda buffer: buffer.data is not None)
    return st.fixed_dictionaries(needed, optional=optional).map(lambda fields: cls(**fields))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(subgraphs=st.lists(tables(Subgraph), max_size=2), far=st.booleans())
def test_any_subgraph_comes_back(schema: Any, subgraphs: list[Subgraph], far: bool) -> None:
    graph = Graph(subgraphs=subgraphs, metadata=[], signatures=[])
    data = to_bytes(graph, limit=2**31 - 1)
    assert assert_models_same(schema, data).subgraphs == subgraphs
    if far:
        model = Model(version=3, operator_codes=[], subgraphs=subgraphs, buffers=[], metadata=[], signatures=[])
        assert decode(b"".join(Writer(model, outside=True).pieces())).subgraphs == subgraphs


buffers = st.none() | st.binary(max_size=20).map(lambda data: Buffer(data=data))


@settings(deadline=None)
@given(
    version=st.integers(0, 2**32 - 1),
    description=st.text(st.characters(codec="utf-8")),
    metadata=st.lists(tables(Metadata), max_size=3),
    signatures=st.lists(tables(Signature), max_size=2),
    metadata_buffers=st.lists(buffers, max_size=3).map(tuple),
)
def test_what_is_around_subgraphs_comes_back(schema: Any, **values: Any) -> None:
    model = assert_models_same(schema, to_bytes(Graph(subgraphs=[], **values)))
    assert {name: getattr(model, name) for name in values} == values


def test_options_in_the_wrong_union_are_a_mistake() -> None:
    operator = Operator(code=OperatorCode.of("DILATE"), options=BUILTIN_OPTIONS_2[18]())
    with pytest.raises(TypeError, match="options cannot be a DilateOptions"):
        to_bytes(Graph(subgraphs=[Subgraph(tensors=[], operators=[operator])], metadata=[], signatures=[]))


@pytest.mark.parametrize("cls", [*BUILTIN_OPTIONS.values(), *BUILTIN_OPTIONS_2.values()], ids=lambda cls: cls.__name__)
def test_every_options_table_comes_back(schema: Any, cls: type[Table]) -> None:
    """With every field set to something that is not its default."""

    def other(field: Field) -> Any:
        kind = field.kind
        if isinstance(kind, Enumeration):
            return list(kind.enum)[-1]
        if isinstance(kind, Text):
            return "text"
        if isinstance(kind, Numbers):
            return (True,) if kind.code == "?" else (1, 2, 3)
        if isinstance(kind, Array):
            return np.arange(3, dtype=kind.dtype)
        if isinstance(kind, Blob):
            return b"blob"
        return not field.default if isinstance(field.default, bool) else field.default + 2

    options = cls(**{field.name: other(field) for field in fields_of(cls)})
    place = "options" if cls in BUILTIN_OPTIONS.values() else "options_2"
    operator = Operator(code=OperatorCode.of("CUSTOM")).replaced(**{place: options})
    graph = Graph(subgraphs=[Subgraph(tensors=[], operators=[operator])], metadata=[], signatures=[])
    model = assert_models_same(schema, to_bytes(graph))
    assert getattr(model.subgraphs[0].operators[0], place) == options
