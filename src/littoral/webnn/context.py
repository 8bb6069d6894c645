"""MLContext: a device, its tensors, and the order in which things happen there."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from littoral.errors import LittoralError
from littoral.webnn.bind import kind_of, word
from littoral.webnn.errors import InvalidStateError, NotSupportedError, OperandError, OperationError
from littoral.webnn.graph import MLGraph, names
from littoral.webnn.operand import DescriptorLike, bytes_as, read_descriptor, writable_as
from littoral.webnn.tensor import MLTensor
from littoral.webnn.timeline import Timeline

if TYPE_CHECKING:
    from littoral.tflite import Graph
    from littoral.webnn.program import Array, Descriptor, Program
    from littoral.webnn.whole import Whole

_POWER = ("default", "high-performance", "low-power")


_Made = TypeVar("_Made", MLGraph, MLTensor)


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
        device: Any device string: "cpu", "openvino:bf16", "openvino|cpu", "auto".
        threads: For each run; None for as many as this process may use.
        power_preference: "default", "high-performance" or "low-power"; the device string decides here.
        accelerated: A hint as well.

    Raises:
        NotSupportedError: There is no such device here.
        OperandError: The power preference is none of the three.
    """
    from littoral.devices import parse
    from littoral.runtime.places import AUTO, check_device

    word(power_preference, _POWER, "the power preference")
    try:
        for each in parse(device):
            if device != AUTO:
                check_device(each)
    except LittoralError as error:
        raise NotSupportedError(error.cause, error.remedy) from error
    return MLContext(device, threads, accelerated)


class MLContext:
    """Where graphs run; made by `create_context`.

    What is written and dispatched happens later, in that order; reading waits for all that came before it. A thread
    that reads does that work itself, a thread of the context otherwise.

    Attributes:
        device: The device string.
        accelerated: As it was asked for.
        lost: A future that has a LostInfo once the context is destroyed; asyncio.wrap_future makes it one to await.
    """

    def __init__(self, device: str, threads: int | None, accelerated: bool) -> None:
        self.device = device
        self.accelerated = accelerated
        self.lost: Future[LostInfo] = Future()
        self._threads = threads
        self._timeline = Timeline()
        self._owned: weakref.WeakSet[MLGraph | MLTensor] = weakref.WeakSet()
        weakref.finalize(self, self._timeline.end)

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
        found = read_descriptor(descriptor, "create_tensor")
        members: Mapping[str, Any] = descriptor if isinstance(descriptor, Mapping) else {}
        return self._own(
            MLTensor(
                self,
                found,
                readable=bool(members.get("readable", False) if readable is None else readable),
                writable=bool(members.get("writable", False) if writable is None else writable),
            )
        )

    def create_constant_tensor(self, descriptor: DescriptorLike, value: Any) -> MLTensor:
        """A tensor that may be a constant of graphs; the value is copied."""
        self.check_alive()
        found = read_descriptor(descriptor, "create_constant_tensor")
        array = bytes_as(found, value, "create_constant_tensor").copy()
        array.flags.writeable = False
        return self._own(MLTensor(self, found, readable=False, writable=False, value=array))

    def write_tensor(self, tensor: MLTensor, value: Any) -> None:
        """Copies a value now, and has it in the tensor for what is dispatched afterwards.

        Args:
            tensor: Made with writable=True.
            value: An array of the tensor's type, or bytes; exactly as many as the tensor has.

        Raises:
            OperandError: The tensor cannot be written, or the value is not one for it.
        """
        self._check_tensor(tensor, "write_tensor")
        if not tensor.writable:
            raise OperandError("write_tensor: the tensor is not writable", "Create it with writable=True")
        array = bytes_as(tensor._descriptor, value, "write_tensor")
        if not self._timeline.at_once(lambda: tensor.write(array)):
            kept = array.copy()
            self._timeline.post(lambda: tensor.put(kept))

    def read_tensor(self, tensor: MLTensor, into: Any = None) -> Array:
        """The value of a tensor after all that was dispatched before.

        Args:
            tensor: Made with readable=True.
            into: A buffer of exactly as many bytes, to be written into; the array that is returned is on it.

        Raises:
            OperandError: The tensor cannot be read, or `into` is not for it.
            OperationError: The dispatch that should have written it failed.
            InvalidStateError: The tensor or the context was destroyed while this waited.
        """
        target = self._check_read(tensor, into)
        return self._timeline.finish(lambda: self._take(tensor, target))

    async def read_tensor_async(self, tensor: MLTensor, into: Any = None) -> Array:
        """As `read_tensor`, while other coroutines go on."""
        target = self._check_read(tensor, into)
        return await asyncio.to_thread(self._timeline.finish, lambda: self._take(tensor, target))

    def dispatch(self, graph: MLGraph, inputs: Mapping[str, MLTensor], outputs: Mapping[str, MLTensor]) -> None:
        """Has a graph run after all that was asked for before, and does not wait for it.

        A graph that takes less than what waking a thread costs runs at once where nothing else waits.

        Args:
            graph: Built for this context.
            inputs: A tensor of each input of the graph, by name.
            outputs: A tensor of each output. No tensor may be given twice.

        Raises:
            OperandError: Names, types or shapes are not the graph's; a tensor is given twice, constant, destroyed, or
                of another context.
            InvalidStateError: The graph is destroyed.
        """
        if not isinstance(graph, MLGraph) or graph._context is not self:
            raise OperandError(f"dispatch: the graph is {kind_of(graph)}, and must be an MLGraph of this context")
        graph.check_alive()
        for side in (inputs, outputs):
            if not isinstance(side, Mapping):
                raise OperandError(f"dispatch: inputs or outputs are {kind_of(side)}, and must be tensors by name")
        given = [*inputs.values(), *outputs.values()]
        if len(set(map(id, given))) != len(given):
            raise OperandError("dispatch: a tensor is given twice")
        self._check_named(inputs, graph.inputs, "inputs")
        self._check_named(outputs, graph.outputs, "outputs")
        self._timeline.post(_run(graph, dict(inputs), dict(outputs)), brief=graph.is_brief)

    def op_support_limits(self) -> dict[str, Any]:
        """Types and ranks that each operation takes here, as the standard's dictionary MLOpSupportLimits."""
        from littoral.webnn.limits import own_limits

        return own_limits().standard()

    def destroy(self) -> None:
        """Frees all graphs and tensors; what was dispatched and has not begun fails. Again it does nothing."""
        if self.lost.done():
            return
        self.lost.set_result(LostInfo("the context was destroyed"))
        self._timeline.end()
        for owned in list(self._owned):
            owned.destroy()

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
            model = lower(program)
            graph = MLGraph(self, program, lambda: load(model, self.device, self._threads), self._whole(model))
        except LittoralError as error:
            raise OperationError(
                f"the graph cannot be compiled for {self.device}: {error.cause}", error.remedy
            ) from error
        if self.lost.done():  # while it was compiled
            graph.destroy()
            self.check_alive()
        return self._own(graph)

    def constant_value(self, tensor: object) -> Array:
        """The value of a constant tensor of this context."""
        found = self._check_tensor(tensor, "constant")
        if not found.constant:
            raise OperandError("constant: the tensor is not constant", "Make it with create_constant_tensor")
        return found._value

    def enqueue(self, job: Callable[[], None]) -> None:
        """Has something that cannot fail done after what was asked for before."""
        self._timeline.post(job)

    def _whole(self, model: Graph) -> Whole | None:
        """The kernel of all of it, where the device is one that has such kernels."""
        from littoral.devices import parse, usable_cores
        from littoral.runtime.delegate import RefusalError
        from littoral.webnn.whole import whole_kernel

        first, *others = parse(self.device)
        if others:
            return None
        try:
            return whole_kernel(model, first, self._threads or usable_cores())
        except RefusalError:
            return None  # loading it as a model says why, or runs the rest

    def _own(self, made: _Made) -> _Made:
        self._owned.add(made)
        return made

    def _check_tensor(self, tensor: object, what: str) -> MLTensor:
        if not isinstance(tensor, MLTensor):
            raise OperandError(f"{what}: the tensor is {kind_of(tensor)}, and must be an MLTensor")
        if tensor._context is not self:
            raise OperandError(f"{what}: the tensor is of another context")
        tensor.check(what)
        return tensor

    def _check_read(self, tensor: object, into: Any) -> Array | None:
        found = self._check_tensor(tensor, "read_tensor")
        if not found.readable:
            raise OperandError("read_tensor: the tensor is not readable", "Create it with readable=True")
        return None if into is None else writable_as(found._descriptor, into, "read_tensor")

    def _take(self, tensor: MLTensor, target: Array | None) -> Array:
        self.check_alive()  # what it waited for may have been dropped
        return tensor.take(target)

    def _check_named(self, tensors: Mapping[str, MLTensor], wanted: Mapping[str, Descriptor], side: str) -> None:
        if tensors.keys() != wanted.keys():
            given = ", ".join(map(str, tensors)) or "none"
            raise OperandError(f"dispatch: the {side} are {given}", f"The graph has {', '.join(names(wanted))}")
        for name, tensor in tensors.items():
            self._check_tensor(tensor, f"dispatch, {name}")
            if tensor.constant:
                raise OperandError(f"dispatch, {name}: a constant tensor can be neither input nor output")
            if tensor._descriptor != wanted[name]:
                what = f"{tensor.data_type} {list(tensor.shape)}"
                raise OperandError(f"dispatch: {name} is {what}", f"The graph has {', '.join(names(wanted))}")


def _run(graph: MLGraph, inputs: dict[str, MLTensor], outputs: dict[str, MLTensor]) -> Callable[[], None]:
    def job() -> None:
        try:
            results = graph.compute(
                {name: tensor.value() for name, tensor in inputs.items()},
                {name: tensor.room() for name, tensor in outputs.items()},
            )
        except BaseException as error:
            for tensor in outputs.values():
                tensor.fail(error)
            if not isinstance(error, Exception):  # Ctrl-C in whoever waits
                raise
        else:
            for name, tensor in outputs.items():
                tensor.put(results[name])

    return job
