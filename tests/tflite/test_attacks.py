"""One test for each kind of hostile file: ModelFileError, in words, at once."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable

import pytest

from littoral.errors import ModelFileError
from littoral.tflite import Buffer, Graph, Tensor, read, to_bytes


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def table_file(slots: dict[int, int], body: bytes, *, size: int | None = None) -> bytes:
    """A file whose root table has some 4-byte fields, followed at once by `body`."""
    count = max(slots) + 1
    places = {slot: 4 + 4 * index for index, slot in enumerate(slots)}
    length = 4 + 4 * len(slots) if size is None else size
    vtable = struct.pack(f"<{count + 2}H", 4 + 2 * count, length, *(places.get(slot, 0) for slot in range(count)))
    vtable += bytes(-len(vtable) % 4)
    root = 8 + len(vtable)
    return u32(root) + b"TFL3" + vtable + u32(root - 8, *slots.values()) + body


SUBGRAPHS, DESCRIPTION, BUFFERS = 2, 3, 4


def refused(data: bytes, what: str) -> None:
    with pytest.raises(ModelFileError, match=what) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_truncated_anywhere(quantized: Graph) -> None:
    data = to_bytes(quantized)
    for size in range(len(data)):
        with pytest.raises(ModelFileError):
            read(data[:size])


def test_root_beyond_the_file() -> None:
    refused(u32(0x7FFFFFF0) + b"TFL3" + bytes(40), "Model .*needs 4 bytes, and the file has 48")


def test_root_at_itself() -> None:
    refused(u32(0) + b"TFL3" + bytes(40), "points 0 bytes ahead")


def test_vtable_before_the_file() -> None:
    refused(u32(8) + b"TFL3" + u32(0x7FFFFFFF) + bytes(40), "the layout of Model .*needs 4 bytes")


def test_vtable_of_odd_size() -> None:
    refused(u32(16) + b"TFL3" + struct.pack("<HHHH", 5, 8, 4, 0) + u32(8) + bytes(40), "makes no sense")


def test_vtable_longer_than_the_file() -> None:
    refused(u32(16) + b"TFL3" + struct.pack("<HHHH", 0xFFFE, 8, 4, 0) + u32(8) + bytes(40), "needs 65534 bytes")


def test_field_outside_its_table() -> None:
    refused(table_file({SUBGRAPHS: 4}, bytes(40), size=4), "subgraphs .*outside its table")


def test_table_longer_than_the_file() -> None:
    refused(table_file({SUBGRAPHS: 4}, b"", size=0x7FFF), "needs 32767 bytes")


def test_vector_longer_than_the_file() -> None:
    refused(table_file({BUFFERS: 4}, u32(0xFFFFFFFF) + bytes(40)), "buffers .*needs 17179869180 bytes")


def test_vector_of_distances_that_go_back() -> None:
    refused(table_file({BUFFERS: 4}, u32(1, 0) + bytes(40)), "buffers .*points 0 bytes ahead")


def test_distance_beyond_the_file() -> None:
    refused(table_file({BUFFERS: 4}, u32(1, 0xFFFFFFFC) + bytes(40)), "buffers .*needs 4 bytes")


def test_distance_that_is_not_aligned() -> None:
    refused(table_file({BUFFERS: 5}, bytes(40)), "points 5 bytes ahead")


def test_text_without_an_end() -> None:
    refused(table_file({DESCRIPTION: 4}, u32(4) + b"abcd"), "description .*needs 5 bytes")
    refused(table_file({DESCRIPTION: 4}, u32(4) + b"abcdefgh"), "does not end with a zero byte")


def test_text_that_is_not_utf8() -> None:
    refused(table_file({DESCRIPTION: 4}, u32(4) + b"\xff\xfe\xfd\xfc" + bytes(4)), "not UTF-8")


def bomb(count: int) -> bytes:
    """Many distances to one and the same table."""
    end = 4 + 4 * count
    distances = (end + 8 - (4 + 4 * index) for index in range(count))
    return table_file({BUFFERS: 4}, u32(count, *distances) + struct.pack("<HHHH", 4, 4, 0, 0) + u32(8))


def numbers(count: int) -> bytes:
    """One subgraph with a million inputs."""
    layout = struct.pack("<HHHH", 8, 8, 0, 4)
    return table_file({SUBGRAPHS: 4}, u32(1, 12) + layout + u32(8, 4, count) + u32(*range(10**6, 10**6 + count)))


@pytest.mark.parametrize("make", [bomb, numbers])
def test_files_that_unfold_to_much_more(make: Callable[[int], bytes]) -> None:
    data = make(120_000)
    tracemalloc.start()
    refused(data, "unfolds to many times its size|of version 0")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * len(data)


def test_buffers_that_are_used_many_times_over() -> None:
    """A hundred buffers of one and the same megabyte would be a hundred megabytes when written."""
    count, size = 100, 1 << 20
    layout = struct.pack("<HHHH", 6, 8, 4, 0)
    tables = 4 + 4 * count + 8
    distances = (tables + 8 * index - (4 + 4 * index) for index in range(count))
    content = tables + 8 * count
    body = u32(count, *distances) + layout
    for index in range(count):
        body += struct.pack("<iI", 8 + 8 * index, content - (tables + 8 * index + 4))
    refused(table_file({BUFFERS: 4}, body + u32(size) + bytes(size)), "unfolds to many times its size")


def test_unknown_kind_of_options(adder: Graph) -> None:
    data = bytearray(to_bytes(adder))
    places = [index for index in range(len(data)) if data[index] == 11]  # AddOptions
    errors = set()
    for place in places:
        changed = data[:place] + b"\xf0" + data[place + 1 :]
        try:
            read(changed)
        except ModelFileError as error:
            errors.add("of kind 240, which this littoral does not know" in str(error))
    assert True in errors


def test_weights_far_beyond_the_file(adder: Graph) -> None:
    adder.main.tensors.append(Tensor(shape=(300,), buffer=Buffer(data=bytes(1200))))
    far = to_bytes(adder, limit=1500)
    place = far.index(struct.pack("<Q", 1200))
    for value in (2**63, 2**64 - 1, len(far)):
        refused(far[:place] + struct.pack("<Q", value) + far[place + 8 :], "data .*and the file has")


def test_files_with_weights_elsewhere() -> None:
    group = u32(1, 12) + struct.pack("<HHHH", 6, 8, 4, 0) + u32(8, 4, 4) + b"gpu0" + bytes(4)
    refused(table_file({8: 4}, group), "keeps weights in other files")


@pytest.mark.parametrize("value", [0, 1, 2, 4, 255, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF])
def test_every_word_of_a_small_file(quantized: Graph, counter: Graph, value: int) -> None:
    """Any word replaced by a tricky one gives a graph or a ModelFileError, nothing else."""
    for graph in (quantized, counter):
        data = to_bytes(graph)
        for place in range(0, len(data), 4):
            try:
                changed = read(data[:place] + u32(value) + data[place + 4 :])
            except ModelFileError:
                continue
            assert isinstance(changed, Graph)


def test_every_bit_of_a_small_file(adder: Graph) -> None:
    data = to_bytes(adder)
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            try:
                graph = read(changed)
            except ModelFileError:
                continue
            assert isinstance(graph, Graph)
