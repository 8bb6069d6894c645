"""Which Edge TPUs are here, read from sysfs alone: no library, no driver call, nothing is opened.

The order is that of the vendor's library, so that `usb:1` is the same chip to both. As google-coral/libedgetpu has it:

1. PCIe before USB: driver/beagle/BUILD links the PCI provider first; DriverFactory::Enumerate asks them in that order.
2. PCIe: the entries of /sys/class/apex that begin with "apex" and have a character device /dev/NAME, in the order in
   which readdir gives them, which is not sorted (driver/driver_factory_default.cc).
3. USB: all chips without firmware (1a6e:089a), then all with it (18d1:9302), each group in the order of
   libusb_get_device_list (driver/beagle/beagle_usb_driver_provider.cc). libusb with udev takes the devices in the order
   of their sysfs paths and puts each at the head of its list (list_add, libusb/core.c): the highest path is first.

So an index changes when a chip gets its firmware, and may change when one is plugged in. What stays is the USB port or
the PCI address: `coral:usb:2-1.3`, `coral:pci:0000:01:00.0`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from littoral.errors import DeviceError

Kind = Literal["usb", "pci"]
State = Literal["ready", "dfu", "dead"]

SUPERSPEED = 5000  # Mbit/s: USB 3
_DFU, _APP = ("1a6e", "089a"), ("18d1", "9302")
_PCI = ("0x1ac1", "0x089a")
_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_FORMS = (
    "coral, coral:0, coral:usb, coral:usb:0, coral:pci:1, coral:usb:2-1.3 (port), coral:pci:0000:01:00.0 (PCI address)"
)


@dataclass(frozen=True)
class Node:
    """The device file that has to be opened to use a chip.

    Attributes:
        path: /dev/bus/usb/BBB/DDD or /dev/apex_N.
        exists: Whether it is there and a character device. In a container it may not be.
        owner: Name or number; empty where the file is not there, as is the group.
        group: Name or number.
        mode: Permission bits.
        usable: Whether this process may read and write it.
    """

    path: str
    exists: bool = False
    owner: str = ""
    group: str = ""
    mode: int = 0
    usable: bool = False


@dataclass(frozen=True)
class Chip:
    """An Edge TPU that the vendor's library would list.

    Attributes:
        kind: How it is connected. Chips on boards are either.
        index: Within its kind, in the vendor library's order.
        identity: USB port path ("2-1.3") or PCI address ("0000:01:00.0"): does not change with firmware or neighbours.
        path: What the vendor's library calls it: /sys/bus/usb/devices/2-1.3 or /dev/apex_0.
        state: "dfu" is a USB chip before its firmware, which the library loads at first use; "dead" is the driver's.
        node: The device file.
        speed: Mbit/s of the USB connection: 480 is USB 2, 5000 USB 3. None for PCIe.
        temperature: Degrees Celsius; None for USB chips, which do not tell.
        trips: Degrees Celsius from which the driver slows the chip to 1/2, 1/4 and 1/8 of its clock; empty for USB.
        driver: Of the kernel, with the versions of apex and gasket; empty for USB, which needs none.
        user: Who holds it now: "process 123", or "another process" where the kernel does not tell; empty when free.
    """

    kind: Kind
    index: int
    identity: str
    path: str
    state: State
    node: Node
    speed: int | None = None
    temperature: float | None = None
    trips: tuple[float, ...] = ()
    driver: str = ""
    user: str = ""

    @property
    def device(self) -> str:
        """The device string by index, as in "coral:usb:0"."""
        return f"coral:{self.kind}:{self.index}"

    @property
    def stable(self) -> str:
        """The device string by identity, as in "coral:usb:2-1.3"."""
        return f"coral:{self.kind}:{self.identity}"

    @property
    def option(self) -> str:
        """What the vendor's library takes as its option `device`, as in "usb:0"."""
        return f"{self.kind}:{self.index}"

    @property
    def throttled(self) -> int:
        """How many trip points its temperature has reached: its clock is divided by 2 to the power of that."""
        return sum(self.temperature is not None and self.temperature >= trip for trip in self.trips)

    @property
    def problems(self) -> tuple[str, ...]:
        """What hinders or slows it, in words; the doctor knows the remedies. Waiting for firmware is no problem."""
        found = {
            f"the driver says that it is {self.state}": self.state == "dead",
            f"{self.node.path} is not there": not self.node.exists,
            f"this user may not open {self.node.path}": self.node.exists and not self.node.usable,
            f"in use by {self.user}": bool(self.user),
            f"on a USB 2 connection ({self.speed} Mbit/s), which makes it slow": self.slow,
            f"{self.temperature} °C: slowed to 1/{2**self.throttled} of its clock": self.throttled > 0,
        }
        return tuple(words for words, holds in found.items() if holds)

    @property
    def slow(self) -> bool:
        """Whether its USB connection is slower than USB 3."""
        return self.speed is not None and self.speed < SUPERSPEED

    @property
    def usable(self) -> bool:
        """Whether it can be opened now, as far as sysfs tells."""
        return self.state != "dead" and self.node.usable and not self.user

    def summary(self) -> dict[str, Any]:
        """All that is known of it, as JSON has it."""
        words = {"device": self.device, "stable": self.stable, "usable": self.usable, "problems": list(self.problems)}
        return {**words, **asdict(self)}

    def __str__(self) -> str:
        where = f"USB port {self.identity}" if self.kind == "usb" else f"PCI address {self.identity}, {self.path}"
        return f"Coral Edge TPU at {where}"


@dataclass(frozen=True)
class Hidden:
    """An Edge TPU on PCIe that the vendor's library does not list.

    Attributes:
        identity: Its PCI address.
        driver: The kernel driver that has it; empty when none has.
        node: The device file that is missing, where the apex driver has the chip; else empty.
    """

    identity: str
    driver: str = ""
    node: str = ""


def find(root: Path = Path("/")) -> tuple[Chip, ...]:
    """The Edge TPUs that the vendor's library would list, in its order.

    Args:
        root: The folder that holds sys and dev.
    """
    return (*_find_pci(root), *_find_usb(root))


def find_hidden(root: Path = Path("/")) -> tuple[Hidden, ...]:
    """The Edge TPUs on PCIe that the vendor's library would not list, since a driver or a device file is missing.

    Args:
        root: The folder that holds sys and dev.
    """
    names = _apex(root)
    nodeless = {_address(root, name): f"/dev/{name}" for name in names if not _node(root, f"/dev/{name}").exists}
    shown = {_address(root, name) for name in names} - set(nodeless)
    bus = root / "sys/bus/pci/devices"
    there = [
        name for name in sorted(_names(bus)) if (_text(bus / name / "vendor"), _text(bus / name / "device")) == _PCI
    ]
    found = [Hidden(name, _driver(bus / name), nodeless.get(name, "")) for name in there if name not in shown]
    return (*found, *(Hidden(name, "apex", node) for name, node in nodeless.items() if name not in there))


def choose(options: Sequence[str], chips: Sequence[Chip]) -> Chip:
    """The chip that the options of a device string name.

    Args:
        options: What follows "coral": () is the first that can be used, ("0",) counts over all kinds, ("usb",),
            ("usb", "0"), ("usb", "2-1.3"), ("pci", "0000", "01", "00.0").
        chips: As `find` gives them.

    Raises:
        DeviceError: There is no such chip, or the options are none of these.
    """
    kind, place = _parse(tuple(options))
    candidates = [chip for chip in chips if kind in ("", chip.kind)]
    if place.isdecimal():
        named = candidates[int(place) :][:1]
    elif place:
        named = [chip for chip in candidates if place in (chip.identity, chip.node.path.removeprefix("/dev/"))]
    else:
        named = sorted(candidates, key=lambda chip: not chip.usable)[:1]
    if not named:
        raise DeviceError(f"there is no device {':'.join(('coral', *options))}", _list(chips))
    return named[0]


def from_pycoral(device: str | None) -> tuple[str, ...]:
    """The options for `choose` of one of pycoral's device strings: None, "", ":N", "usb", "usb:N", "pci", "pci:N".

    Raises:
        DeviceError: It is none of these.
    """
    match = re.fullmatch(r"(usb|pci|)(?::([0-9]+))?", device or "")
    if match is None:
        raise DeviceError(
            f"{device!r} is not a device string of pycoral", 'Write None, ":N", "usb", "usb:N", "pci" or "pci:N"'
        )
    return tuple(part for part in match.groups() if part)


def _parse(options: tuple[str, ...]) -> tuple[str, str]:
    """The kind ("" for any) and the index or identity ("" for any) that the options name."""
    kind, *place = options if options[:1] in (("usb",), ("pci",)) else ("", *options)
    if not kind and place and not (len(place) == 1 and place[0].isdecimal()):
        raise DeviceError(f"{':'.join(('coral', *options))!r} names no Coral device", f"Write one of: {_FORMS}")
    return kind, ":".join(place)


def _list(chips: Sequence[Chip]) -> str:
    there = ", ".join(f"{chip.device} (also {chip.stable})" for chip in chips)
    return f"There are: {there}" if there else "No Coral device is here: littoral doctor says what to do"


def _find_pci(root: Path) -> list[Chip]:
    nodes = [(name, node) for name in _apex(root) if (node := _node(root, f"/dev/{name}")).exists]
    return [_pci(root, index, name, node) for index, (name, node) in enumerate(nodes)]


def _apex(root: Path) -> list[str]:
    return [name for name in _names(root / "sys/class/apex") if name.startswith("apex")]


def _pci(root: Path, index: int, name: str, node: Node) -> Chip:
    folder = root / "sys/class/apex" / name
    versions = _text(folder / "driver_version"), _text(folder / "framework_version")
    trips = [_celsius(_text(folder / f"trip_point{number}_temp")) for number in range(3)]
    owned = _text(folder / "is_device_owned") == "1"
    return Chip(
        "pci",
        index,
        _address(root, name),
        f"/dev/{name}",
        "ready" if _text(folder / "status") in ("", "ALIVE") else "dead",
        node,
        temperature=_celsius(_text(folder / "temp")),
        trips=tuple(trip for trip in trips if trip is not None),
        driver=f"apex {versions[0]}, gasket {versions[1]}" if all(versions) else "apex",
        user=f"process {_text(folder / 'device_owner')}" if owned else "",
    )


def _address(root: Path, name: str) -> str:
    """The PCI address of an apex device: a folder on the way to it in sysfs; its name where there is none."""
    folders = (root / "sys/class/apex" / name).resolve().parts
    return next((part for part in reversed(folders) if _ADDRESS.fullmatch(part)), name)


def _find_usb(root: Path) -> list[Chip]:
    devices = root / "sys/bus/usb/devices"
    folders = sorted(
        (devices / name for name in _names(devices)), key=lambda folder: folder.resolve().parts, reverse=True
    )
    ids = {folder: (_text(folder / "idVendor"), _text(folder / "idProduct")) for folder in folders}
    ordered = [folder for wanted in (_DFU, _APP) for folder in folders if ids[folder] == wanted]
    return [
        _usb(root, index, folder, "dfu" if ids[folder] == _DFU else "ready") for index, folder in enumerate(ordered)
    ]


def _usb(root: Path, index: int, folder: Path, state: State) -> Chip:
    bus, number, speed = (_text(folder / name) for name in ("busnum", "devnum", "speed"))
    claimed = any(_driver(folder / name) == "usbfs" for name in _names(folder) if name.startswith(f"{folder.name}:"))
    return Chip(
        "usb",
        index,
        folder.name,
        f"/sys/bus/usb/devices/{folder.name}",
        state,
        _node(root, f"/dev/bus/usb/{bus:0>3}/{number:0>3}"),
        speed=int(speed) if speed.isdecimal() else None,
        user="another process" if claimed else "",
    )


def _node(root: Path, path: str) -> Node:
    file = root / path.lstrip("/")
    try:
        found = file.stat()
    except OSError:
        return Node(path)
    if not stat.S_ISCHR(found.st_mode):
        return Node(path)
    owner, group = _names_of(found.st_uid, found.st_gid)
    return Node(path, True, owner, group, stat.S_IMODE(found.st_mode), os.access(file, os.R_OK | os.W_OK))


def _names_of(uid: int, gid: int) -> tuple[str, str]:
    import grp
    import pwd

    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        owner = str(uid)
    try:
        return owner, grp.getgrgid(gid).gr_name
    except KeyError:
        return owner, str(gid)


def _driver(folder: Path) -> str:
    """The name of the kernel driver that has a device; "" when none has."""
    try:
        return (folder / "driver").readlink().name
    except OSError:
        return ""


def _celsius(millidegrees: str) -> float | None:
    return int(millidegrees) / 1000 if re.fullmatch(r"-?[0-9]+", millidegrees) else None


def _names(folder: Path) -> list[str]:
    """What is in a folder, in the order of readdir; nothing where it cannot be read."""
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _text(path: Path) -> str:
    """The text of a file in sysfs, "" where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
