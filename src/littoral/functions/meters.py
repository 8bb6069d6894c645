"""What the gateway counts: Prometheus metrics, in files that all workers write and the supervisor adds up.

Files, so that nothing is lost when a worker is killed. prometheus_client decides when it is imported whether it writes
them: workers find the folder in the environment variable PROMETHEUS_MULTIPROC_DIR.
"""

from __future__ import annotations

import importlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from littoral.errors import MissingExtraError
from littoral.functions.function import Answer
from littoral.functions.shelf import Lease

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError as error:
        raise MissingExtraError("prometheus-client, which counts,", "functions") from error
    return prometheus_client


class Meters:
    """The metrics of a worker; one object a process."""

    def __init__(self) -> None:
        client = _client()
        name, registry = ["function"], client.CollectorRegistry()

        def make(kind: Any, what: str, text: str, labels: list[str], **options: Any) -> Any:
            return kind(f"littoral_{what}", text, labels, registry=registry, **options)

        self.requests = make(client.Counter, "function_requests", "Requests by how they ended.", [*name, "outcome"])
        self.starts = make(
            client.Counter,
            "function_starts",
            "Fresh instances: cold where the function had to be loaded first.",
            [*name, "start"],
        )
        self.queue = make(client.Histogram, "function_queue_seconds", "Waiting for a thread.", name, buckets=_BUCKETS)
        self.total = make(
            client.Histogram, "function_seconds", "From the body's last byte to the answer.", name, buckets=_BUCKETS
        )
        self.load = make(client.Counter, "function_load_seconds", "Loading functions, at cold starts.", name)
        self.instance = make(client.Counter, "function_instance_seconds", "Making instances.", name)
        self.inference = make(client.Counter, "function_inference_seconds", "In models.", name)
        self.cpu = make(
            client.Counter, "function_cpu_seconds", "Processor time, without threads that models start.", name
        )
        self.memory = make(
            client.Gauge,
            "function_memory_bytes",
            "The largest memory of an instance so far.",
            name,
            multiprocess_mode="max",
        )
        self._refused = make(client.Counter, "gateway_refused", "Requests that reached no function.", ["status"])
        gauges = {"connections": "Open connections.", "waiting": "Requests that wait.", "running": "Requests that run."}
        self._gauges = {
            what: make(client.Gauge, f"gateway_{what}", text, [], multiprocess_mode="livesum")
            for what, text in gauges.items()
        }
        self._of: dict[str, Meter] = {}

    def of(self, function: str) -> Meter:
        """The metrics of a function."""
        meter = self._of.get(function)
        if meter is None:
            meter = self._of[function] = Meter(self, function)
        return meter

    def refused(self, status: int) -> None:
        """A request reached no function."""
        self._refused.labels(status).inc()

    def show(self, **values: int) -> None:
        """What is now: connections, waiting, running."""
        for what, value in values.items():
            self._gauges[what].set(value)


class Meter:
    """The metrics of a function, each looked up once."""

    def __init__(self, meters: Meters, function: str) -> None:
        self._meters = meters
        self._function = function
        self._outcomes: dict[str, Any] = {}
        self._largest = 0
        names = ("queue", "total", "load", "instance", "inference", "cpu", "memory")
        self._of = {name: getattr(meters, name).labels(function) for name in names}

    @cached_property
    def _cold(self) -> Any:
        return self._meters.starts.labels(self._function, "cold")

    @cached_property
    def _warm(self) -> Any:
        return self._meters.starts.labels(self._function, "warm")

    def ended(self, outcome: str, total: float) -> None:
        """A request has ended.

        Args:
            outcome: "ok", "error" (the function's own), a kind of FunctionError, "load", "stuck" or "refused".
            total: Seconds.
        """
        counter = self._outcomes.get(outcome)
        if counter is None:
            counter = self._outcomes[outcome] = self._meters.requests.labels(self._function, outcome)
        counter.inc()
        self._of["total"].observe(total)

    def started(self, lease: Lease, waited: float) -> None:
        """An instance was made."""
        (self._cold if lease.cold else self._warm).inc()
        if lease.cold:
            self._of["load"].inc(lease.load)
        self._of["queue"].observe(waited)

    def answered(self, answer: Answer) -> None:
        """It has answered."""
        timing = answer.timing
        self._of["instance"].inc(timing.instance)
        self._of["inference"].inc(timing.inference)
        self._of["cpu"].inc(timing.cpu)
        if answer.memory > self._largest:
            self._largest = answer.memory
            self._of["memory"].set(answer.memory)


class Overview:
    """The metrics of all workers, and of the supervisor itself.

    Args:
        folder: Where the workers write theirs.
    """

    def __init__(self, folder: Path) -> None:
        client = _client()
        self._files: Any = importlib.import_module("prometheus_client.multiprocess")  # it has no types
        self._folder = folder
        self._registry = client.CollectorRegistry()
        self._deaths = client.Counter(
            "littoral_gateway_worker_deaths",
            "Workers that died, hung, or had a thread that could not be stopped.",
            ["why"],
            registry=self._registry,
        )
        self._answers = client.Counter(
            "littoral_gateway_orphans",
            "Requests answered in place of a worker that died.",
            ["status"],
            registry=self._registry,
        )

    def count(self, what: str) -> None:
        """Counts a death, by its reason, or an answer, by its status."""
        (self._answers if what.isdigit() else self._deaths).labels(what).inc()

    def forget(self, process: int) -> None:
        """A worker is dead: what it showed as of now does not count any more."""
        self._files.mark_process_dead(process, str(self._folder))

    def render(self) -> bytes:
        """All of it, as Prometheus reads it."""
        client = _client()
        workers = client.CollectorRegistry()
        self._files.MultiProcessCollector(workers, str(self._folder))
        return bytes(client.generate_latest(workers) + client.generate_latest(self._registry))


def environment(folder: Path) -> dict[str, str]:
    """The environment of a worker that counts in a folder."""
    return {**os.environ, FOLDER: str(folder)}
