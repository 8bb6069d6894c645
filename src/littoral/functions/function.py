"""A function: answers requests, each in an instance of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from littoral.errors import ClosedError
from littoral.functions.calls import find
from littoral.functions.compiled import Compiled
from littoral.functions.errors import FunctionError, ManifestError
from littoral.functions.files import tree
from littoral.functions.host import Host, ModelLike, World
from littoral.functions.instance import Instance
from littoral.functions.manifest import Manifest
from littoral.functions.sandbox import run


@dataclass(frozen=True)
class Timing:
    """Seconds of a request.

    Attributes:
        instance: To make the instance.
        inference: In models.
        total: Of all.
        cpu: Of the processor, on the thread of the request: what a model does on others is not counted.
    """

    instance: float
    inference: float
    total: float
    cpu: float


@dataclass(frozen=True)
class Answer:
    """What a function answers.

    Attributes:
        status: What `handle` gave: 0, or a number of the function's own for a request that it cannot serve.
        body: What it wrote to standard output.
        log: What it wrote to standard error, and the host's remarks.
        timing: How long it took.
        memory: Bytes of memory that the instance had at its end.
    """

    status: int
    body: bytes
    log: str
    timing: Timing
    memory: int


class Function:
    """A function that threads share.

    Args:
        compiled: Its prepared module.
        manifest: What it may use.
        models: By the manifest's names. They are called from any thread, and closed by who gives them.
        files: By path in the sandbox.

    Raises:
        ManifestError: The module has no such entry, or a model or host call is missing.
    """

    def __init__(
        self,
        compiled: Compiled,
        manifest: Manifest,
        models: Mapping[str, ModelLike] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        given = models or {}
        if missing := [name for name in manifest.models if name not in given]:
            raise ManifestError(f"{manifest.name} needs the model {missing[0]!r}", "Give it a model file of that name")
        compiled.check_entry(manifest)
        used = {name: given[name] for name in manifest.models}
        self.manifest = manifest
        self._world = manifest.world(tree(files or {}), used)
        self._entry = manifest.entry.encode()
        self._has_status = compiled.entries[manifest.entry]
        self._linked = compiled.link(find(manifest.host_calls))
        self._lock = threading.Condition()
        self._running = 0
        self._closed = False

    @property
    def running(self) -> int:
        """How many requests run now."""
        return self._running

    def invoke(self, body: bytes | bytearray | memoryview = b"") -> Answer:
        """Answers one request.

        Args:
            body: What the guest reads from standard input; it must not change meanwhile.

        Raises:
            FunctionError: It failed, or as many requests run as may; its `kind` says which.
            ClosedError: The function is closed.
        """
        self._enter()
        try:
            return _answer(self._world, self._linked.address, self._entry, self._has_status, body)
        finally:
            self._leave()

    def close(self) -> None:
        """Frees what it holds, after the requests that run; closing again does nothing."""
        with self._lock:
            self._closed = True
            while self._running:
                self._lock.wait()
        self._linked.close()

    def __enter__(self) -> Function:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _enter(self) -> None:
        with self._lock:
            if self._closed:
                raise ClosedError(f"the function {self.manifest.name} is closed", "Load it again")
            most = self.manifest.limits.concurrency
            if self._running >= most:
                cause = f"{self.manifest.name} answers {most} requests already"
                raise FunctionError(cause, "Try again, or raise limits.concurrency in its manifest", "busy")
            self._running += 1

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            if self._closed:
                self._lock.notify_all()


def _answer(world: World, pre: int, entry: bytes, has_status: bool, body: bytes | bytearray | memoryview) -> Answer:
    start, start_cpu = time.perf_counter(), time.thread_time()
    made, memory = start, 0
    host = Host(world, body)

    def work(instance: Instance) -> int:
        nonlocal made, memory
        made = time.perf_counter()
        try:
            status = instance.call(entry)
        finally:
            memory = len(instance.memory)
        return status if has_status else 0

    status = run(pre, host, work, lambda: 0)
    timing = Timing(
        instance=made - start,
        inference=host.inference,
        total=time.perf_counter() - start,
        cpu=time.thread_time() - start_cpu,
    )
    return Answer(status, bytes(host.output), host.log, timing, memory)
