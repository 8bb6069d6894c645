"""What follows "openvino" in a device string: a precision, and the unit of this machine that computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from littoral.errors import DeviceError

PRECISIONS: Mapping[str, str] = {"f32": "FP32", "bf16": "BF16", "f16": "FP16"}
"""The precisions by the names that OpenVINO has for them in a unit's OPTIMIZATION_CAPABILITIES."""


@dataclass(frozen=True)
class Options:
    """What a device string asks for.

    Attributes:
        precision: Of floating-point arithmetic: "f32", "bf16" or "f16". Quantized operators stay integer.
        unit: OpenVINO's name of what computes, as in "CPU", "GPU" or "GPU.1".
    """

    precision: str
    unit: str

    def __str__(self) -> str:
        return f"openvino:{self.precision}:{self.unit}"


def parse(words: Sequence[str]) -> Options:
    """Options from the words of a device string, in any order and case; the precision is "" when none is given.

    Raises:
        DeviceError: There are two of a kind.
    """
    precisions = [word.lower() for word in words if word.lower() in PRECISIONS]
    units = [word.upper() for word in words if word.lower() not in PRECISIONS]
    for kind, found in (("precision", precisions), ("unit", units)):
        if len(found) > 1:
            text = ":".join(("openvino", *words))
            raise DeviceError(f"{text!r} names more than one {kind}: {', '.join(found)}", "Name one at most")
    return Options("".join(precisions), "".join(units) or "CPU")


def settle(asked: Options, units: Mapping[str, Sequence[str]]) -> Options:
    """Options that this machine can do. Without a precision it is f32: a smaller one is for those who ask for it.

    Args:
        asked: From `parse`.
        units: What OpenVINO finds on this machine, and what each is good at (OPTIMIZATION_CAPABILITIES).

    Raises:
        DeviceError: There is no such unit, or it lacks the precision.
    """
    if asked.unit not in units:
        raise DeviceError(
            f"OpenVINO finds no {asked.unit!r} on this machine",
            f"After openvino: comes one of {', '.join(units)}, and one of {', '.join(PRECISIONS)}",
        )
    there = [precision for precision, name in PRECISIONS.items() if name in units[asked.unit]]
    if not there or (asked.precision and asked.precision not in there):
        wanted = asked.precision or "floating-point"
        raise DeviceError(
            f"OpenVINO has no {wanted} arithmetic on this {asked.unit}", f"It has {', '.join(there) or 'none'}"
        )
    return Options(asked.precision or there[0], asked.unit)
