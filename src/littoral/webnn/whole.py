"""A whole graph as one kernel of a delegate, on the caller's memory: no interpreter in between, and no copies."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from littoral.devices import Device
from littoral.runtime import DEVICES
from littoral.runtime.delegate import Array, Delegate, Kernel, Partition, make, plan
from littoral.runtime.delegate.failures import calling
from littoral.runtime.places import AUTO, wants_isolation
from littoral.tflite import Graph


class Whole:
    """A graph in the hands of a delegate.

    Args:
        kernel: Of all of its operators.
        partition: Those.
    """

    def __init__(self, kernel: Kernel, partition: Partition) -> None:
        main = partition.whole
        self._kernel = kernel
        self._inputs = [main.inputs.index(tensor) for tensor in partition.inputs]
        self._outputs = [main.outputs.index(tensor) for tensor in partition.outputs]
        self._turn = Lock()
        self._given: tuple[Array, ...] = ()
        self._bound: tuple[tuple[Array, ...], tuple[Array, ...]] = ((), ())

    def __call__(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Runs it; threads wait for each other. With the same arrays as in the last call nothing is made.

        Args:
            inputs: C-contiguous, in the order of the graph.
            outputs: Written into; in the order of the graph.
        """
        with self._turn:
            given = (*inputs, *outputs)
            if len(given) != len(self._given) or any(a is not b for a, b in zip(given, self._given, strict=True)):
                self._given = given
                self._bound = (
                    tuple(_read_only(inputs[place]) for place in self._inputs),
                    tuple(outputs[place] for place in self._outputs),
                )
            self._kernel(*self._bound)


def whole_kernel(graph: Graph, device: Device, threads: int) -> Whole | None:
    """The kernel that a device has for all of a graph; None where it has none.

    Devices of LiteRT's own have none, nor those that run in processes of their own, nor one that leaves a part of the
    graph to the processor.

    Args:
        graph: All its shapes are fixed.
        device: One that there is.
        threads: Of the processor.

    Raises:
        RefusalError: The device does not compile what it takes.
        DeviceError: It fails.
    """
    if device.name == AUTO or str(device) in DEVICES or wants_isolation(device):
        return None
    delegate = make(device)
    if not isinstance(delegate, Delegate):
        return None
    (taken,) = plan(graph, delegate).claimed
    everything = tuple(range(len(graph.main.operators)))
    if len(taken) < len(everything):
        return None
    partition = Partition(graph, 0, everything, threads)
    with calling(delegate.name, "compiling a graph"):
        return Whole(delegate.compile(partition), partition)


def _read_only(array: Array) -> Array:
    view: Array = array.view()
    view.flags.writeable = False
    return view
