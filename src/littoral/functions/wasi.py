"""WASI preview 1: streams, read-only files, clock and random numbers as configured; no network, nothing that writes.

Source: the witx files of wasi_snapshot_preview1. Each function gives an error number, 0 when it is done. What is not
offered gives the number that says so, as a file system that is mounted read-only and a machine without a network would.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence

from littoral.functions.declare import table
from littoral.functions.files import Folder, Reader
from littoral.functions.host import ExitError, Host

MODULE = "wasi_snapshot_preview1"

BADF, FAULT, ILSEQ, INVAL, ISDIR, MFILE, NOENT = 8, 21, 25, 28, 31, 33, 44
NOTDIR, NOTSOCK, NOTSUP, ROFS, SPIPE, NOTCAPABLE = 54, 57, 58, 69, 70, 76

_UNKNOWN, _DIRECTORY, _REGULAR = 0, 3, 4
_FIRST_FREE, _MOST = 4, 64  # descriptors
_MOST_VECTORS = 1024
_READS = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 7 | 1 << 21  # read, seek, tell, advise, filestat
_WRITES = 1 << 6
_SEARCHES = 1 << 13 | 1 << 14 | 1 << 18 | 1 << 21  # open, list, filestat of a path, filestat
_CREATE, _NEED_DIRECTORY, _EXCLUSIVE, _TRUNCATE = 1, 2, 4, 8
_REALTIME, _MONOTONIC, _LAST_CLOCK = 0, 1, 3


def _vectors(host: Host, pointer: int, count: int) -> list[memoryview]:
    """The pieces of memory that a list of (pointer, size) names."""
    span = host.memory.span
    return [span(start, size) for start, size in struct.iter_unpack("<II", span(pointer, 8 * count))]


def _put(host: Host, pointer: int, value: int, size: int = 4) -> int:
    host.memory.span(pointer, size)[:] = value.to_bytes(size, "little")
    return 0


def _text(host: Host, pointer: int, size: int) -> str:
    return bytes(host.memory.span(pointer, size)).decode()


def fd_write(host: Host, descriptor: int, pointer: int, count: int, written: int) -> int:
    """Writes to standard output or standard error."""
    sink = host.descriptors.get(descriptor)
    if not callable(sink):
        return BADF
    if count > _MOST_VECTORS:
        return INVAL
    parts = _vectors(host, pointer, count)
    sink(parts)
    return _put(host, written, sum(map(len, parts)))


def fd_read(host: Host, descriptor: int, pointer: int, count: int, read: int) -> int:
    """Reads on from where the descriptor is."""
    source = host.descriptors.get(descriptor)
    if not isinstance(source, Reader):
        return ISDIR if isinstance(source, Folder) else BADF
    if count > _MOST_VECTORS:
        return INVAL
    done = _fill(host, pointer, count, source.data, source.position)
    source.position += done
    return _put(host, read, done)


def fd_pread(host: Host, descriptor: int, pointer: int, count: int, offset: int, read: int) -> int:
    """Reads at a position, and leaves the descriptor's own."""
    source = host.descriptors.get(descriptor)
    if not isinstance(source, Reader):
        return ISDIR if isinstance(source, Folder) else BADF
    if count > _MOST_VECTORS:
        return INVAL
    return _put(host, read, _fill(host, pointer, count, source.data, offset))


def _fill(host: Host, pointer: int, count: int, data: memoryview, position: int) -> int:
    """Copies data from a position on into the pieces of memory that a list names; gives how much."""
    begin = position
    for start, size in struct.iter_unpack("<II", host.memory.span(pointer, 8 * count)):
        piece = data[position : position + size]
        host.memory.span(start, size)
        host.memory.prepare(start, len(piece))[:] = piece
        position += len(piece)
    return position - begin


def fd_seek(host: Host, descriptor: int, offset: int, whence: int, result: int) -> int:
    """Moves the position: from the start (0), from where it is (1), from the end (2)."""
    source = host.descriptors.get(descriptor)
    if not isinstance(source, Reader):
        return BADF if source is None else SPIPE
    if whence > 2:
        return INVAL
    signed = offset - (1 << 64) if offset >> 63 else offset
    position = (0, source.position, len(source.data))[whence] + signed
    if not 0 <= position < 1 << 63:
        return INVAL
    source.position = position
    return _put(host, result, position, 8)


def fd_tell(host: Host, descriptor: int, result: int) -> int:
    """The position."""
    return fd_seek(host, descriptor, 0, 1, result)


def fd_close(host: Host, descriptor: int) -> int:
    """Closes a descriptor."""
    return 0 if host.descriptors.pop(descriptor, None) is not None else BADF


def fd_renumber(host: Host, source: int, target: int) -> int:
    """Gives a descriptor the number of another, which is closed."""
    if source not in host.descriptors or target not in host.descriptors:
        return BADF
    host.descriptors[target] = host.descriptors.pop(source)
    return 0


def _kind(entry: object) -> int:
    if isinstance(entry, Folder):
        return _DIRECTORY
    return _REGULAR if isinstance(entry, (Reader, memoryview)) else _UNKNOWN


def fd_fdstat_get(host: Host, descriptor: int, result: int) -> int:
    """What kind of thing a descriptor is, and what may be done with it."""
    entry = host.descriptors.get(descriptor)
    if entry is None:
        return BADF
    kind = _kind(entry)
    rights = {_DIRECTORY: _SEARCHES, _REGULAR: _READS}.get(kind, _WRITES)
    inherited = _SEARCHES | _READS if kind == _DIRECTORY else 0
    host.memory.span(result, 24)[:] = struct.pack("<BxHxxxxQQ", kind, 0, rights, inherited)
    return 0


def _stat(host: Host, entry: object, name: str, result: int) -> int:
    data = entry.data if isinstance(entry, Reader) else entry
    size = len(data) if isinstance(data, memoryview) else 0
    identity = zlib.crc32(name.encode()) + 1
    host.memory.span(result, 64)[:] = struct.pack("<QQBxxxxxxxQQQQQ", 1, identity, _kind(entry), 1, size, 0, 0, 0)
    return 0


def fd_filestat_get(host: Host, descriptor: int, result: int) -> int:
    """Kind and size of what a descriptor names; that of standard input is the size of the body."""
    entry = host.descriptors.get(descriptor)
    if entry is None:
        return BADF
    return _stat(host, entry, getattr(entry, "name", str(descriptor)), result)


def _find(host: Host, descriptor: int, pointer: int, size: int) -> tuple[Folder | memoryview | int, str]:
    """What lies at a path below a descriptor, and the path; or the number of the error."""
    folder = host.descriptors.get(descriptor)
    if not isinstance(folder, Folder):
        return (BADF if folder is None else NOTDIR), ""
    try:
        path = _text(host, pointer, size)
        found = folder.find(path)
    except UnicodeDecodeError:
        return ILSEQ, ""
    except PermissionError:
        return NOTCAPABLE, ""
    return (NOENT if found is None else found), path


def path_filestat_get(host: Host, descriptor: int, _flags: int, pointer: int, size: int, result: int) -> int:
    """Kind and size of what lies at a path."""
    found, path = _find(host, descriptor, pointer, size)
    return found if isinstance(found, int) else _stat(host, found, path, result)


def path_open(
    host: Host,
    descriptor: int,
    _lookup: int,
    pointer: int,
    size: int,
    how: int,
    rights: int,
    _inherited: int,
    _flags: int,
    result: int,
) -> int:
    """Opens a file or folder for reading."""
    found, path = _find(host, descriptor, pointer, size)
    if found == NOENT and how & _CREATE:
        return ROFS
    if isinstance(found, int):
        return found
    folder = isinstance(found, Folder)
    if how & _NEED_DIRECTORY and not folder:
        return NOTDIR
    if how & (_TRUNCATE | _EXCLUSIVE) or rights & _WRITES:
        return ISDIR if folder else ROFS
    if len(host.descriptors) >= _MOST:
        return MFILE
    number = next(number for number in range(_FIRST_FREE, _FIRST_FREE + _MOST) if number not in host.descriptors)
    host.descriptors[number] = found if isinstance(found, Folder) else Reader(path, found)
    return _put(host, result, number)


def fd_prestat_get(host: Host, descriptor: int, result: int) -> int:
    """The folder that is open from the start: descriptor 3."""
    if descriptor != 3 or not isinstance(host.descriptors.get(descriptor), Folder):
        return BADF
    host.memory.span(result, 8)[:] = struct.pack("<II", 0, 1)
    return 0


def fd_prestat_dir_name(host: Host, descriptor: int, pointer: int, size: int) -> int:
    """Its name: /."""
    if descriptor != 3 or size < 1:
        return BADF if descriptor != 3 else INVAL
    return _put(host, pointer, ord("/"), 1)


def fd_readdir(host: Host, descriptor: int, pointer: int, size: int, cookie: int, used: int) -> int:
    """Entries of a folder from a number on, as many as fit; the last may be cut."""
    folder = host.descriptors.get(descriptor)
    if not isinstance(folder, Folder):
        return BADF if folder is None else NOTDIR
    room = host.memory.span(pointer, size)
    listing = bytearray()
    entries = [(".", folder), ("..", folder), *folder.entries.items()]
    for number in range(cookie, len(entries)):
        if len(listing) >= size:
            break
        name, entry = entries[number]
        encoded = name.encode()
        identity = zlib.crc32(encoded) + 1
        listing += struct.pack("<QQIBxxx", number + 1, identity, len(encoded), _kind(entry)) + encoded
    del listing[size:]
    room[: len(listing)] = listing
    return _put(host, used, len(listing))


def _arguments(host: Host) -> list[bytes]:
    words = (host.world.name, *host.world.environment.arguments)
    return [word.encode() + b"\0" for word in words]


def _variables(host: Host) -> list[bytes]:
    return [f"{name}={value}\0".encode() for name, value in host.world.environment.variables.items()]


def _put_strings(host: Host, words: Sequence[bytes], pointers: int, buffer: int) -> int:
    for index, word in enumerate(words):
        _put(host, pointers + 4 * index, buffer)
        host.memory.span(buffer, len(word))[:] = word
        buffer += len(word)
    return 0


def _put_arguments(host: Host, pointers: int, buffer: int) -> int:
    return _put_strings(host, _arguments(host), pointers, buffer)


def _put_variables(host: Host, pointers: int, buffer: int) -> int:
    return _put_strings(host, _variables(host), pointers, buffer)


def _sizes(strings: Callable[[Host], list[bytes]]) -> Callable[[Host, int, int], int]:
    def sizes(host: Host, count: int, size: int) -> int:
        words = strings(host)
        _put(host, count, len(words))
        return _put(host, size, sum(map(len, words)))

    return sizes


def clock_time_get(host: Host, clock: int, _precision: int, result: int) -> int:
    """The time in nanoseconds."""
    return INVAL if clock > _LAST_CLOCK else _put(host, result, host.now(clock != _REALTIME), 8)


def clock_res_get(host: Host, clock: int, result: int) -> int:
    """What the time is exact to."""
    return INVAL if clock > _LAST_CLOCK else _put(host, result, 1, 8)


def random_get(host: Host, pointer: int, size: int) -> int:
    """Random bytes."""
    host.memory.span(pointer, size)[:] = host.draw(size)
    return 0


def proc_exit(_host: Host, code: int) -> None:
    """Ends the instance."""
    raise ExitError(code)


def _done_if_open(host: Host, descriptor: int, *_rest: int) -> int:
    return 0 if descriptor in host.descriptors else BADF


def _refuse(number: int) -> Callable[..., int]:
    """What is never done, with anything that a descriptor names."""

    def refuse(host: Host, descriptor: int = -1, *_rest: int) -> int:
        return number if descriptor in host.descriptors else BADF

    return refuse


def _not_offered(_host: Host, *_rest: int) -> int:
    return NOTSUP


def _path_refused(host: Host, descriptor: int, *_rest: int) -> int:
    folder = host.descriptors.get(descriptor)
    return ROFS if isinstance(folder, Folder) else BADF if folder is None else NOTDIR


def _symlink(host: Host, _old: int, _size: int, descriptor: int, *_rest: int) -> int:
    return _path_refused(host, descriptor)


def _no_link(host: Host, descriptor: int, pointer: int, size: int, *_rest: int) -> int:
    found, _ = _find(host, descriptor, pointer, size)
    return found if isinstance(found, int) else INVAL  # nothing here is a link


def _nothing(_host: Host) -> int:
    return 0


FUNCTIONS = table(
    MODULE,
    {
        "args_get": ("ii:i", _put_arguments),
        "args_sizes_get": ("ii:i", _sizes(_arguments)),
        "clock_res_get": ("ii:i", clock_res_get),
        "clock_time_get": ("iIi:i", clock_time_get),
        "environ_get": ("ii:i", _put_variables),
        "environ_sizes_get": ("ii:i", _sizes(_variables)),
        "fd_advise": ("iIIi:i", _done_if_open),
        "fd_allocate": ("iII:i", _refuse(ROFS)),
        "fd_close": ("i:i", fd_close),
        "fd_datasync": ("i:i", _done_if_open),
        "fd_fdstat_get": ("ii:i", fd_fdstat_get),
        "fd_fdstat_set_flags": ("ii:i", _done_if_open),
        "fd_fdstat_set_rights": ("iII:i", _refuse(NOTSUP)),
        "fd_filestat_get": ("ii:i", fd_filestat_get),
        "fd_filestat_set_size": ("iI:i", _refuse(ROFS)),
        "fd_filestat_set_times": ("iIIi:i", _refuse(ROFS)),
        "fd_pread": ("iiiIi:i", fd_pread),
        "fd_prestat_dir_name": ("iii:i", fd_prestat_dir_name),
        "fd_prestat_get": ("ii:i", fd_prestat_get),
        "fd_pwrite": ("iiiIi:i", _refuse(ROFS)),
        "fd_read": ("iiii:i", fd_read),
        "fd_readdir": ("iiiIi:i", fd_readdir),
        "fd_renumber": ("ii:i", fd_renumber),
        "fd_seek": ("iIii:i", fd_seek),
        "fd_sync": ("i:i", _done_if_open),
        "fd_tell": ("ii:i", fd_tell),
        "fd_write": ("iiii:i", fd_write),
        "path_create_directory": ("iii:i", _path_refused),
        "path_filestat_get": ("iiiii:i", path_filestat_get),
        "path_filestat_set_times": ("iiiiIIi:i", _path_refused),
        "path_link": ("iiiiiii:i", _path_refused),
        "path_open": ("iiiiiIIii:i", path_open),
        "path_readlink": ("iiiiii:i", _no_link),
        "path_remove_directory": ("iii:i", _path_refused),
        "path_rename": ("iiiiii:i", _path_refused),
        "path_symlink": ("iiiii:i", _symlink),
        "path_unlink_file": ("iii:i", _path_refused),
        "poll_oneoff": ("iiii:i", _not_offered),
        "proc_exit": ("i:", proc_exit),
        "proc_raise": ("i:i", _not_offered),
        "random_get": ("ii:i", random_get),
        "sched_yield": (":i", _nothing),
        "sock_accept": ("iii:i", _refuse(NOTSOCK)),
        "sock_recv": ("iiiiii:i", _refuse(NOTSOCK)),
        "sock_send": ("iiiii:i", _refuse(NOTSOCK)),
        "sock_shutdown": ("ii:i", _refuse(NOTSOCK)),
    },
    bad_pointer=FAULT,
)
"""All of preview 1."""
