"""Browsers, and servers of exported sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from littoral.export.server import ISOLATION, serving

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = ROOT / "js" / "node_modules"

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """serve(folder, isolated=True) -> its address; until the test ends."""
    with ExitStack() as stack:
        yield lambda folder, isolated=True: stack.enter_context(serving(folder, ISOLATION if isolated else {}))


@pytest.fixture
def litertjs(monkeypatch: pytest.MonkeyPatch) -> Path:
    """LiteRT.js as npm installed it; exports in this test find it."""
    if not (MODULES / "@litertjs").is_dir():
        pytest.skip("no LiteRT.js in js/node_modules: make test gets it")
    monkeypatch.setenv("LITTORAL_LITERTJS", str(MODULES))
    return MODULES
