"""What may follow "openvino" in a device string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.errors import DeviceError
from littoral.openvino.options import PRECISIONS, Options, parse, settle

UNITS = {"CPU": ("FP32", "BF16", "INT8"), "NPU": ("FP16", "INT8"), "GPU.1": ("FP32", "FP16")}


@given(st.sampled_from(sorted(PRECISIONS)), st.sampled_from(sorted(UNITS)), st.booleans(), st.booleans())
def test_words_come_in_any_order_and_case(precision: str, unit: str, turned: bool, shouted: bool) -> None:
    words = [precision.upper() if shouted else precision, unit.lower()]
    assert parse(words[::-1] if turned else words) == Options(precision, unit)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ((), "openvino:f32:CPU"),
        (("bf16",), "openvino:bf16:CPU"),
        (("NPU",), "openvino:f16:NPU"),
        (("gpu.1", "f16"), "openvino:f16:GPU.1"),
    ],
)
def test_what_is_not_said_is_the_processor_and_its_largest_precision(words: tuple[str, ...], options: str) -> None:
    assert str(settle(parse(words), UNITS)) == options


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("f16",), "OpenVINO has no f16 arithmetic on this CPU. It has f32, bf16"),
        (("NPU", "f32"), "OpenVINO has no f32 arithmetic on this NPU. It has f16"),
        (
            ("GPU",),
            "no 'GPU' on this machine. After openvino: comes one of CPU, NPU, GPU.1, and one of f32, bf16, f16",
        ),
        (("fast",), "OpenVINO finds no 'FAST' on this machine"),
        (("f32", "bf16"), "'openvino:f32:bf16' names more than one precision: f32, bf16. Name one at most"),
        (("CPU", "NPU"), "'openvino:CPU:NPU' names more than one unit: CPU, NPU"),
    ],
)
def test_what_is_not_there_is_said(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(DeviceError) as caught:
        settle(parse(words), UNITS)
    assert message in str(caught.value)


def test_a_unit_without_floating_point_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"no floating-point arithmetic on this NPU\. It has none"):
        settle(parse(["NPU"]), {"NPU": ("INT8",)})
