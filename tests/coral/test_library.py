from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.coral.conftest import LIBRARY, Build

from littoral.coral import library
from littoral.coral.library import Library, locate, probe, try_open
from littoral.errors import DeviceError

CONSTRUCTOR = "__attribute__((constructor)) static void start(void) {{ {} }}"
SECONDS = 5  # to start a Python on a machine that may be busy


def _that_starts_with(statement: str) -> str:
    return LIBRARY + CONSTRUCTOR.format(statement)


def _refusal(path: Path, timeout: float = 30) -> DeviceError:
    with pytest.raises(DeviceError) as failure:
        probe(path, timeout)
    assert str(path) in failure.value.cause
    assert failure.value.remedy
    return failure.value


def test_a_library_that_works(build: Build) -> None:
    path = build(LIBRARY)
    found = probe(path)
    assert found == Library(path, "COMPILER=12.3.0,DATE=redacted,TIME=redacted", 14)
    assert not found.original


def test_the_real_library() -> None:
    if not (real := os.environ.get(library.VARIABLE)):
        pytest.skip("LITTORAL_EDGETPU names no real library")
    assert probe(Path(real)).runtime_version >= 10


@pytest.mark.parametrize(
    ("label", "original"),
    [
        ("COMPILER=6.3.0 20170516,DATE=redacted,TIME=redacted", True),
        ("COMPILER=5.4.0 20160609,DATE=redacted,TIME=redacted", True),
        ("COMPILER=16.3.0,DATE=redacted", False),
        ("N/A", False),
    ],
)
def test_builds_of_the_vendor_show_by_their_compiler(label: str, original: bool) -> None:
    assert Library(Path("x"), label, 14).original is original


def test_the_answer_is_kept_while_the_file_stays(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    path, calls = build(LIBRARY), list[Any]()
    run = subprocess.run

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return run(*arguments, **named)

    monkeypatch.setattr(subprocess, "run", counted)
    assert probe(path) == probe(path)
    assert len(calls) == 1
    os.utime(path, (1, 1))
    probe(path)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("*(volatile int *)0 = 1;", "crashes (SIGSEGV) when it is loaded"),
        ('fputs("terminate called\\n", stderr); abort();', "crashes (SIGABRT) when it is loaded: terminate called"),
        ("_exit(3);", "ends the process (exit code 3)"),
        ("_exit(0);", "ends the process (exit code 0)"),
    ],
)
def test_a_library_that_dies(statement: str, words: str, build: Build) -> None:
    error = _refusal(build(_that_starts_with(statement)))
    assert words in error.cause
    assert "another TensorFlow Lite" in error.remedy


def test_a_library_that_hangs(build: Build) -> None:
    assert "does not answer within 1 s" in _refusal(build(_that_starts_with("for (;;) pause();")), timeout=1).cause


def test_missing_functions(build: Build) -> None:
    path = build(LIBRARY.replace("edgetpu_version", "edgetpu_vision").replace("tflite_plugin_", "tflite_"))
    cause = _refusal(path).cause
    assert "lacks edgetpu_version, tflite_plugin_create_delegate, tflite_plugin_destroy_delegate" in cause


@pytest.mark.parametrize("version", ["2.5", "", "BuildLabel(x), RuntimeVersion(new)"])
def test_an_unknown_version(version: str, build: Build) -> None:
    label = "BuildLabel(COMPILER=12.3.0,DATE=redacted,TIME=redacted), RuntimeVersion(14)"
    assert f"calls itself {version!r}" in _refusal(build(LIBRARY.replace(label, version))).cause


def test_another_processor(build: Build) -> None:
    path = build(LIBRARY)
    other, name = (183, "aarch64") if platform.machine() != "aarch64" else (62, "x86_64")
    content = bytearray(path.read_bytes())
    content[18:20] = other.to_bytes(2, "little")
    path.write_bytes(content)
    assert f"is built for {name} (64 bits), and this Python for" in _refusal(path).cause


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"version https://git-lfs.github.com/spec/v1\n"])
def test_not_a_library(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "libedgetpu.so.1"
    path.write_bytes(content)
    assert "is not a shared library" in _refusal(path).cause


def test_a_library_that_is_cut_short(build: Build) -> None:
    path = build(LIBRARY)
    path.write_bytes(path.read_bytes()[:300])
    assert "cannot be loaded" in _refusal(path).cause


def test_a_library_whose_needs_are_missing(build: Build, tmp_path: Path) -> None:
    (tmp_path / "usb.c").write_text("void usb(void) {}")
    usb = tmp_path / "libusb-1.0.so.9"
    name = f"-Wl,-soname,{usb.name}"
    subprocess.run(["gcc", "-shared", "-fPIC", name, "-o", usb, tmp_path / "usb.c"], check=True)
    path = tmp_path / "libedgetpu.so.1"
    source = tmp_path / "edgetpu.c"
    source.write_text(
        _that_starts_with("usb();").replace("static int verbosity;", "static int verbosity; void usb(void);")
    )
    subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-o", path, source, usb], check=True)
    usb.unlink()
    error = _refusal(path)
    assert "libusb-1.0.so.9: cannot open shared object file" in error.cause
    assert error.remedy == "sudo apt install libusb-1.0-0"


def test_a_library_for_a_newer_system(build: Build) -> None:
    path = build(LIBRARY.replace("/* OPEN */", 'fputs("x", stderr);'))
    old = b"GLIBC_2.2.5" if platform.machine() == "x86_64" else b"GLIBC_2.17"
    path.write_bytes(path.read_bytes().replace(old, old[:-1] + b"9"))
    assert "It is built for a newer system than this one" in _refusal(path).remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in _refusal(tmp_path / "libedgetpu.so.1").cause


def test_try_open_hears_what_the_library_says_of_a_device(build: Build) -> None:
    words = 'if (verbosity == 10) fprintf(stderr, "%s is %s\\n", keys[0], values[0]);'
    trial = try_open(build(LIBRARY.replace("/* OPEN */", words)), "usb:1")
    assert (trial.opened, trial.said, trial.death) == (False, "device is usb:1", "")


def test_try_open_opens(build: Build) -> None:
    assert try_open(build(LIBRARY.replace("/* OPEN */", "return &verbosity;")), "usb:0").opened


def test_try_open_survives_a_crash_and_a_hang(build: Build) -> None:
    crash = try_open(build(LIBRARY.replace("/* OPEN */", 'fputs("so far\\n", stderr); abort();')), "usb:0")
    assert (crash.opened, crash.said, crash.death) == (False, "so far", "crashes (SIGABRT)")
    hang = 'fputs("so far\\n", stderr); for (;;) pause();'
    hung = try_open(build(LIBRARY.replace("/* OPEN */", hang)), "usb:0", timeout=SECONDS)
    assert (hung.opened, hung.said, hung.death) == (False, "so far", "does not answer within 5 s")


def test_locate_by_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.so"
    monkeypatch.setenv(library.VARIABLE, str(path))
    with pytest.raises(DeviceError, match=r"LITTORAL_EDGETPU names .*mine\.so, which is not a file"):
        locate()
    path.touch()
    assert locate() == path
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(library.VARIABLE, path.name)
    assert locate() == path


def test_locate_by_the_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(library.VARIABLE, raising=False)
    path = tmp_path / "libedgetpu.so.1.0"
    path.touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
    assert locate() == path


def test_locate_by_ldconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(library.VARIABLE, raising=False)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    path = tmp_path / "libedgetpu.so.1"
    path.touch()
    known = f"\tlibedge.so.1 (libc6) => /x\n\tlibedgetpu.so.1 (libc6,x86-64) => {path}\n"
    _pretend_ldconfig(monkeypatch, known)
    assert locate() == path


def test_locate_in_usual_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(library.VARIABLE, raising=False)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    _pretend_ldconfig(monkeypatch, "")
    monkeypatch.setattr(library, "_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr("sysconfig.get_config_var", lambda _: None)
    with pytest.raises(DeviceError, match=r"libedgetpu\.so\.1, is not on this machine"):
        locate()
    (tmp_path / "libedgetpu.so").touch()
    assert locate() == tmp_path / "libedgetpu.so"


def _pretend_ldconfig(monkeypatch: pytest.MonkeyPatch, known: str) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        assert command == ["ldconfig", "-p"]
        return subprocess.CompletedProcess(command, 0, known.encode())

    monkeypatch.setattr(subprocess, "run", run)


def test_a_machine_without_ldconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", run)
    assert library._known_to_ldconfig() == []
