"""Pretended machines as plain folders, and libraries of a few lines of C."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

LIBRARY = """
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int verbosity;
void *edgetpu_list_devices(size_t *n) { *n = 0; return 0; }
void edgetpu_free_devices(void *devices) {}
void edgetpu_verbosity(int level) { verbosity = level; }
const char *edgetpu_version(void) {
  return "BuildLabel(COMPILER=12.3.0,DATE=redacted,TIME=redacted), RuntimeVersion(14)"; }
void *tflite_plugin_create_delegate(char **keys, char **values, size_t n, void (*report)(const char *)) {
  /* OPEN */
  return 0; }
void tflite_plugin_destroy_delegate(void *delegate) {}
"""
"""What a library needs to pass for libedgetpu. The comment OPEN is where it says what it does to open a device."""

Build = Callable[[str], Path]


class Tree:
    """A folder that looks like sys, dev, proc and lib of a machine. Device files are links to /dev/null."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, folder: str, **values: object) -> Path:
        """Files of one line each in a folder."""
        path = self.root / folder
        path.mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            (path / name).write_text(f"{value}\n")
        return path

    def link(self, name: str, target: Path) -> None:
        """A symbolic link, relative as those of the kernel are, so that it stays in the folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(Path(*[".."] * (len(path.relative_to(self.root).parts) - 1), target.relative_to(self.root)))

    def node(self, path: str) -> None:
        """A device file."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to("/dev/null")

    def usb(
        self,
        port: str,
        *,
        dfu: bool = False,
        speed: int = 5000,
        number: int = 7,
        node: bool = True,
        claimed: bool = False,
    ) -> None:
        """A USB Accelerator."""
        bus, _, ports = port.partition("-")
        steps = ports.split(".")
        way = "/".join(f"{bus}-{'.'.join(steps[: depth + 1])}" for depth in range(len(steps)))
        vendor, product = ("1a6e", "089a") if dfu else ("18d1", "9302")
        folder = f"sys/devices/pci0000:00/0000:00:14.0/usb{bus}/{way}"
        values = {"idVendor": vendor, "idProduct": product, "speed": speed, "busnum": bus, "devnum": number}
        self.link(f"sys/bus/usb/devices/{port}", self.write(folder, **values))
        if claimed:
            self.link(f"{folder}/{port}:1.0/driver", self.write("sys/bus/usb/drivers/usbfs"))
        if node:
            self.node(f"/dev/bus/usb/{int(bus):03d}/{number:03d}")

    def pci(self, address: str, apex: str = "", *, driver: str = "apex", node: bool = True, **values: object) -> None:
        """A chip on PCIe, as `apex` where the driver has it."""
        folder = f"sys/devices/pci0000:00/{address}"
        self.link(f"sys/bus/pci/devices/{address}", self.write(folder, vendor="0x1ac1", device="0x089a"))
        if driver:
            self.link(f"{folder}/driver", self.write(f"sys/bus/pci/drivers/{driver}"))
        if apex:
            self.link(f"sys/class/apex/{apex}", self.write(f"{folder}/apex/{apex}", **values))
        if apex and node:
            self.node(f"/dev/{apex}")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A machine without chips."""
    return Tree(tmp_path / "root")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes a shared library from C."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")

    def make(source: str) -> Path:
        file = tmp_path / f"{len(list(tmp_path.glob('*.so')))}.so"
        command = ["gcc", "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", str(file)]
        subprocess.run(command, input=source.encode(), check=True, capture_output=True)
        return file

    return make
