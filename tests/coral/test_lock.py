"""One process for each chip, and who comes second is told who has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from littoral.coral.lock import ChipLock
from littoral.errors import DeviceError

_HOLD = """import sys
from littoral.coral.lock import ChipLock
lock = ChipLock('usb', sys.argv[1])
print('held', flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))


@contextmanager
def holder(identity: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds a chip."""
    command = [sys.executable, "-c", _HOLD, identity]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield other
        other.kill()


def test_another_process_is_named() -> None:
    with holder("2-1") as other:
        with pytest.raises(DeviceError) as caught:
            ChipLock("usb", "2-1")
        assert caught.value.cause == f"chip usb 2-1 is in use by process {other.pid}"
        ChipLock("usb", "2-2").release()
        ChipLock("pci", "2-1").release()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_it_ends_with_its_process_however_that_ends(how: signal.Signals) -> None:
    with holder("2-1") as other:
        os.kill(other.pid, how)
        other.wait()
        lock = ChipLock("usb", "2-1")
        assert not lock.shared
        lock.release()


def test_this_process_may_hold_it_several_times() -> None:
    first = ChipLock("pci", "0000:01:00.0")
    second = ChipLock("pci", "0000:01:00.0")
    assert (first.shared, second.shared) == (False, True)
    first.release()
    first.release()
    assert not can_be_held_elsewhere("0000:01:00.0")
    second.release()
    assert can_be_held_elsewhere("0000:01:00.0")


def can_be_held_elsewhere(identity: str) -> bool:
    program = "import sys; from littoral.coral.lock import ChipLock; ChipLock('pci', sys.argv[1])"
    ran = subprocess.run([sys.executable, "-c", program, identity], capture_output=True, check=False, text=True)
    assert ran.returncode == 0 or f"is in use by process {os.getpid()}" in ran.stderr
    return ran.returncode == 0
