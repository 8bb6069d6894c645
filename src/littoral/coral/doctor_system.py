"""What the doctor says of the system around the chips: Python, LiteRT, a container, the kernel's driver."""

from __future__ import annotations

import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from littoral.coral.chips import Chip, Hidden
from littoral.coral.finding import Finding

USB_IN_DOCKER = "docker run -v /dev/bus/usb:/dev/bus/usb --device-cgroup-rule='c 189:* rmw' ..."
"""The device file changes its number when the firmware loads, so that a single --device does not do."""
UDEV_RULES = (
    'SUBSYSTEM=="usb", ATTRS{idVendor}=="1a6e", ATTRS{idProduct}=="089a", MODE="0664", GROUP="plugdev"',
    'SUBSYSTEM=="usb", ATTRS{idVendor}=="18d1", ATTRS{idProduct}=="9302", MODE="0664", GROUP="plugdev"',
)
APEX_RULE = 'SUBSYSTEM=="apex", MODE="0660", GROUP="apex"'
_RULES_FILE = "/etc/udev/rules.d/60-edgetpu.rules"
_RELOAD = "sudo udevadm control --reload-rules && sudo udevadm trigger"
_GET_DRIVER = (
    "Install the kernel driver: sudo apt install dkms linux-headers-$(uname -r), then gasket-dkms, a .deb from "
    "https://github.com/feranick/gasket-driver/releases, then: sudo modprobe apex"
)
_CONTAINERS = (("/docker", "Docker"), ("containerd", "containerd"), ("kubepods", "Kubernetes"), ("/lxc", "LXC"))


def software(python: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Python and LiteRT."""
    name = f"Python {platform.python_version()}"
    try:
        litert = metadata.version("ai-edge-litert")
    except metadata.PackageNotFoundError:
        return Finding("error", f"{name} has no LiteRT", "pip install ai-edge-litert")
    name = f"{name}, LiteRT {litert}"
    if not (3, 10) <= python <= (3, 13):
        return Finding("warning", f"{name}: littoral is made for Python 3.10 to 3.13", "Use one of these")
    return Finding("ok", name)


def container(root: Path) -> str:
    """The kind of container that this process is in; "" when it is in none, or none that shows.

    Args:
        root: The folder that holds proc and run.
    """
    if (root / ".dockerenv").exists():
        return "Docker"
    if (root / "run/.containerenv").exists():
        return "Podman"
    try:
        groups = (root / "proc/1/cgroup").read_text(errors="replace")
    except OSError:
        return ""
    return next((name for word, name in _CONTAINERS if word in groups), "")


def no_chip(inside: str) -> Finding:
    """Neither USB nor PCIe shows a chip."""
    remedy = (
        "Plug one in. lsusb shows it as 1a6e:089a or 18d1:9302, lspci -nn as 1ac1:089a; a virtual machine has to be "
    )
    remedy += "given it by its host"
    if inside:
        remedy = f"Look for it on the host: littoral doctor there. Then: {USB_IN_DOCKER}"
    return Finding(
        "error", f"no Edge TPU is on USB or PCIe{f', as seen in this {inside} container' * bool(inside)}", remedy
    )


def hidden(chip: Hidden, root: Path, inside: str, release: str = platform.release()) -> Finding:
    """A chip on PCIe that has no driver or no device file.

    Args:
        chip: As `chips.find_hidden` gives it.
        root: The folder that holds sys and lib.
        inside: The kind of container.
        release: Of the kernel.
    """
    what = f"the Edge TPU at PCI address {chip.identity}"
    if chip.node:
        what = f"{what} has no device file {chip.node}"
        if inside:
            return Finding("error", f"{what} in this {inside} container", f"docker run --device {chip.node} ...")
        return Finding("error", what, "Make udev look again: sudo udevadm trigger; or start the machine again")
    if chip.driver:
        what = f"{what} is given to the driver {chip.driver}, not to apex"
        return Finding(
            "error", what, f"Use it where {chip.driver} takes it (a virtual machine), or take it back from it"
        )
    if (root / "sys/module/apex").exists():
        return Finding("error", f"{what} is not taken by the apex driver, which is loaded", "sudo dmesg | grep -i apex")
    if _has_module(root, release):
        return Finding("error", f"{what} waits for its driver, which is installed but not loaded", "sudo modprobe apex")
    return Finding("error", f"{what} has no driver: gasket and apex are not installed", _GET_DRIVER)


def permission(chip: Chip, inside: str) -> Finding:
    """A chip whose device file this user may not open."""
    node, group = chip.node, "plugdev" if chip.kind == "usb" else "apex"
    owned = f"{node.owner}:{node.group}, mode {node.mode:04o}"
    what = f"this user may not open {node.path} ({owned})"
    if inside:
        return Finding("error", what, f"docker run --group-add $(stat -c %g {node.path}) ..., with the host's number")
    if node.group == group and node.mode & 0o060 == 0o060:
        return Finding("error", what, f"sudo usermod -aG {group} $USER, then log in again")
    rules = UDEV_RULES if chip.kind == "usb" else (APEX_RULE,)
    lines = " ".join(f"'{rule}'" for rule in rules)
    write = f"printf '%s\\n' {lines} | sudo tee {_RULES_FILE}"
    join = f"sudo groupadd -f {group} && sudo usermod -aG {group} $USER"
    return Finding("error", what, f"{write} && {join} && {_RELOAD}, then log in again and plug it in anew")


def _has_module(root: Path, release: str) -> bool:
    try:
        listed = (root / "lib/modules" / release / "modules.dep").read_text(errors="replace")
    except OSError:
        return False
    return re.search(r"/apex\.ko(\.\w+)?:", listed) is not None
