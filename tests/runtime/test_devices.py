"""Which devices there are."""

from __future__ import annotations

import pytest

from littoral.errors import DeviceError
from littoral.runtime import load
from littoral.tflite import Graph


def test_devices_have_one_spelling(subtract: Graph) -> None:
    with load(subtract, " CPU:reference") as model:
        assert model.device == "cpu:reference"


@pytest.mark.parametrize("device", ["", "cpu:", "cpu reference", "cpu|cpu"])
def test_what_is_no_device_string(subtract: Graph, device: str) -> None:
    with pytest.raises(DeviceError, match="device string"):
        load(subtract, device)


@pytest.mark.parametrize("device", ["tpu", "cpu:fast", "cpu:fp16:reference", "gpu:int8", "cpu|tpu"])
def test_an_unknown_device_lists_those_that_there_are(subtract: Graph, device: str) -> None:
    with pytest.raises(
        DeviceError, match=r"there is no device '(tpu|cpu:\S+|gpu:int8)'. Accepted: cpu, cpu:fp16, cpu:"
    ):
        load(subtract, device)
