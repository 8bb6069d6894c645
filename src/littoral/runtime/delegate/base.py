"""What an accelerator is: it says which operators it takes, and makes kernels that run them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy.typing as npt

from littoral.runtime.delegate.partition import Partition
from littoral.runtime.delegate.regions import Region
from littoral.tflite import Operator, Subgraph

Array = npt.NDArray[Any]
Kernel = Callable[[tuple[Array, ...], tuple[Array, ...]], None]
"""Runs a partition: `kernel(inputs, outputs)`, in the order of `Partition.inputs` and `Partition.outputs`.

The arrays are the interpreter's own memory, in the stored types; inputs are read-only, outputs are to be written into
(`outputs[0][...] = y`). The tuples are the same objects from call to call until memory moves, so a kernel may bind them
once and compare by identity. Nothing of them may be read after the call: the memory serves other tensors, or is freed.

The kernel of a custom operator may be an object with an attribute `shapes`: of its outputs, in the order of
`Partition.outputs`, where the model file does not say. It is compiled anew when its inputs have other shapes.
"""


class Delegate(ABC):
    """An accelerator. Subclass it, give it a `name`, and implement `claim` and `compile`.

    One object may serve many models and threads at once: it should not change once it is made. Nothing here is called
    while the model runs, except the kernels.
    """

    name: ClassVar[str]
    """What placement reports and errors say: short, without spaces."""

    @abstractmethod
    def claim(self, subgraph: Subgraph, operator: Operator) -> bool | str:
        """Whether the accelerator takes an operator, from what the model file says.

        Never asked are operators that no delegate can take: see `littoral.runtime.delegate.limits`.

        Args:
            subgraph: Where the operator is: `subgraph.tensors[index].data` is the value of a constant.
            operator: Its `name`, `options`, and tensor indices (-1 where an optional tensor is absent).

        Returns:
            True to take it. Why not, in a few words ("only 3x3 kernels"), or False, to leave it to the processor.
        """

    def select(self, subgraph: Subgraph, regions: Sequence[Region]) -> Sequence[Region]:  # noqa: ARG002 - for subclasses
        """Which regions of claimed operators to take: all of them, unless a subclass knows better.

        Entering and leaving an accelerator has its price: one that needs few and large regions keeps those here.
        """
        return regions

    @abstractmethod
    def compile(self, partition: Partition) -> Kernel:
        """A kernel for claimed operators that run as one.

        Called when the model is loaded, and again when its inputs are resized. `partition.slice()` is a model of its
        own, for an accelerator that reads model files.

        Raises:
            RefusalError: Better leave these operators to the processor; the reason is shown in the placement.
        """
