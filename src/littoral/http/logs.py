"""Structured logs: a line of JSON an event, written by a thread of their own so that a full pipe stops nobody."""

from __future__ import annotations

import datetime
import json
import os
import queue
import threading
import time
import traceback
from typing import Any

_MOST = 10_000


class Log:
    """Lines of JSON on a descriptor. Lines that find ten thousand waiting are dropped, and counted in the next one.

    Args:
        descriptor: Where they go; standard error by default.
        common: Fields that every line has.
    """

    def __init__(self, descriptor: int = 2, **common: Any) -> None:
        self._descriptor = descriptor
        self._common = common
        self._lines: queue.SimpleQueue[dict[str, Any] | threading.Event] = queue.SimpleQueue()
        self._dropped = 0
        threading.Thread(target=self._write, name="littoral-log", daemon=True).start()

    def event(self, event: str, level: str = "info", **fields: Any) -> None:
        """Writes a line.

        Args:
            event: What happened, in a word.
            level: "info", "warning" or "error".
            fields: More of it; what JSON cannot say is written as text.
        """
        if self._lines.qsize() >= _MOST:
            self._dropped += 1
            return
        self._lines.put({"time": time.time(), "level": level, "event": event, **self._common, **fields})

    def error(self, event: str, error: BaseException) -> None:
        """Writes what was not expected, with where it happened."""
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.event(event, "error", error=repr(error), trace=trace)

    def flush(self, seconds: float = 2.0) -> None:
        """Waits until what was said is written, though not forever."""
        done = threading.Event()
        self._lines.put(done)
        done.wait(seconds)

    def _write(self) -> None:
        while True:
            item = self._lines.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            if self._dropped:
                item["dropped"], self._dropped = self._dropped, 0
            moment = datetime.datetime.fromtimestamp(item["time"], datetime.timezone.utc)
            item["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = json.dumps(item, ensure_ascii=False, default=str).encode(errors="replace") + b"\n"
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                self._dropped += 1  # nobody reads it any more
