"""Where self-tests and caches of these tests lie, and what they need."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


@pytest.fixture
def openvino() -> None:
    """Skips where OpenVINO is not installed."""
    if find_spec("openvino") is None:
        pytest.skip('OpenVINO is not installed: pip install "littoral[openvino]"')
