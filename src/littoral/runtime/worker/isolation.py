"""How a worker is watched."""

from __future__ import annotations

from dataclasses import dataclass

from littoral.errors import DeviceError


@dataclass(frozen=True)
class Isolation:
    """How a worker is watched.

    Attributes:
        timeout: Seconds that one call may take.
        silence: Seconds without a sign of life after which a worker counts as hung: it is stopped, or native code does
            not let go of the interpreter.
        start: Seconds until a worker must be ready: vendors compile for long.
        wait: Seconds until a worker is started again that failed twice in a row; each further failure doubles them. A
            call fails at once meanwhile, or the next device answers. One that failed once is started again at once.
        longest_wait: Seconds that they do not exceed.
    """

    timeout: float = 60.0
    silence: float = 10.0
    start: float = 120.0
    wait: float = 0.5
    longest_wait: float = 30.0


class DownError(DeviceError):
    """A device in a worker does not answer; a later call starts the worker again."""
