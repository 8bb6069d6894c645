"""The vendor's library, libedgetpu: where it is, and whether it works, asked in a child process as it may crash."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from littoral.errors import DeviceError

VARIABLE = "LITTORAL_EDGETPU"
GET_IT = (
    "Install libedgetpu1-std for this system (a .deb from https://github.com/feranick/libedgetpu/releases), "
    f"or set {VARIABLE} to the path of libedgetpu.so.1"
)
_NAMES = ("libedgetpu.so.1", "libedgetpu.so.1.0", "libedgetpu.so")
_FOLDERS = ("/usr/local/lib", "/usr/lib", "/lib", "/usr/lib64", "/opt/edgetpu/lib")
_SECONDS = 30.0  # loading takes 0.1 s; opening a USB chip before its firmware about 5 s
_OLD_COMPILER = re.compile(r"COMPILER=[4-6]\.")
_MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}  # e_machine of the ELF header


@dataclass(frozen=True)
class Library:
    """A vendor library that loads.

    Attributes:
        path: The file.
        build: Its label, as in "COMPILER=6.3.0 20170516,DATE=redacted,TIME=redacted".
        runtime_version: The newest that a compiled model may ask for: 14 in all libraries since 2021.
    """

    path: Path
    build: str
    runtime_version: int

    @property
    def original(self) -> bool:
        """Whether it looks like the vendor's own build, linked with TensorFlow Lite 2.5.

        Those are made with GCC 6 and older (google-coral/edgetpu#660 has a label); the interface of delegates has
        changed since, and they crash in TensorFlow Lite 2.12 and newer (google-coral/edgetpu#812).
        """
        return _OLD_COMPILER.search(self.build) is not None


@dataclass(frozen=True)
class Trial:
    """What came of opening a device.

    Attributes:
        opened: Whether it worked.
        said: What the library wrote to stderr at its highest verbosity.
        death: How the process that tried ended, where it did not end by itself: "crashes (SIGSEGV)"; else empty.
    """

    opened: bool
    said: str
    death: str = ""


def locate() -> Path:
    """The vendor library's file: LITTORAL_EDGETPU, else where the loader and usual installations have it.

    Raises:
        DeviceError: There is none.
    """
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise DeviceError(f"{VARIABLE} names {named}, which is not a file", "Set it to the path of libedgetpu.so.1")
        return Path(named).absolute()  # the loader looks elsewhere for a name without a folder
    for path in _candidates():
        if path.is_file():
            return path
    raise DeviceError("the Edge TPU library, libedgetpu.so.1, is not on this machine", GET_IT)


def probe(path: Path, timeout: float = _SECONDS) -> Library:
    """Load a vendor library in a child process; the answer is kept while the file stays as it is.

    Args:
        path: The library's file.
        timeout: Seconds.

    Raises:
        DeviceError: It is not there, for another processor, refused by the loader, lacks functions, crashes or hangs.
    """
    try:
        return _probe(path, path.stat().st_mtime_ns, timeout)
    except OSError as error:
        raise DeviceError(f"{path} cannot be read: {error.strerror}", GET_IT) from error


def try_open(path: Path, device: str, timeout: float = _SECONDS) -> Trial:
    """Open a device with a vendor library in a child process and close it again.

    A USB chip is reset by this, whoever is using it; one before its firmware gets it.

    Args:
        path: A library that `probe` took.
        device: As the library names devices: "usb:0", "pci:1", as in Chip.option.
        timeout: Seconds.
    """
    found, said, death = _ask(path, timeout, device)
    return Trial(bool(found.get("opened")), said, death)


@functools.lru_cache(maxsize=8)
def _probe(path: Path, mtime: int, timeout: float) -> Library:  # noqa: ARG001 - mtime is part of the key
    _check_machine(path)
    found, said, death = _ask(path, timeout)
    if death:
        raise DeviceError(
            f"{path} {death} when it is loaded{_last_line(said)}",
            f"It is broken, or built for another system or another TensorFlow Lite. {GET_IT}",
        )
    if "refused" in found:
        raise DeviceError(f"{path} cannot be loaded: {found['refused']}", _remedy(found["refused"]))
    if found["missing"]:
        raise DeviceError(f"{path} is not libedgetpu: it lacks {', '.join(found['missing'])}", GET_IT)
    label = re.fullmatch(r"BuildLabel\((.*)\), RuntimeVersion\((\d+)\)", found["version"])
    if label is None:
        raise DeviceError(f"{path} is of an unknown version: it calls itself {found['version']!r}", GET_IT)
    return Library(path, label[1], int(label[2]))


def _ask(path: Path, timeout: float, *device: str) -> tuple[dict[str, Any], str, str]:
    """What the child found, what the library said, and how the child died, if it did."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "littoral.coral.look", str(path), *device]
    try:
        child = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        return {}, _text(error.stderr), f"does not answer within {timeout:g} s"
    except OSError as error:
        raise DeviceError(f"the process that tries {path} did not start: {error}") from error
    answer = _text(child.stdout).splitlines()
    if child.returncode or not answer:
        return {}, _text(child.stderr), _death(child.returncode)
    return json.loads(answer[-1]), _text(child.stderr), ""


def _text(output: bytes | None) -> str:
    return (output or b"").decode(errors="replace").strip()


def _death(code: int) -> str:
    if code < 0:
        return f"crashes ({signal.Signals(-code).name})"
    return f"ends the process (exit code {code})"


def _last_line(said: str) -> str:
    return f": {said.splitlines()[-1]}" if said else ""


def _remedy(refusal: str) -> str:
    """What to do when the loader refuses a library."""
    if needed := re.match(r"(lib\S+\.so\S*): cannot open shared object file", refusal):
        usb = needed[1].startswith("libusb-1.0.so")
        return "sudo apt install libusb-1.0-0" if usb else f"Install the package that has {needed[1]}"
    if "GLIBC" in refusal:
        return f"It is built for a newer system than this one. {GET_IT}"
    return GET_IT


def _check_machine(path: Path) -> None:
    """Refuse what is not a shared library for this processor, by its ELF header: the loader's words help nobody."""
    wanted, found = _machine(Path(sys.executable)), _machine(path)
    if found is None:
        raise DeviceError(f"{path} is not a shared library", GET_IT)
    if wanted is not None and found != wanted:
        this, that = (_MACHINES.get(code, f"machine {code}") + f" ({bits} bits)" for bits, code in (wanted, found))
        raise DeviceError(f"{path} is built for {that}, and this Python for {this}", GET_IT)


def _machine(path: Path) -> tuple[int, int] | None:
    """Bits and e_machine of an ELF file; None where it is none."""
    with path.open("rb") as file:
        header = file.read(20)
    if len(header) < 20 or header[:4] != b"\x7fELF":
        return None
    order = "<" if header[5] == 1 else ">"
    return 32 * header[4], struct.unpack_from(f"{order}H", header, 18)[0]


def _candidates() -> Iterator[Path]:
    """The files to try, in the loader's order: LD_LIBRARY_PATH, what ldconfig knows, usual folders."""
    folders = [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    yield from (folder / name for folder in folders for name in _NAMES)
    yield from _known_to_ldconfig()
    multiarch = sysconfig.get_config_var("MULTIARCH")
    usual = (f"/usr/lib/{multiarch}", f"/lib/{multiarch}", *_FOLDERS) if multiarch else _FOLDERS
    yield from (Path(folder) / name for folder in usual for name in _NAMES)


def _known_to_ldconfig() -> list[Path]:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin", "LC_ALL": "C"}
    try:
        told = subprocess.run(["ldconfig", "-p"], env=environment, capture_output=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [Path(path) for path in re.findall(r"libedgetpu\.so[.0-9]* \(.*\) => (\S+)", _text(told))]
