"""Exceptions in a delegate's own code: how they reach the caller."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from littoral.errors import DeviceError, LittoralError

RUNTIME_ERRORS = (RuntimeError, ValueError, MemoryError)
"""What an interpreter raises."""

_LINK = re.compile(r" See instructions: \S+")


class RefusalError(DeviceError):
    """Raised by `Delegate.compile` to leave a partition to the processor after all.

    `attach` then plans anew. It reaches the caller where that does not help: when inputs are resized, or when nothing
    is left to accelerate.

    Args:
        runner: The delegate's name.
        reason: Why, in words: what placement shows for the operators.
    """

    def __init__(self, runner: str, reason: str) -> None:
        super().__init__(f"{runner} cannot run this model: {reason}", 'Use another device, or fall back with "|cpu"')
        self.runner = runner
        self.reason = reason

    def __reduce__(self) -> tuple[type[RefusalError], tuple[str, str]]:
        return (type(self), (self.runner, self.reason))


class VendorError(DeviceError):
    """A model does not run with a vendor's delegate, whose state nobody knows afterwards."""


@contextmanager
def calling(runner: str, where: str) -> Iterator[None]:
    """Around a call into a delegate's code: what it raises comes out as a DeviceError, with the original as its cause.

    Errors of ours pass as they are: they say what is wrong and what to do already.
    """
    try:
        yield
    except LittoralError:
        raise
    except Exception as error:
        raise failure(runner, where, error) from error


def failure(runner: str, where: str, error: BaseException) -> DeviceError:
    """The error for an exception in a delegate's own code."""
    words = traceback.format_exception_only(type(error), error)[-1].strip()
    return DeviceError(f"delegate {runner} failed in {where}: {words}", "The first traceback shows where in its code")


def told(runner: str, error: BaseException) -> DeviceError:
    """The error for what an interpreter raised, where no kernel in Python is to blame."""
    said = words(error)
    return DeviceError(f"the model does not run with {runner}: {said}", remedy(said))


def words(error: BaseException) -> str:
    """What an interpreter says, in one line."""
    return _LINK.sub("", " ".join(str(error).split())).rstrip(".") or type(error).__name__


def remedy(said: str) -> str:
    """The way out of what an interpreter says; empty where none is known."""
    if "unresolved custom op" in said:
        return (
            "LiteRT has no kernel for it: convert the model without it, or install a package that brings one in the "
            "entry-point group littoral.operators"
        )
    return ""


def forget_locals(error: BaseException | None) -> None:
    """Drops the local variables of the frames that an exception passed through.

    Views on an interpreter's memory are among them, and a traceback that prints local variables, as some do, would read
    that memory after it was freed.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
