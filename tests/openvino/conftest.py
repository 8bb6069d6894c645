"""Where self-tests and caches of these tests lie, and what they need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of their own for what littoral keeps."""
    before = os.environ.get("LITTORAL_HOME")
    folder = tmp_path_factory.mktemp("home")
    os.environ["LITTORAL_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["LITTORAL_HOME"]
    else:
        os.environ["LITTORAL_HOME"] = before


@pytest.fixture
def openvino() -> None:
    """Skips where OpenVINO is not installed."""
    if find_spec("openvino") is None:
        pytest.skip('OpenVINO is not installed: pip install "littoral[openvino]"')
