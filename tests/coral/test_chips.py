from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coral.conftest import Tree
from tests.coral.umockdev import Pci, Usb, run

from littoral.coral import chips
from littoral.coral.chips import Hidden, choose, find, find_hidden, from_pycoral
from littoral.errors import DeviceError

# What we find; what libusb lists, which the vendor's library calls; what the vendor's library lists, if there is one.
LISTS = """
import ctypes, json, os, sys
from littoral.coral.chips import find
ours = [chip.path for chip in find()]
usb = ctypes.CDLL("libusb-1.0.so.0")
context, devices = ctypes.c_void_p(), ctypes.POINTER(ctypes.c_void_p)()
assert usb.libusb_init(ctypes.byref(context)) == 0
usb.libusb_get_device_list.restype = ctypes.c_ssize_t
listed = {(0x1a6e, 0x089a): [], (0x18d1, 0x9302): []}
for device in map(ctypes.c_void_p, devices[:usb.libusb_get_device_list(context, ctypes.byref(devices))]):
    ports, descriptor = (ctypes.c_uint8 * 7)(), ctypes.create_string_buffer(18)
    depth = usb.libusb_get_port_numbers(device, ports, 7)
    usb.libusb_get_device_descriptor(device, descriptor)
    ids = int.from_bytes(descriptor.raw[8:10], "little"), int.from_bytes(descriptor.raw[10:12], "little")
    name = f"{usb.libusb_get_bus_number(device)}-{'.'.join(map(str, ports[:depth]))}"
    listed.setdefault(ids, []).append(f"/sys/bus/usb/devices/{name}")
vendor = None
if len(sys.argv) > 1:
    class Device(ctypes.Structure):
        _fields_ = [("type", ctypes.c_int), ("path", ctypes.c_char_p)]
    library, count = ctypes.CDLL(sys.argv[1]), ctypes.c_size_t()
    library.edgetpu_list_devices.restype = ctypes.POINTER(Device)
    found = library.edgetpu_list_devices(ctypes.byref(count))
    vendor = [found[i].path.decode() for i in range(count.value)]
apex = [f"/dev/{name}" for name in os.listdir("/sys/class/apex")] if os.path.exists("/sys/class/apex") else []
print(json.dumps([ours, apex + listed[0x1a6e, 0x089a] + listed[0x18d1, 0x9302], vendor]))
"""
MIXES = [mix for size in range(5) for mix in itertools.combinations_with_replacement(("dfu", "app", "pci"), size)]
PORTS = ["1-10", "2-1.3", "1-2", "2-1.10"]
REAL = os.environ.get("LITTORAL_EDGETPU")


@pytest.fixture(scope="module")
def libusb() -> None:
    """Skips where there is no libusb."""
    try:
        ctypes.CDLL("libusb-1.0.so.0")
    except OSError:
        pytest.skip("libusb-1.0 is not installed")


def _machine(mix: tuple[str, ...]) -> list[Usb | Pci]:
    usb: list[Usb | Pci] = [Usb(port, what) for port, what in zip(PORTS, mix, strict=False) if what in ("dfu", "app")]  # type: ignore[arg-type]
    return usb + [Pci(number) for number in range(mix.count("pci"))]


@pytest.mark.usefixtures("libusb")
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: "+".join(mix) or "none")
def test_order_is_that_of_libusb_and_the_directory_under_umockdev(mix: tuple[str, ...], tmp_path: Path) -> None:
    ours, expected, _ = run(tmp_path, _machine(mix), LISTS)
    assert len(ours) == len(mix)
    assert ours == expected


@pytest.mark.usefixtures("libusb")
def test_order_is_that_of_the_vendor_library(tmp_path: Path) -> None:
    if not REAL:
        pytest.skip("LITTORAL_EDGETPU names no real library")
    for mix in MIXES:
        ours, _, vendor = run(tmp_path, _machine(mix), LISTS, REAL)
        assert ours == vendor, mix


@pytest.mark.usefixtures("libusb")
def test_nine_chips_behind_hubs_under_umockdev(tmp_path: Path) -> None:
    ports = ["1-1", "1-10", "1-2.1", "2-1", "2-3.10", "2-3.2", "10-1", "1-9", "1-2.1.4", "2-3.1.2.3"]
    ours, expected, _ = run(tmp_path, [Usb(port) for port in ports if port != "1-2.1"], LISTS)
    assert len(ours) == 9
    assert ours == expected


_STEP = st.integers(1, 15).map(str)
_PORT = st.builds(
    lambda bus, steps: f"{bus}-{'.'.join(steps)}", st.integers(1, 12), st.lists(_STEP, min_size=1, max_size=4)
)


@settings(max_examples=60, deadline=None)
@given(
    usb=st.dictionaries(_PORT, st.booleans(), max_size=4),
    apex=st.sets(st.integers(0, 12), max_size=4),
    nodeless=st.sets(st.integers(0, 12), max_size=2),
)
def test_order_in_any_tree(usb: dict[str, bool], apex: set[int], nodeless: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder))
        for port, dfu in usb.items():
            tree.usb(port, dfu=dfu, number=1 + list(usb).index(port))
        for number in apex:
            tree.pci(f"0000:{number:02x}:00.0", f"apex_{number}", node=number not in nodeless)
        found = find(tree.root)
        expected = _stated(tree.root, usb)
    assert [chip.path for chip in found] == expected
    for kind in ("usb", "pci"):
        assert [chip.index for chip in found if chip.kind == kind] == list(range(sum(kind == c.kind for c in found)))


def _stated(root: Path, usb: dict[str, bool]) -> list[str]:
    """The order as the vendor's sources have it, in other words: readdir; libusb's list, which grows at its head."""
    listed = subprocess.run(["ls", "-U", root / "sys/class/apex"], capture_output=True, text=True, check=False).stdout
    libusb: list[str] = []
    for path in sorted(os.path.realpath(root / "sys/bus/usb/devices" / port) for port in usb):
        libusb.insert(0, Path(path).name)
    ports = [port for port in libusb if usb[port]] + [port for port in libusb if not usb[port]]
    nodes = [f"/dev/{name}" for name in listed.split() if (root / "dev" / name).exists()]
    return [*nodes, *(f"/sys/bus/usb/devices/{port}" for port in ports)]


def test_what_is_known_of_a_usb_chip(tree: Tree) -> None:
    tree.usb("2-1.3", number=12)
    tree.usb("1-4", dfu=True, speed=480)
    waiting, ready = find(tree.root)
    assert (waiting.state, ready.state) == ("dfu", "ready")
    assert (waiting.device, waiting.stable, waiting.option) == ("coral:usb:0", "coral:usb:1-4", "usb:0")
    assert ready.path == "/sys/bus/usb/devices/2-1.3"
    assert ready.node.path == "/dev/bus/usb/002/012"
    assert (waiting.slow, ready.slow) == (True, False)
    assert waiting.problems == ("on a USB 2 connection (480 Mbit/s), which makes it slow",)
    assert ready.problems == ()
    assert waiting.usable
    assert ready.usable


def test_identity_stays_when_the_firmware_loads(tree: Tree, tmp_path: Path) -> None:
    tree.usb("1-1", dfu=True)
    tree.usb("2-1", dfu=False)
    before = find(tree.root)
    other = Tree(tmp_path / "later")
    other.usb("1-1", number=8)
    other.usb("2-1")
    after = find(other.root)
    assert [chip.identity for chip in before] == ["1-1", "2-1"]
    assert [chip.identity for chip in after] == ["2-1", "1-1"]
    assert choose(("usb", "1-1"), before).stable == choose(("usb", "1-1"), after).stable


def test_what_is_known_of_a_pci_chip(tree: Tree) -> None:
    tree.pci(
        "0000:03:00.0",
        "apex_0",
        temp=91200,
        status="ALIVE",
        driver_version="1.2",
        framework_version="1.1.4",
        trip_point0_temp=85000,
        trip_point1_temp=90000,
        trip_point2_temp=95000,
        is_device_owned=1,
        device_owner=4711,
    )
    (chip,) = find(tree.root)
    assert (chip.stable, chip.path, chip.driver) == ("coral:pci:0000:03:00.0", "/dev/apex_0", "apex 1.2, gasket 1.1.4")
    assert (chip.temperature, chip.trips, chip.throttled) == (91.2, (85.0, 90.0, 95.0), 2)
    assert chip.problems == ("in use by process 4711", "91.2 °C: slowed to 1/4 of its clock")
    assert not chip.usable
    assert find_hidden(tree.root) == ()


@pytest.mark.parametrize("status", ["DEAD", "LAMED", "DRIVER_EXITING"])
def test_a_chip_that_its_driver_gave_up(status: str, tree: Tree) -> None:
    tree.pci("0000:03:00.0", "apex_0", status=status)
    (chip,) = find(tree.root)
    assert chip.state == "dead"
    assert not chip.usable
    assert chip.driver == "apex"
    assert chip.temperature is None


def test_a_usb_chip_in_use_shows_by_its_interface(tree: Tree) -> None:
    tree.usb("2-1", claimed=True)
    (chip,) = find(tree.root)
    assert chip.problems == ("in use by another process",)


def test_a_chip_without_device_file(tree: Tree) -> None:
    tree.usb("2-1", node=False)
    (chip,) = find(tree.root)
    assert chip.problems == ("/dev/bus/usb/002/007 is not there",)


def test_permission_and_owner(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.usb("2-1")
    monkeypatch.setattr(os, "access", lambda *_: False)
    (chip,) = find(tree.root)
    assert chip.problems == ("this user may not open /dev/bus/usb/002/007",)
    assert (chip.node.owner, chip.node.group) == ("root", "root")
    assert chip.node.mode == Path("/dev/null").stat().st_mode & 0o7777


def test_a_user_without_a_name() -> None:
    assert chips._names_of(4_000_000_000, 4_000_000_001) == ("4000000000", "4000000001")


def test_hidden_chips(tree: Tree) -> None:
    tree.pci("0000:01:00.0", driver="")
    tree.pci("0000:02:00.0", driver="vfio-pci")
    tree.pci("0000:03:00.0", "apex_0", node=False)
    tree.pci("0000:04:00.0", "apex_1")
    tree.write("sys/bus/pci/devices/0000:05:00.0", vendor="0x8086", device="0x089a")
    assert [chip.identity for chip in find(tree.root)] == ["0000:04:00.0"]
    assert find_hidden(tree.root) == (
        Hidden("0000:01:00.0"),
        Hidden("0000:02:00.0", "vfio-pci"),
        Hidden("0000:03:00.0", "apex", "/dev/apex_0"),
    )


def test_a_hidden_chip_where_the_pci_bus_does_not_show(tree: Tree) -> None:
    tree.write("sys/class/apex/apex_0")
    assert find_hidden(tree.root) == (Hidden("apex_0", "apex", "/dev/apex_0"),)


@pytest.mark.parametrize("value", ["", "nonsense", "-", "9" * 30, "\udc80"])
def test_nonsense_in_sysfs(value: str, tree: Tree) -> None:
    tree.pci("0000:03:00.0", "apex_0")
    tree.usb("2-1")
    for name in ("temp", "trip_point0_temp", "status", "driver_version", "is_device_owned"):
        (tree.root / "sys/class/apex/apex_0" / name).write_bytes(value.encode(errors="surrogateescape"))
    for name in ("speed", "busnum", "devnum"):
        (tree.root / "sys/bus/usb/devices/2-1" / name).write_bytes(value.encode(errors="surrogateescape"))
    pci, usb = find(tree.root)
    assert (pci.temperature is None) is not value.isdecimal()
    assert not usb.node.exists


def test_no_sysfs(tmp_path: Path) -> None:
    assert find(tmp_path) == ()
    assert find_hidden(tmp_path) == ()


@pytest.mark.parametrize(
    ("options", "stable"),
    [
        ((), "coral:pci:0000:01:00.0"),
        (("0",), "coral:pci:0000:01:00.0"),
        (("1",), "coral:usb:1-4"),
        (("2",), "coral:usb:2-1"),
        (("usb",), "coral:usb:1-4"),
        (("usb", "1"), "coral:usb:2-1"),
        (("usb", "2-1"), "coral:usb:2-1"),
        (("pci",), "coral:pci:0000:01:00.0"),
        (("pci", "0"), "coral:pci:0000:01:00.0"),
        (("pci", "apex_0"), "coral:pci:0000:01:00.0"),
        (("pci", "0000", "01", "00.0"), "coral:pci:0000:01:00.0"),
    ],
)
def test_choose(options: tuple[str, ...], stable: str, tree: Tree) -> None:
    tree.pci("0000:01:00.0", "apex_0")
    tree.usb("1-4", dfu=True)
    tree.usb("2-1")
    assert choose(options, find(tree.root)).stable == stable


def test_any_is_the_first_that_can_be_used(tree: Tree) -> None:
    tree.pci("0000:01:00.0", "apex_0", status="DEAD")
    tree.usb("2-1")
    found = find(tree.root)
    assert choose((), found).kind == "usb"
    assert choose(("pci",), found).state == "dead"
    assert choose(("0",), found).kind == "pci"


@pytest.mark.parametrize("options", [("3",), ("usb", "2"), ("usb", "9-9"), ("pci", "1"), ("pci", "0000", "07", "00.0")])
def test_an_unknown_device_lists_those_that_there_are(options: tuple[str, ...], tree: Tree) -> None:
    tree.pci("0000:01:00.0", "apex_0")
    tree.usb("1-4")
    tree.usb("2-1")
    with pytest.raises(DeviceError) as failure:
        choose(options, find(tree.root))
    assert failure.value.cause == f"there is no device coral:{':'.join(options)}"
    assert "coral:usb:0 (also coral:usb:2-1), coral:usb:1 (also coral:usb:1-4)" in failure.value.remedy


@pytest.mark.parametrize("options", [("tpu",), ("0", "usb"), ("",), ("-1",), ("2-1",)])
def test_options_that_name_nothing(options: tuple[str, ...], tree: Tree) -> None:
    with pytest.raises(DeviceError, match=r"names no Coral device.*coral:usb:0"):
        choose(options, find(tree.root))


def test_no_chips() -> None:
    with pytest.raises(DeviceError, match=r"there is no device coral\. No Coral device is here: littoral doctor"):
        choose((), ())


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (None, ()),
        ("", ()),
        (":1", ("1",)),
        ("usb", ("usb",)),
        ("usb:2", ("usb", "2")),
        ("pci", ("pci",)),
        ("pci:0", ("pci", "0")),
    ],
)
def test_strings_of_pycoral(text: str | None, options: tuple[str, ...]) -> None:
    assert from_pycoral(text) == options


@pytest.mark.parametrize("text", ["1", "usb:", ":", "usb:x", "tpu:0", "coral:usb:0", "usb:0:1", "usb:-1", "usb: 1"])
def test_strings_that_pycoral_has_not(text: str) -> None:
    with pytest.raises(DeviceError, match="is not a device string of pycoral"):
        from_pycoral(text)
