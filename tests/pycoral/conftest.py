"""Fixtures of tests of pycoral's interface."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from littoral.pycoral.utils.edgetpu import OVERRIDE

SCRIPTS = Path(__file__).with_name("scripts")
DOCUMENT = Path(__file__).parents[2] / "docs" / "pycoral.md"

Script = Callable[..., list[str]]
Ask = Callable[..., list[str]]


@pytest.fixture(scope="session")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old scripts after the command that docs/pycoral.md names."""
    folder = tmp_path_factory.mktemp("scripts")
    [command] = re.findall(r"^sed -i (-E '.*') ", DOCUMENT.read_text(), re.MULTILINE)
    for script in SCRIPTS.glob("*.py"):
        moved = subprocess.run(
            ["sed", *command.replace("'", "").split(" ", 1), script], capture_output=True, check=True
        )
        (folder / script.name).write_bytes(moved.stdout)
    return folder


@pytest.fixture
def script(moved: Path) -> Script:
    """Runs one of the old scripts as a program, warnings as errors; the lines that it prints."""

    def run(name: str, *args: object, warnings: str = "error") -> list[str]:
        command = [sys.executable, "-W", warnings, str(moved / f"{name}.py"), *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every interpreter runs on the processor, whatever a script says."""
    monkeypatch.setenv(OVERRIDE, "cpu")


@pytest.fixture
def ask() -> Ask:
    """Runs Python code in a child process, which sees a pretended machine where there is one; the lines it prints."""

    def run(code: str, *args: object) -> list[str]:
        start = "import sys; from pathlib import Path; from littoral.pycoral.utils.edgetpu import *\n"
        command = [sys.executable, "-W", "error", "-c", start + code, *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run
