"""MLContext: a device, its tensors, and the order in which things happen there."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from littoral.errors import LittoralError
from littoral.webnn.errors import InvalidStateError, NotSupportedError, OperandError, OperationError
from littoral.webnn.graph import MLGraph, names
from littoral.webnn.operand import DescriptorLike, bytes_as, read_descriptor
from littoral.webnn.program import Array, Descriptor, Program
from littoral.webnn.tensor import MLTensor
from littoral.webnn.timeline import Timeline

if TYPE_CHECKING:
    from littoral.webnn.limits import Limits

_POWER = ("default", "high-performance", "low-power")


@dataclass(frozen=True)
class LostInfo:
    """Why a context is lost (MLContextLostInfo)."""

    message: str


def create_context(
    device: str = "cpu",
    *,
    threads: int | None = None,
    power_preference: str = "default",
    accelerated: bool = True,
) -> MLContext:
    """A context on one of littoral's devices; the standard's hints are for a browser to choose one.

    Args:
        device: Any device string: "cpu", "openvino:bf16", "openvino|cpu".
        threads: For each run; None for as many as this process may use.
        power_preference: "default", "high-performance" or "low-power"; the device string decides here.
        accelerated: A hint as well.

    Raises:
        NotSupportedError: There is no such device here.
        OperandError: The power preference is none of the three.
    """
    from littoral.devices import parse
    from littoral.runtime.places import check_device

    if power_preference not in _POWER:
        raise OperandError(f"the power preference is {power_preference!r}", f"Accepted: {', '.join(_POWER)}")
    try:
        for each in parse(device):
            check_device(each)
    except LittoralError as error:
        raise NotSupportedError(error.cause, error.remedy) from error
    return MLContext(device, threads, accelerated)


class MLContext:
    """Where graphs run; made by `create_context`.

    What is written and dispatched happens later, in that order; reading waits for all that came before it.

    Attributes:
        device: The device string.
        accelerated: As it was asked for.
        lost: A future that has a LostInfo once the context is destroyed.
    """

    def __init__(self, device: str, threads: int | None, accelerated: bool) -> None:
        self.device = device
        self.accelerated = accelerated
        self.lost: Future[LostInfo] = Future()
        self._threads = threads
        self._timeline = Timeline()
        self._graphs: weakref.WeakSet[MLGraph] = weakref.WeakSet()

    def create_tensor(
        self, descriptor: DescriptorLike, *, readable: bool | None = None, writable: bool | None = None
    ) -> MLTensor:
        """A tensor of zeros.

        Args:
            descriptor: Its type and shape; as a mapping it may have "readable" and "writable" as well.
            readable: Whether it will be read.
            writable: Whether it will be written.
        """
        self.check_alive()
        members: Mapping[str, Any] = descriptor if isinstance(descriptor, Mapping) else {}
        return MLTensor(
            self,
            read_descriptor(descriptor, "create_tensor"),
            readable=bool(members.get("readable", False) if readable is None else readable),
            writable=bool(members.get("writable", False) if writable is None else writable),
        )

    def create_constant_tensor(self, descriptor: DescriptorLike, value: Any) -> MLTensor:
        """A tensor that may be a constant of graphs; the value is copied."""
        self.check_alive()
        found = read_descriptor(descriptor, "create_constant_tensor")
        array = bytes_as(found, value, "create_constant_tensor").copy()
        array.flags.writeable = False
        return MLTensor(self, found, readable=False, writable=False, value=array)

    def write_tensor(self, tensor: MLTensor, value: Any) -> None:
        """Copies a value now, and has it in the tensor for what is dispatched afterwards."""
        self._check_tensor(tensor, "write_tensor")
        if not tensor.writable:
            raise OperandError("write_tensor: the tensor is not writable", "Create it with writable=True")
        array = bytes_as(tensor._descriptor, value, "write_tensor").copy()

        def write() -> None:
            tensor._value, tensor._error = array, None

        self._timeline.post(write)

    def read_tensor(self, tensor: MLTensor, into: Array | None = None) -> Array:
        """The value of a tensor after all that was dispatched before.

        Args:
            tensor: Made with readable=True.
            into: An array of its bytes, to be written into and returned.

        Raises:
            OperationError: The dispatch that should have written it failed.
        """
        self._check_tensor(tensor, "read_tensor")
        if not tensor.readable:
            raise OperandError("read_tensor: the tensor is not readable", "Create it with readable=True")
        if into is not None and into.nbytes != tensor._value.nbytes:
            raise OperandError(f"read_tensor: the array has {into.nbytes} bytes, and the tensor {tensor._value.nbytes}")
        self._timeline.finish()
        if tensor._error is not None:
            raise OperationError(f"the dispatch that writes this tensor failed: {tensor._error}") from tensor._error
        if into is None:
            return tensor._value.copy()
        into.reshape(-1).view(np.uint8)[...] = tensor._value.reshape(-1).view(np.uint8)
        return into

    def dispatch(self, graph: MLGraph, inputs: Mapping[str, MLTensor], outputs: Mapping[str, MLTensor]) -> None:
        """Has a graph run after all that was asked for before; returns at once.

        Raises:
            OperandError: Names, types or shapes are not the graph's, a tensor is given twice, or not of this context.
            InvalidStateError: The graph, a tensor or the context is destroyed.
        """
        self.check_alive()
        if graph._context is not self:
            raise OperandError("dispatch: the graph is of another context")
        graph.check_alive()
        self._check_named(inputs, graph.inputs, "inputs")
        self._check_named(outputs, graph.outputs, "outputs")
        given = [id(tensor) for tensor in outputs.values()]
        if len(set(given)) != len(given) or set(given).intersection(map(id, inputs.values())):
            raise OperandError("dispatch: an output tensor is given twice, or is an input as well")
        if any(tensor.constant for tensor in (*inputs.values(), *outputs.values())):
            raise OperandError("dispatch: a constant tensor can be neither input nor output")
        self._timeline.post(_run(graph, dict(inputs), dict(outputs)))

    def op_support_limits(self) -> Limits:
        """Types and ranks that each operation takes here (MLOpSupportLimits)."""
        from littoral.webnn.limits import own_limits

        return own_limits()

    def destroy(self) -> None:
        """Finishes what was dispatched, frees all graphs; destroying again does nothing."""
        if self.lost.done():
            return
        self.lost.set_result(LostInfo("the context was destroyed"))
        self._timeline.end()
        for graph in list(self._graphs):
            graph.destroy()

    createTensor = create_tensor  # noqa: N815 - the standard's names
    createConstantTensor = create_constant_tensor  # noqa: N815
    writeTensor = write_tensor  # noqa: N815
    readTensor = read_tensor  # noqa: N815
    opSupportLimits = op_support_limits  # noqa: N815

    def __enter__(self) -> MLContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def check_alive(self) -> None:
        """Raises InvalidStateError where the context is lost."""
        if self.lost.done():
            raise InvalidStateError(f"the context is lost: {self.lost.result().message}", "Create another one")

    def compile(self, program: Program) -> MLGraph:
        """The graph of a program on this device; `MLGraphBuilder.build` ends here."""
        from littoral.runtime import load
        from littoral.webnn.to_model import lower

        self.check_alive()
        try:
            model = load(lower(program), self.device, self._threads)
        except LittoralError as error:
            raise OperationError(
                f"the graph cannot be compiled for {self.device}: {error.cause}", error.remedy
            ) from error
        graph = MLGraph(self, program, model)
        self._graphs.add(graph)
        return graph

    def constant_value(self, tensor: MLTensor) -> Array:
        """The value of a constant tensor of this context."""
        self._check_tensor(tensor, "constant")
        if not tensor.constant:
            raise OperandError("constant: the tensor is not constant", "Make it with create_constant_tensor")
        return tensor._value

    def finish(self) -> None:
        """Waits for all that was asked for."""
        self._timeline.finish()

    def forget(self, tensor: MLTensor) -> None:
        """Frees the memory of a destroyed tensor when what was dispatched with it is done."""

        def free() -> None:
            tensor._value = np.empty(0, np.uint8)

        self._timeline.post(free)

    def _check_tensor(self, tensor: object, what: str) -> None:
        self.check_alive()
        if not isinstance(tensor, MLTensor) or tensor._context is not self:
            raise OperandError(f"{what}: not an MLTensor of this context")
        tensor.check(what)

    def _check_named(self, tensors: Mapping[str, MLTensor], wanted: Mapping[str, Descriptor], side: str) -> None:
        if tensors.keys() != wanted.keys():
            given = ", ".join(tensors) or "none"
            raise OperandError(f"dispatch: the {side} are {given}", f"The graph has {', '.join(names(wanted))}")
        for name, tensor in tensors.items():
            self._check_tensor(tensor, f"dispatch, {name}")
            if tensor._descriptor != wanted[name]:
                what = f"{tensor.data_type} {list(tensor.shape)}"
                raise OperandError(f"dispatch: {name} is {what}", f"The graph has {', '.join(names(wanted))}")


def _run(graph: MLGraph, inputs: dict[str, MLTensor], outputs: dict[str, MLTensor]) -> Callable[[], None]:
    def job() -> None:
        try:
            for tensor in inputs.values():
                if tensor._error is not None:
                    raise tensor._error
            results = graph.run({name: tensor._value for name, tensor in inputs.items()})
        except Exception as error:
            for tensor in outputs.values():
                tensor._error = error
        else:
            for name, tensor in outputs.items():
                tensor._value, tensor._error = results[name], None

    return job
