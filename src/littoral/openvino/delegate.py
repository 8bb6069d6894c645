"""The OpenVINO delegate: it takes few and large regions, and compiles each from a model file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from littoral.openvino import library
from littoral.openvino.claims import objection
from littoral.openvino.compiler import compile_partition
from littoral.openvino.inventory import devices
from littoral.openvino.options import Options, parse, settle
from littoral.runtime.delegate import Delegate, Kernel, Partition, Region
from littoral.tflite import Operator, Subgraph

WORTH_ENTERING = 2_000_000
"""Multiply-adds: XNNPACK does as many in the time that handing a region over takes (some 20 to 50 us on one core)."""

SHARE = 1 / 50
"""Regions of less work than this share of the largest one are left to the processor: they gain nothing that shows."""


class OpenVINO(Delegate):
    """Runs parts of a model in OpenVINO. Made from the options of a device string, as in `OpenVINO("bf16", "CPU")`.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        DeviceError: It is too old, or this machine has no such unit or precision.
    """

    name: ClassVar[str] = "openvino"
    devices = staticmethod(devices)

    def __init__(self, *options: str) -> None:
        asked = parse(options)
        self.options: Options = settle(asked, library.units(asked.unit))

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool | str:
        """All that OpenVINO understands as LiteRT does."""
        return objection(subgraph, operator) or True

    def select(self, subgraph: Subgraph, regions: Sequence[Region]) -> Sequence[Region]:
        """The region of most work, as who asks for OpenVINO gets it; others worth entering; and a whole model."""
        most = max(region.macs for region in regions)
        enough = max(1, min(most, max(WORTH_ENTERING, most * SHARE)))
        everything = len(subgraph.operators)
        return [region for region in regions if region.macs >= enough or len(region.operators) == everything]

    def compile(self, partition: Partition) -> Kernel:
        """A kernel that is OpenVINO's, bound to the interpreter's memory.

        Raises:
            RefusalError: OpenVINO does not take the region, or computes something else than LiteRT.
        """
        return compile_partition(partition, self.options)
