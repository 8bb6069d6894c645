"""Device strings."""

from __future__ import annotations

import pytest

from littoral.errors import DeviceError
from littoral.runtime.devices import parse


def test_devices_have_one_spelling() -> None:
    assert parse("cpu") == "cpu"
    assert parse(" CPU:Reference") == "cpu:reference"


@pytest.mark.parametrize("device", ["", "gpu", "cpu:", "cpu:fast", "cpu reference"])
def test_an_unknown_device_lists_those_that_there_are(device: str) -> None:
    with pytest.raises(DeviceError, match=r"Accepted: cpu, cpu:reference"):
        parse(device)
