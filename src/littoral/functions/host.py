"""What one instance sees of the world: its streams, its files, its clock, its models. One object for each request."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from littoral.functions.errors import FunctionError
from littoral.functions.files import Folder, Reader
from littoral.functions.instance import Memory
from littoral.functions.limits import Limits, show_size

if TYPE_CHECKING:
    from littoral.functions.nn import Tensors
    from littoral.runtime import TensorInfo

_LOG = 64 << 10
"""Bytes of the log of one request; what comes after is dropped, and that is said."""


class ModelLike(Protocol):
    """What wasi-nn calls: a `littoral.runtime.Model`, or something that behaves like one. Threads share it."""

    @property
    def inputs(self) -> Sequence[TensorInfo]:
        """What goes in."""

    @property
    def outputs(self) -> Sequence[TensorInfo]:
        """What comes out."""

    def __call__(self, *args: Any, raw: bool = False) -> Any:
        """Runs it on stored values: an array, or a dict of them by output name."""


@dataclass(frozen=True)
class Environment:
    """What a function sees of the machine.

    Attributes:
        variables: Environment variables.
        arguments: Command line arguments, after the function's name.
        clock: None for the real one; otherwise all requests see this time, in seconds since 1970.
        random: None for the system's; otherwise all requests draw the same bytes, from this seed.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    clock: float | None = None
    random: int | None = None


@dataclass(frozen=True)
class World:
    """What all requests of a function share.

    Attributes:
        name: The function's.
        limits: Of each request.
        environment: What it sees of the machine.
        files: What it may read.
        models: By name; None while it is prepared, when there are none.
        load_models: Whether it may load models from bytes of its own.
    """

    name: str
    limits: Limits
    environment: Environment
    files: Folder
    models: Mapping[str, ModelLike] | None
    load_models: bool = False


class ExitError(Exception):
    """A guest ended itself; the argument is the exit code."""


class Host:
    """What one instance sees.

    Attributes:
        memory: The instance's; set when that is made.
        descriptors: What is open: 0 the body, 1 the answer, 2 the log, 3 the folder of files.
        output: What was written to standard output.
        failure: What a host function raised: it ends the request.
        held: Bytes of tensors that are kept for the instance.
        inference: Seconds that models took.
    """

    __slots__ = (
        "_log",
        "_random",
        "deadline",
        "descriptors",
        "failure",
        "held",
        "inference",
        "memory",
        "output",
        "tensors",
        "world",
    )

    def __init__(self, world: World, body: bytes | bytearray | memoryview = b"") -> None:
        self.world = world
        self.memory: Memory
        self.descriptors: dict[int, Reader | Folder | Callable[[Sequence[memoryview]], None]] = {
            0: Reader("the body", memoryview(body).cast("B")),
            1: self.answer,
            2: self.note,
            3: world.files,
        }
        self.output = bytearray()
        self.failure: BaseException | None = None
        self.tensors: Tensors | None = None
        self.held = 0
        self.inference = 0.0
        self.deadline = time.monotonic() + world.limits.time
        self._log = bytearray()
        self._random: random.Random | None = None

    @property
    def log(self) -> str:
        """What was written to standard error, and the host's remarks."""
        return self._log.decode(errors="replace")

    def answer(self, parts: Sequence[memoryview]) -> None:
        """Takes what is written to standard output.

        Raises:
            FunctionError: It is more than an answer may have.
        """
        size, limit = len(self.output) + sum(map(len, parts)), self.world.limits.output
        if size > limit:
            cause = f"{self.world.name} wrote {size} bytes of output, more than {show_size(limit)}"
            raise FunctionError(cause, "Raise limits.output in its manifest", "output")
        for part in parts:
            self.output += part

    def note(self, parts: Sequence[memoryview]) -> None:
        """Takes what is written to standard error."""
        for part in parts:
            room = _LOG - len(self._log)
            self._log += part[: max(room, 0)]
            if len(part) > room >= 0:
                self._log += b"\n(the log is cut here)\n"

    def remark(self, text: str) -> None:
        """Says something to whoever reads the log."""
        start = b"\n" if self._log and not self._log.endswith(b"\n") else b""
        self.note([memoryview(start + f"littoral: {text}\n".encode())])

    def check_time(self) -> None:
        """Ends a request whose time is over, after a host call that may have taken long.

        Raises:
            FunctionError: It is over.
        """
        if time.monotonic() > self.deadline:
            raise too_late(self.world)

    def draw(self, size: int) -> bytes:
        """Random bytes, as the environment has them."""
        seed = self.world.environment.random
        if seed is None:
            return os.urandom(size)
        if self._random is None:
            self._random = random.Random(seed)  # noqa: S311 (fixed on purpose, as the manifest says)
        return self._random.randbytes(size)

    def now(self, monotonic: bool) -> int:
        """Nanoseconds, as the environment has them."""
        if (fixed := self.world.environment.clock) is not None:
            return int(fixed * 1e9)
        return time.monotonic_ns() if monotonic else time.time_ns()

    def close(self) -> None:
        """Lets go of what was opened for the request."""
        if self.tensors is not None:
            self.tensors.close()


def too_late(world: World) -> FunctionError:
    """The error of a request that ran out of time."""
    cause = f"{world.name} ran longer than {world.limits.time:g} s"
    return FunctionError(cause, "Raise limits.time in its manifest, or give it less to do", "time")
