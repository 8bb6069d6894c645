"""WASI as a guest sees it: each test is a few calls, and what they give."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.functions import wasi
from littoral.functions.errors import FunctionError
from littoral.functions.files import tree
from littoral.functions.host import Environment, ExitError, Host, World
from littoral.functions.instance import PointerError
from littoral.functions.limits import Limits

FILES = tree({"labels.txt": b"cat\ndog\n", "models/a.json": b"{}"})


class FlatMemory:
    """A guest's memory without a guest."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(65536))

    def span(self, start: int, size: int) -> memoryview:
        if start + size > len(self.view):
            raise PointerError("outside")
        return self.view[start : start + size]

    prepare = span


class Guest:
    """Calls WASI as a guest does."""

    def __init__(self, body: bytes = b"", environment: Environment | None = None) -> None:
        world = World("guest", Limits(output=100), environment or Environment(), FILES, {})
        self.host = Host(world, body)
        self.host.memory = FlatMemory()  # type: ignore[assignment]

    def __call__(self, name: str, *arguments: int) -> Any:
        assert len(arguments) == len(wasi.FUNCTIONS[name].parameters)
        return wasi.FUNCTIONS[name].run(self.host, *arguments)

    def put(self, place: int, content: bytes) -> int:
        self.host.memory.view[place : place + len(content)] = content
        return len(content)

    def get(self, place: int, form: str) -> Any:
        values = struct.unpack_from(f"<{form}", self.host.memory.view, place)
        return values[0] if len(values) == 1 else values

    def open(self, path: str, how: int = 0, rights: int = 0) -> int:
        size = self.put(100, path.encode())
        number = self("path_open", 3, 0, 100, size, how, rights, 0, 0, 200)
        return int(self.get(200, "I")) if number == 0 else -number

    def read(self, descriptor: int, *sizes: int) -> bytes:
        place = 1000
        for index, size in enumerate(sizes):
            self.put(300 + 8 * index, struct.pack("<II", place, size))
            place += size
        assert self("fd_read", descriptor, 300, len(sizes), 280) == 0
        return bytes(self.host.memory.view[1000 : 1000 + self.get(280, "I")])


def test_the_body_is_read_in_pieces_and_has_a_size() -> None:
    guest = Guest(b"0123456789")
    assert guest("fd_filestat_get", 0, 400) == 0
    assert (guest.get(432, "Q"), guest.get(416, "B")) == (10, 4)
    assert [guest.read(0, 2, 3), guest.read(0, 100), guest.read(0, 5)] == [b"01234", b"56789", b""]


def test_seeking_in_the_body() -> None:
    guest = Guest(b"0123456789")
    steps = [(3, 0, 3), (2, 1, 5), ((1 << 64) - 4, 2, 6), ((1 << 64) - 1, 1, 5)]
    for offset, whence, position in steps:
        assert guest("fd_seek", 0, offset, whence, 240) == 0
        assert guest.get(240, "Q") == position
    assert guest("fd_tell", 0, 240) == 0
    assert guest.read(0, 2) == b"56"
    assert guest("fd_seek", 0, (1 << 64) - 20, 1, 240) == wasi.INVAL
    assert guest("fd_seek", 0, 0, 3, 240) == wasi.INVAL
    assert guest("fd_seek", 1, 0, 0, 240) == wasi.SPIPE
    assert guest("fd_seek", 9, 0, 0, 240) == wasi.BADF


def test_reading_at_a_place_leaves_the_position() -> None:
    guest = Guest(b"0123456789")
    guest.put(300, struct.pack("<II", 1000, 4))
    assert guest("fd_pread", 0, 300, 1, 7, 280) == 0
    assert (guest.get(280, "I"), bytes(guest.host.memory.view[1000:1003])) == (3, b"789")
    assert guest.read(0, 1) == b"0"


def test_writing_to_the_answer_and_the_log() -> None:
    guest = Guest()
    guest.put(1000, b"helloworld")
    guest.put(300, struct.pack("<IIII", 1000, 5, 1005, 5))
    assert guest("fd_write", 1, 300, 2, 280) == 0
    assert guest("fd_write", 2, 300, 1, 280) == 0
    assert (bytes(guest.host.output), guest.host.log, guest.get(280, "I")) == (b"helloworld", "hello", 5)
    assert guest("fd_write", 0, 300, 1, 280) == wasi.BADF
    assert guest("fd_write", 1, 300, 2000, 280) == wasi.INVAL


def test_files_are_opened_read_and_closed() -> None:
    guest = Guest()
    labels, other = guest.open("labels.txt"), guest.open("models/../models/./a.json")
    assert (labels, other) == (4, 5)
    assert guest.read(labels, 100) == b"cat\ndog\n"
    assert guest.read(other, 100) == b"{}"
    assert guest("fd_close", labels) == 0
    assert guest("fd_close", labels) == wasi.BADF
    assert guest.open("labels.txt") == 4
    assert guest.open("models") == 6
    assert guest("fd_read", 6, 300, 1, 280) == wasi.ISDIR


@pytest.mark.parametrize(
    ("path", "how", "rights", "number"),
    [
        ("none.txt", 0, 0, wasi.NOENT),
        ("labels.txt/x", 0, 0, wasi.NOENT),
        ("none.txt", 1, 0, wasi.ROFS),
        ("labels.txt", 8, 0, wasi.ROFS),
        ("labels.txt", 0, 1 << 6, wasi.ROFS),
        ("labels.txt", 2, 0, wasi.NOTDIR),
        ("models", 0, 1 << 6, wasi.ISDIR),
        ("../secret", 0, 0, wasi.NOTCAPABLE),
        ("models/../../secret", 0, 0, wasi.NOTCAPABLE),
    ],
)
def test_what_cannot_be_opened_has_its_number(path: str, how: int, rights: int, number: int) -> None:
    assert Guest().open(path, how, rights) == -number


def test_a_guest_may_not_open_files_without_end() -> None:
    guest = Guest()
    opened = [guest.open("labels.txt") for _ in range(70)]
    assert opened[:60] == list(range(4, 64))
    assert set(opened[60:]) == {-wasi.MFILE}


def test_a_folder_is_listed_as_far_as_there_is_room() -> None:
    guest = Guest()
    names, cookie = [], 0
    while True:
        assert guest("fd_readdir", 3, 1000, 40, cookie, 280) == 0
        used = guest.get(280, "I")
        if used == 0:
            break
        cookie, _, size, kind = guest.get(1000, "QQIB")
        assert used >= 24 + size
        names.append((bytes(guest.host.memory.view[1024 : 1024 + size]).decode(), kind))
    assert names == [(".", 3), ("..", 3), ("labels.txt", 4), ("models", 3)]


def test_the_open_folder_is_told() -> None:
    guest = Guest()
    assert guest("fd_prestat_get", 3, 400) == 0
    assert guest.get(400, "II") == (0, 1)
    assert guest("fd_prestat_dir_name", 3, 410, 1) == 0
    assert guest.get(410, "c") == b"/"
    assert guest("fd_prestat_get", 4, 400) == wasi.BADF


def test_what_descriptors_are() -> None:
    guest = Guest()
    kinds = []
    for descriptor in range(4):
        assert guest("fd_fdstat_get", descriptor, 400) == 0
        kinds.append(guest.get(400, "B"))
    assert kinds == [4, 0, 0, 3]
    assert guest("fd_fdstat_get", 4, 400) == wasi.BADF
    size = guest.put(100, b"labels.txt")
    assert guest("path_filestat_get", 3, 0, 100, size, 400) == 0
    assert (guest.get(416, "B"), guest.get(432, "Q")) == (4, 8)


def strings(guest: Guest, what: str) -> list[bytes]:
    assert guest(f"{what}_sizes_get", 400, 404) == 0
    count, size = guest.get(400, "II")
    assert guest(f"{what}_get", 500, 600) == 0
    places = [guest.get(500 + 4 * index, "I") for index in range(count)]
    content = bytes(guest.host.memory.view[600 : 600 + size])
    return [content[place - 600 :].partition(b"\0")[0] for place in places]


def test_arguments_and_variables() -> None:
    guest = Guest(environment=Environment({"A": "1", "B": "ü"}, ("--fast", "")))
    assert strings(guest, "args") == [b"guest", b"--fast", b""]
    assert strings(guest, "environ") == [b"A=1", "B=ü".encode()]


def test_a_fixed_clock_and_fixed_random_numbers() -> None:
    def seen() -> tuple[Any, ...]:
        guest = Guest(environment=Environment(clock=1.5, random=7))
        times = []
        for clock in (0, 1):
            assert guest("clock_time_get", clock, 1, 400) == 0
            times.append(guest.get(400, "Q"))
        assert guest("random_get", 400, 8) == 0
        return (*times, guest.get(400, "Q"))

    assert seen() == seen()
    assert seen()[:2] == (1_500_000_000, 1_500_000_000)


def test_the_real_clock_goes_on_and_random_numbers_differ() -> None:
    guest = Guest()
    assert guest("clock_time_get", 1, 1, 400) == 0
    assert guest("clock_time_get", 1, 1, 408) == 0
    assert guest.get(400, "Q") <= guest.get(408, "Q")
    assert guest("random_get", 400, 16) == 0
    assert guest.get(400, "Q") != guest.get(408, "Q")
    assert guest("clock_time_get", 9, 1, 400) == wasi.INVAL
    assert guest("clock_res_get", 0, 400) == 0


def test_exit_ends_the_guest() -> None:
    with pytest.raises(ExitError, match="3"):
        Guest()("proc_exit", 3)


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("path_create_directory", (3, 100, 1), wasi.ROFS),
        ("path_unlink_file", (3, 100, 1), wasi.ROFS),
        ("path_unlink_file", (0, 100, 1), wasi.NOTDIR),
        ("path_unlink_file", (9, 100, 1), wasi.BADF),
        ("path_symlink", (100, 1, 3, 100, 1), wasi.ROFS),
        ("path_readlink", (3, 100, 10, 300, 10, 280), wasi.INVAL),
        ("fd_pwrite", (0, 300, 1, 0, 280), wasi.ROFS),
        ("fd_allocate", (9, 0, 1), wasi.BADF),
        ("fd_sync", (1,), 0),
        ("sock_send", (1, 300, 1, 0, 280), wasi.NOTSOCK),
        ("sock_accept", (9, 0, 280), wasi.BADF),
        ("poll_oneoff", (300, 400, 1, 280), wasi.NOTSUP),
        ("sched_yield", (), 0),
        ("fd_renumber", (0, 9), wasi.BADF),
    ],
)
def test_what_is_not_offered_says_so(name: str, arguments: Sequence[int], number: int) -> None:
    guest = Guest()
    guest.put(100, b"labels.txt")
    assert guest(name, *arguments) == number


def test_every_function_of_the_standard_is_there() -> None:
    assert len(wasi.FUNCTIONS) == 46


def test_the_log_is_cut_where_it_is_too_long() -> None:
    host = Guest().host
    for _ in range(3):
        host.note([memoryview(b"x" * 40000)])
    assert host.log == "x" * 65536 + "\n(the log is cut here)\n"


def arguments(parameters: str) -> st.SearchStrategy[list[int]]:
    """What a hostile guest may pass: small numbers, places in memory, and anything."""
    bits = {"i": 32, "I": 64}
    numbers = [
        st.one_of(st.integers(0, 10), st.integers(0, 66000), st.integers(0, 2 ** bits[p] - 1)) for p in parameters
    ]
    return st.tuples(*numbers).map(list)


@given(st.data())
def test_any_calls_give_numbers(data: st.DataObject) -> None:
    guest = Guest(b"body")
    guest.put(0, data.draw(st.binary(max_size=64)))
    for name in data.draw(st.lists(st.sampled_from(sorted(wasi.FUNCTIONS)), min_size=1, max_size=5)):
        with suppress(PointerError, ExitError, FunctionError):  # any other error fails
            result = guest(name, *data.draw(arguments(wasi.FUNCTIONS[name].parameters)))
            assert result is None or 0 <= result <= wasi.NOTCAPABLE


def pointers() -> list[tuple[str, Callable[[], tuple[int, ...]]]]:
    return [
        ("fd_read", lambda: (0, 70000, 1, 280)),
        ("fd_write", lambda: (1, 300, 1, 70000)),
        ("random_get", lambda: (65000, 1000)),
        ("fd_readdir", lambda: (3, 65000, 1000, 0, 280)),
        ("args_get", lambda: (65534, 0)),
    ]


@pytest.mark.parametrize(("name", "arguments"), pointers())
def test_wrong_pointers_are_noticed(name: str, arguments: Callable[[], tuple[int, ...]]) -> None:
    with pytest.raises(PointerError):
        Guest()(name, *arguments())
