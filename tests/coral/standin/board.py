"""A pretended machine: ports with chips in them, which answer the stand-in library, and the sysfs tree that shows them.

A chip answers from the CPU twin of a compiled model: LiteRT runs the operators of the twin that lie between the inputs
and the outputs of `edgetpu-custom-op`, which bear the same names in both files. What a real chip does and no CPU model
shows (its own rounding, its timing) is not here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.coral.standin.twin import Twin, least_runtime

Fault = Literal["fail", "hang", "crash", "lie", "unplug"]
Trouble = Callable[[int], Fault | None]
"""What goes wrong with a call, by the number of calls that the board has seen before."""

BEFORE_FIRMWARE, READY = ("1a6e", "089a"), ("18d1", "9302")
PRELOAD = "libumockdev-preload.so.0"
RUNTIME_VERSION = 14


@dataclass
class Unit:
    """A chip in a port.

    Attributes:
        kind: "usb" or "pci".
        port: "2-1", or "0000:01:00.0".
        number: Of the device on its bus, or of the apex node.
        dfu: Whether it waits for its firmware.
        speed: Mbit/s.
        user: The connection of the process that has it.
    """

    kind: Literal["usb", "pci"]
    port: str
    number: int
    dfu: bool = False
    speed: int = 5000
    user: socket.socket | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """What the library calls it."""
        return f"/sys/bus/usb/devices/{self.port}" if self.kind == "usb" else f"/dev/apex_{self.number}"


class Board:
    """The machine. Close it when done.

    Args:
        folder: Where its sysfs tree and its socket go.

    Attributes:
        root: The tree: sys and dev.
        calls: How many inferences it was asked for.
        opened: How often a chip was opened.
        faults: How often what went wrong.
        trouble: Decides what goes wrong.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.calls = 0
        self.opened = 0
        self.faults: Counter[str] = Counter()
        self.trouble: Trouble = lambda _: None
        self._units: dict[str, Unit] = {}
        self._twins: dict[str, Twin] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._numbers = Counter[str]()
        self._connections: set[socket.socket] = set()
        for place in ("dev", "sys/bus/usb/devices", "sys/bus/pci/devices", "sys/class/apex", "sys/devices"):
            (self.root / place).mkdir(parents=True)
        (self.root / "sys/devices/system").symlink_to("/sys/devices/system")  # the processor is the real one
        self._address = folder / "chips"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(os.fspath(self._address))
        self._server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def environment(self, library: Path) -> dict[str, str]:
        """What a process needs in its environment to see this machine in place of the real one.

        Args:
            library: The stand-in, or a real libedgetpu.
        """
        return {
            "LITTORAL_EDGETPU": str(library),
            "EDGETPU_STANDIN": str(self._address),
            "UMOCKDEV_DIR": str(self.root),
            "LD_PRELOAD": PRELOAD,
        }

    def plug(self, kind: Literal["usb", "pci"], port: str, *, dfu: bool = False, speed: int = 5000) -> None:
        """Puts a chip into a port."""
        with self._lock:
            place = port.partition("-")[0] if kind == "usb" else kind
            self._numbers[place] += 1
            number = self._numbers[place] + (1 if kind == "usb" else -1)  # device 1 of a bus is its hub
            unit = Unit(kind, port, number, dfu, speed)
            self._units[port] = unit
            self._show(unit)

    def unplug(self, port: str) -> None:
        """Takes a chip away, in the middle of whatever it does."""
        with self._lock:
            unit = self._units.pop(port)
            self._hide(unit)
            if unit.user:
                unit.user.shutdown(socket.SHUT_RDWR)

    def heat(self, port: str, celsius: float) -> None:
        """Sets the temperature of a PCIe chip."""
        unit = self._units[port]
        _write(self._folder(unit) / "apex" / f"apex_{unit.number}", temp=round(celsius * 1000))

    def teach(self, compiled: Path, cpu: Path) -> None:
        """Lets the chips run a compiled model as its CPU twin would."""
        for digest, twin in Twin.of(compiled, cpu):
            self._twins[digest] = twin

    def listed(self) -> list[Unit]:
        """The chips in the order of libedgetpu: PCIe as sysfs has them, USB without firmware, USB with it."""
        with self._lock:
            units = list(self._units.values())
            apex = [path.name for path in (self.root / "sys/class/apex").iterdir()]
            pci = sorted((u for u in units if u.kind == "pci"), key=lambda unit: apex.index(f"apex_{unit.number}"))
            usb = sorted((u for u in units if u.kind == "usb"), key=lambda unit: unit.port, reverse=True)
            return [*pci, *sorted(usb, key=lambda unit: not unit.dfu)]

    def close(self) -> None:
        """Turns it off; calls that hang fail."""
        self._closing.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._server.close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for twin in self._twins.values():
            twin.close()

    # What the kernel shows.

    def _folder(self, unit: Unit) -> Path:
        if unit.kind == "usb":
            return self.root / "sys/bus/usb/devices" / unit.port
        return self.root / "sys/devices/pci0000:00" / unit.port

    def _node(self, unit: Unit) -> Path:
        if unit.kind == "usb":
            return self.root / f"dev/bus/usb/{int(unit.port.partition('-')[0]):03d}/{unit.number:03d}"
        return self.root / f"dev/apex_{unit.number}"

    def _show(self, unit: Unit) -> None:
        node = self._node(unit)
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()  # umockdev shows it as a character device
        if unit.kind == "usb":
            ids = zip(("idVendor", "idProduct"), BEFORE_FIRMWARE if unit.dfu else READY, strict=True)
            bus, _, _ = unit.port.partition("-")
            _write(self._folder(unit), speed=unit.speed, busnum=bus, devnum=unit.number, **dict(ids))
            return
        folder = self._folder(unit)
        apex = folder / "apex" / f"apex_{unit.number}"
        _write(folder, vendor="0x1ac1", device="0x089a")
        trips = {f"trip_point{number}_temp": 85050 + 5000 * number for number in range(3)}
        _write(apex, temp=45000, status="ALIVE", driver_version="1.2", framework_version="1.1.4", **trips)
        for place, target in ((self.root / "sys/bus/pci/devices", folder), (self.root / "sys/class/apex", apex)):
            (place / target.name).symlink_to(target)

    def _hide(self, unit: Unit) -> None:
        self._node(unit).unlink()
        shutil.rmtree(self._folder(unit))
        if unit.kind == "pci":
            (self.root / "sys/bus/pci/devices" / unit.port).unlink()
            (self.root / f"sys/class/apex/apex_{unit.number}").unlink()

    # What the chips do.

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, EOFError):
            while True:
                what, size = struct.unpack("=cI", _read(connection, 5))
                status, answer = self._answer(connection, what, _read(connection, size))
                connection.sendall(struct.pack("=cI", status, len(answer)) + answer)
        with self._lock:
            self._connections.discard(connection)
            for unit in self._units.values():
                if unit.user is connection:
                    unit.user = None

    def _answer(self, connection: socket.socket, what: bytes, content: bytes) -> tuple[bytes, bytes]:
        if what == b"L":
            return b"K", "".join(f"{unit.kind} {unit.path}\n" for unit in self.listed()).encode()
        if what == b"O":
            return self._open(connection, *content.decode().split(" ", 1))
        if what == b"P":
            return self._register(content)
        return self._infer(connection, content)

    def _open(self, connection: socket.socket, kind: str, path: str) -> tuple[bytes, bytes]:
        with self._lock:
            unit = next((unit for unit in self._units.values() if (unit.kind, unit.path) == (kind, path)), None)
            if unit is None:
                return b"E", b"Device open failed : -1 (No such file or directory)"
            if unit.user:
                return b"E", b"USB error -6 [ClaimInterface]" if kind == "usb" else b"Device open failed : -1 (EBUSY)"
            unit.user = connection
            self.opened += 1
            if unit.dfu:  # the library loads the firmware, and the chip comes back under another id and number
                self._hide(unit)
                self.plug("usb", unit.port, speed=unit.speed)
                self._units[unit.port].user = connection
            return b"K", b""

    def _register(self, options: bytes) -> tuple[bytes, bytes]:
        needed = least_runtime(options)
        twin = self._twins.get(hashlib.sha256(options).hexdigest())
        if needed > RUNTIME_VERSION:
            newer = f"which is newer than this runtime version ({RUNTIME_VERSION})"
            return b"E", f"FAILED_PRECONDITION: Package requires runtime version ({needed}), {newer}.".encode()
        if twin is None:
            return b"E", b"INTERNAL: Package verification failed."
        twin.reset()
        return b"K", struct.pack("=I", list(self._twins.values()).index(twin))

    def _infer(self, connection: socket.socket, content: bytes) -> tuple[bytes, bytes]:
        with self._lock:
            fault = self.trouble(self.calls)
            self.calls += 1
            if fault:
                self.faults[fault] += 1
        if fault == "hang":
            _read(connection, 1)  # comes back when the process that waits is ended
        if fault == "fail":
            return b"E", b"Deadline exceeded: USB transfer error 2 [LibUsbDataOutCallback]"
        if fault == "crash":
            return b"X", b""
        if fault == "unplug":
            with self._lock:
                self.unplug(next(port for port, unit in self._units.items() if unit.user is connection))
        [handle] = struct.unpack_from("=I", content)
        answer = list(self._twins.values())[handle].run(content[4:])
        return b"K", bytes(255 - byte for byte in answer) if fault == "lie" else answer


def _write(folder: Path, **attributes: object) -> None:
    """Files as sysfs has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in attributes.items():
        (folder / name).write_text(f"{value}\n")


def _read(connection: socket.socket, size: int) -> bytes:
    content = bytearray(size)
    view, done = memoryview(content), 0
    while done < size:
        count = connection.recv_into(view[done:])
        if not count:
            raise EOFError
        done += count
    return bytes(content)
