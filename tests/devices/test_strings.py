from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.devices import Device, parse
from littoral.errors import DeviceError


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("cpu", [Device("cpu")]),
        (" CPU:fp16 ", [Device("cpu", ("fp16",))]),
        ("coral:usb:0|cpu", [Device("coral", ("usb", "0")), Device("cpu")]),
        ("webnn:openvino:bf16", [Device("webnn", ("openvino", "bf16"))]),
    ],
)
def test_parse(text: str, devices: list[Device]) -> None:
    assert list(parse(text)) == devices


@pytest.mark.parametrize("text", ["", "|", "cpu|", ":fp16", "cpu:", "1cpu", "cpu;rm", "cpu|cpu", "c pu"])
def test_refused(text: str) -> None:
    with pytest.raises(DeviceError, match="device string"):
        parse(text)


_devices = st.builds(
    Device,
    st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True),
    st.lists(st.from_regex(r"[A-Za-z0-9_.=/-]{1,6}", fullmatch=True), max_size=3).map(tuple),
)


@given(st.lists(_devices, min_size=1, max_size=3, unique=True))
def test_text_and_back(devices: list[Device]) -> None:
    assert list(parse("|".join(map(str, devices)))) == devices


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(DeviceError):
        assert parse(text)
