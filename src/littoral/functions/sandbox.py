"""Runs code of a guest in a fresh instance, and says in a sentence what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from littoral.functions.engine import ticker
from littoral.functions.errors import FunctionError
from littoral.functions.host import ExitError, Host, too_late
from littoral.functions.instance import Instance
from littoral.functions.limits import PAGE, show_size
from littoral.functions.link import current
from littoral.functions.native import NativeError, TrapError

_T = TypeVar("_T")

_INTERRUPT, _STACK_OVERFLOW = 10, 0
_REASONS = {
    _STACK_OVERFLOW: "used up its stack (endless recursion?)",
    1: "read or wrote outside of its memory",
    2: "used a misaligned atomic access",
    3: "used a table outside of its bounds",
    4: "called a function pointer that is null",
    5: "called a function pointer of another type",
    6: "divided the smallest integer by -1",
    7: "divided by zero",
    8: "converted a number that has no integer",
    9: "stopped itself (abort, a failed assertion, or unreachable code)",
}
"""What trap codes mean (wasmtime/trap.h)."""


def run(pre: int, host: Host, work: Callable[[Instance], _T], ended: Callable[[], _T]) -> _T:
    """Makes an instance, works with it, and frees it.

    Args:
        pre: The address of a wasmtime_instance_pre_t.
        host: What the instance sees; it is closed.
        work: What to do with the instance.
        ended: Gives the result where the guest ends itself with exit code 0.

    Raises:
        FunctionError: The guest failed.
    """
    previous, current.host = current.host, host  # a host call may run another function
    ticker.enter()
    instance = None
    try:
        instance = Instance(pre, host.world.limits)
        host.memory = instance.memory
        return work(instance)
    except NativeError as error:
        if isinstance(host.failure, ExitError) and host.failure.args == (0,):
            return ended()
        raise _failure(host, error, instance) from error
    finally:
        if instance is not None:
            instance.close()
        ticker.leave()
        current.host = previous
        host.close()


def _failure(host: Host, error: NativeError, instance: Instance | None) -> BaseException:
    name, failure = host.world.name, host.failure
    if isinstance(failure, ExitError):
        return FunctionError(f"{name} ended itself with exit code {failure.args[0]}", "", "exit", host.log)
    if isinstance(failure, FunctionError):
        failure.log = failure.log or host.log
        return failure
    if failure is not None and not isinstance(failure, Exception):
        return failure  # someone interrupts the program
    if failure is not None:
        cause = f"a host function failed for {name}: {type(failure).__name__}: {failure}"
        return FunctionError(cause, "This is a fault of the host", "host", host.log)
    if not isinstance(error, TrapError) or instance is None:
        return FunctionError(f"{name} cannot be started: {' '.join(str(error).split())}", "", "host", host.log)
    return _trap(host, error, instance)


def _trap(host: Host, error: TrapError, instance: Instance) -> FunctionError:
    world = host.world
    if error.code == _INTERRUPT:
        late = too_late(world)
        late.log = host.log
        return late
    host.remark(str(error))  # with the names of the functions, where the module has them
    reason = _REASONS.get(-1 if error.code is None else error.code) or " ".join(str(error).split())
    size, limit = len(instance.memory), world.limits.memory
    if error.code != _STACK_OVERFLOW and size + max(limit // 8, PAGE) > limit:
        cause = f"{world.name} {reason}, with {show_size(size)} of its memory of {show_size(limit)} in use"
        return FunctionError(cause, "Raise limits.memory in its manifest", "memory", host.log)
    return FunctionError(f"{world.name} {reason}", "Its log says where", "trap", host.log)
