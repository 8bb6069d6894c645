"""Packages: what the chip's driver would take is read, all else is refused in one line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coral.packages import L, X, caching_pair, executable, package

from littoral.coral.executable import ExecutableType, read_package
from littoral.errors import ModelFileError

EACH, ONCE = caching_pair(b"p" * 64, b"q" * 16)
SMALL = package([executable(EACH), executable(ONCE)])


def test_a_package() -> None:
    contents = read_package(SMALL, "it")
    assert contents.package.min_runtime_version == 13
    assert contents.package.compiler_version == "cl/1"
    each, once = contents.executables
    assert (each.type, once.type) == (ExecutableType.EXECUTION_ONLY, ExecutableType.PARAMETER_CACHING)
    assert (bytes(each.parameters), bytes(once.parameters)) == (b"q" * 16, b"p" * 64)
    assert each.parameter_caching_token == once.parameter_caching_token == 7
    assert [layer.name for layer in (*each.input_layers, *each.output_layers)] == ["in", "out"]
    assert each.input_layers[0].numerics is not None
    assert each.input_layers[0].numerics.dequantization_factor == 0.5


def test_what_an_executable_leaves_out_has_its_default() -> None:
    (table,) = read_package(package([executable(X())]), "it").executables
    assert table.type is ExecutableType.STAND_ALONE
    assert table.dma_hints is None
    assert table.input_layers[0].execution_count_per_inference == 1
    assert (table.scratch_size_bytes, table.parameter_caching_token, table.estimated_cycles) == (0, 0, 0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "its identifier DWN1 is missing"),
        (package([executable(X())], identifier=b"TFL3"), "its identifier DWN1 is missing"),
        (package([executable(X())], chip_id=-1), "for several chips"),
        (package([]), r"its executables \(none\) do not go together"),
        (package([executable(EACH)] * 2), "EXECUTION_ONLY, EXECUTION_ONLY. do not go together"),
        (package([executable(X()), executable(EACH)]), "STAND_ALONE, EXECUTION_ONLY. do not go together"),
        (package([executable(X())] * 4), "4 executables"),
        (package([executable(X(type=3))]), "is 3, and ExecutableType has 0 to 2"),
        (package([executable(X(batch=0))]), "the batch size 0"),
        (package([executable(X(hints=((4, 0, 1),)))]), "is 4, and Memory has 0 to 3"),
        (package([executable(X(scratch=-1))]), "works in -1 bytes"),
        (package([executable(X(hints=((1, 0, -5),)))]), "a transfer of -5 bytes"),
        (package([executable(X(hints=(), sent=3))]), "sends its instructions 3, and has 1"),
        (package([b"short"]), "an executable of it is damaged"),
        (SMALL[:40], "it is damaged"),
    ],
)
def test_what_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ModelFileError, match=why) as caught:
        read_package(data, "it")
    assert "\n" not in str(caught.value)


def test_cut_short_anywhere() -> None:
    """A package that ends early is refused: only padding may be missing."""
    for size in range(0, len(SMALL) - 8, 3):
        with pytest.raises(ModelFileError):
            read_package(SMALL[:size], "it")


@settings(max_examples=400)
@given(st.data())
def test_altered_bytes_are_read_or_refused(data: st.DataObject) -> None:
    altered = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 5))):
        altered[data.draw(st.integers(0, len(SMALL) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(altered))


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _read_or_refuse(data[:4] + b"DWN1" + data[4:])


def test_three_executables_are_one_of_each_type() -> None:
    assert len(read_package(package([executable(EACH), executable(ONCE), executable(X())]), "it").executables) == 3
    with pytest.raises(ModelFileError, match="do not go together"):
        read_package(package([executable(X())] * 3), "it")


def test_one_executable_used_again_and_again_costs_no_memory() -> None:
    """Twenty megabytes of executables in twenty kilobytes."""
    with pytest.raises(ModelFileError, match="unfolds to many times its size"):
        read_package(package([executable(X(parameters=bytes(4000)))] * 5000), "it")


def test_layers_of_other_types_and_counts() -> None:
    layer = L("state", (1, 2, 3), 64, type=9, zero_point=32768, executions=4)
    (table,) = read_package(package([executable(X(inputs=(layer,), outputs=()))]), "it").executables
    (found,) = table.input_layers
    assert (found.y_dim, found.x_dim, found.z_dim, found.size_bytes) == (1, 2, 3, 64)
    assert (found.data_type, found.execution_count_per_inference) == (9, 4)
    assert table.output_layers == []


def _read_or_refuse(data: bytes) -> None:
    try:
        contents = read_package(data, "it")
    except ModelFileError:
        return
    held = sum(len(table.parameters) for table in contents.executables)
    assert held <= 3 * len(data)
