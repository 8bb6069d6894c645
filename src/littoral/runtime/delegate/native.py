"""The delegate that the runtime sees: callbacks, and the tables by which they find our objects.

The callbacks are made once and live as long as the process, so the runtime never holds a function that is gone. It has
numbers for our objects: one whose object is gone makes a callback fail or do nothing, whatever is freed first. And the
tables keep no object alive: the interpreter keeps its attachment, which keeps its kernels.
"""

from __future__ import annotations

import ctypes
import itertools
import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar

from littoral.errors import DeviceError, LittoralError
from littoral.runtime.delegate import structs
from littoral.runtime.delegate.base import Delegate
from littoral.runtime.delegate.failures import RUNTIME_ERRORS, RefusalError, failure, forget_locals, told
from littoral.runtime.delegate.kernels import BoundKernel
from littoral.runtime.delegate.limits import is_static
from littoral.runtime.delegate.partition import Partition
from littoral.runtime.delegate.placement import Place, Placement, plan
from littoral.runtime.delegate.subgraphs import check_same_model, is_unchanged, subgraph_index
from littoral.tflite import Graph
from littoral.tflite.operators import BUILTIN_CODES

T = TypeVar("T")
_numbers = itertools.count(1)
_attachments: dict[int, weakref.ref[Attachment]] = {}
_kernels: dict[int, weakref.ref[BoundKernel]] = {}
_word = ctypes.c_void_p.from_address


class Attachment:
    """A delegate on one interpreter: pass it in the interpreter's `experimental_delegates`.

    Calls into the interpreter (making it, allocating, invoking) go inside `with attachment:`, which turns the runtime's
    errors into ours and brings what the delegate raised to the caller; and `compile` comes after each allocation.

    Args:
        graph: The model that the interpreter runs.
        delegate: The accelerator. It may be on many interpreters.
        threads: Passed on to its kernels.
        refused: What the delegate has refused to compile before, and why; its further refusals are kept in `refused`.

    Raises:
        DeviceError: The delegate failed to say what it takes.
    """

    def __init__(
        self,
        graph: Graph,
        delegate: Delegate,
        threads: int | None = None,
        refused: Mapping[Place, str] = MappingProxyType({}),
    ) -> None:
        self.delegate = delegate
        self.threads = threads
        self.plan = plan(graph, delegate, refused)
        self.refused: dict[Place, str] = dict(refused)
        self.kernels: dict[int, BoundKernel] = {}
        self._failure: tuple[str, BaseException] | None = None
        self._entered = 0
        self._name = delegate.name.encode()
        self._registration = structs.registration(_INIT, _FREE, _RESHAPE, _INVOKE, self._name)
        self._native: structs.Delegate | None = None
        self._number = _enlist(_attachments, self)

    @property
    def has_fixed_shapes(self) -> bool:
        """Whether custom operators are claimed: the runtime does not know what shapes come out of those."""
        return any(
            self.plan.graph.subgraphs[index].operators[operator].name not in BUILTIN_CODES
            for index, taken in enumerate(self.plan.claimed)
            for operator in taken
        )

    @property
    def parts(self) -> list[Partition]:
        """What the kernels that there are run."""
        return [kernel.partition for kernel in self.kernels.values()]

    @property
    def placement(self) -> Placement:
        """Where each operator runs, from the kernels that there are."""
        return self.plan.placement({(part.subgraph, operator) for part in self.parts for operator in part.operators})

    def compile(self) -> None:
        """Compiles the kernels that need it, which otherwise happens in the first run.

        Raises:
            RefusalError: The delegate refuses some; `refused` has all of them.
            DeviceError: The delegate failed to; the original exception is its cause.
        """
        refusal = None
        for kernel in list(self.kernels.values()):
            try:
                if kernel.stale:
                    kernel.compile()
            except RefusalError as error:
                refusal = error
        if refusal is not None:
            raise refusal

    def __enter__(self) -> None:
        self._failure = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        kept = self.take_failure()
        if isinstance(error, RUNTIME_ERRORS):
            if kept:
                raise kept
            raise told(self.delegate.name, error) from error

    def take_failure(self) -> BaseException | None:
        """What a kernel or the delegate has raised, as the caller is to see it; it is given once."""
        if self._failure is None:
            return None
        (where, original), self._failure = self._failure, None
        if isinstance(original, LittoralError) or not isinstance(original, Exception):
            return original
        error = failure(self.delegate.name, where, original)
        error.__cause__ = original
        return error

    def _get_native_delegate_pointer(self) -> int:
        """What interpreters of all three packages ask a delegate for."""
        if self._native is not None:
            raise DeviceError("an attachment serves one interpreter", "Make one for each: they may share the delegate")
        self._native = structs.Delegate(data=self._number, prepare=_PREPARE, flags=self._flags())
        return ctypes.addressof(self._native)

    def _flags(self) -> int:
        """How the runtime is to treat shapes.

        Without flags, a resize takes all delegates off, and applies them again once shapes are known, which other
        delegates on the same model rely on. But the runtime must know every operator, and find it static.
        """
        if self.has_fixed_shapes:
            return structs.ALLOW_DYNAMIC_TENSORS
        if is_static(self.plan.graph):
            return 0
        return structs.ALLOW_DYNAMIC_TENSORS | structs.REQUIRE_PROPAGATED_SHAPES

    def prepare(self, context: int, delegate: int) -> int:
        """Gives one subgraph's claimed operators to the runtime, which calls `init` for each partition."""
        index = subgraph_index(context, len(self.plan.graph.subgraphs))
        subgraph = self.plan.graph.subgraphs[index]
        check_same_model(context, subgraph)
        native = structs.Context.from_address(context)
        execution = structs.Ints()
        if native.get_execution_plan(context, ctypes.byref(execution)) != structs.OK:
            raise DeviceError("the runtime does not say what it runs")
        taken = [
            node
            for node in structs.items(execution)
            if node in self.plan.claimed[index] and is_unchanged(context, node, subgraph.operators[node])
        ]
        if not taken:
            return structs.OK
        array = structs.int_array(taken)
        self._entered = index
        return int(native.replace_node_subsets(context, self._registration, ctypes.addressof(array), delegate))

    def init(self, context: int, given: structs.DelegateParams) -> int:
        """Makes the kernel of one partition; its number is what the runtime knows it by."""
        partition = Partition(self.plan.graph, self._entered, structs.items(given.nodes), self.threads)
        computed = {index for index in structs.items(given.inputs) if not partition.tensor(index).is_constant}
        if computed != set(partition.inputs) or set(structs.items(given.outputs)) != set(partition.outputs):
            raise DeviceError("the runtime expects other inputs or outputs of a kernel than the model file says")
        kernel = BoundKernel(self, context, partition)
        number = _enlist(_kernels, kernel)
        self.kernels[number] = kernel
        return number

    def fail(self, context: int, where: str, error: BaseException) -> int:
        """Keeps an exception for the caller, as none can pass through the runtime, and tells the runtime."""
        forget_locals(error)
        if self._failure is None:
            self._failure = (where, error)
        words = str(failure(self.delegate.name, where, error)).replace("%", "%%")
        structs.Context.from_address(context).report_error(context, words.encode(errors="replace"))
        return structs.DELEGATE_ERROR


def live_kernels() -> int:
    """How many kernels there are in all interpreters of this process."""
    return len(_kernels)


def _enlist(table: dict[int, weakref.ref[T]], entry: T) -> int:
    """Gives an object a number that leads to it as long as it lives."""
    number = next(_numbers)

    def forget(_: object) -> None:
        table.pop(number, None)

    table[number] = weakref.ref(entry, forget)
    return number


def _found(table: dict[int, weakref.ref[T]], number: int | None) -> T | None:
    entry = table.get(number or 0)
    return entry() if entry else None


# The callbacks. They let no exception out: there is nothing above them that could catch it.


def _prepare(context: int, delegate: int) -> int:
    owner = _found(_attachments, _word(delegate + structs.DELEGATE_DATA).value)
    if owner is None:
        return structs.DELEGATE_ERROR
    try:
        return owner.prepare(context, delegate)
    except BaseException as error:
        return owner.fail(context, "taking operators", error)


def _init(context: int, params: int, _: int) -> int | None:
    native = structs.DelegateParams.from_address(params)
    owner = _found(_attachments, _word(native.delegate + structs.DELEGATE_DATA).value)
    if owner is None:
        return structs.INIT_FAILED
    try:
        return owner.init(context, native)
    except BaseException as error:
        owner.fail(context, "making a kernel", error)
        return structs.INIT_FAILED


def _reshape(context: int, node: int) -> int:
    kernel = _found(_kernels, _word(node + structs.NODE_USER_DATA).value)
    if kernel is None:
        return structs.DELEGATE_ERROR
    try:
        kernel.prepare(context)
    except BaseException as error:
        return kernel.owner.fail(context, kernel.label, error)
    return structs.OK


def _invoke(context: int, node: int) -> int:
    kernel = _found(_kernels, _word(node + structs.NODE_USER_DATA).value)
    if kernel is None:
        return structs.DELEGATE_ERROR
    try:
        kernel.run()
    except BaseException as error:
        return kernel.owner.fail(context, kernel.label, error)
    return structs.OK


def _make_free() -> Callable[[int, int], None]:
    found, kernels = _found, _kernels  # held here: interpreters are also freed when Python has cleared this module

    def free(_: int, number: int) -> None:
        kernel = found(kernels, number)
        if kernel is not None:
            kernel.owner.kernels.pop(number, None)

    return free


def _for_ever(callback: Any) -> Any:
    """A callback that outlives this module, which may be cleared before the last interpreter."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(callback))
    return callback


_PREPARE = _for_ever(structs.STEP(_prepare))
_INIT = _for_ever(structs.INIT(_init))
_RESHAPE = _for_ever(structs.STEP(_reshape))
_INVOKE = _for_ever(structs.STEP(_invoke))
_FREE = _for_ever(structs.FREE(_make_free()))
