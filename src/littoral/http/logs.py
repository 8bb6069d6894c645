"""Structured logs: a line of JSON an event, written by a thread of their own so that a full pipe stops nobody."""

from __future__ import annotations

import datetime
import json
import os
import threading
import time
import traceback
from collections import deque
from typing import Any

_MOST = 10_000
_TOGETHER = 100
_PAUSE = 0.1  # seconds: to be woken for each line would cost requests more than the line


class Log:
    """Lines of JSON on a descriptor, ten times a second. Beyond ten thousand that wait, lines are dropped and counted.

    Args:
        descriptor: Where they go; standard error by default.
        common: Fields that every line has.
    """

    def __init__(self, descriptor: int = 2, **common: Any) -> None:
        self._descriptor = descriptor
        self._common = common
        self._lines: deque[dict[str, Any]] = deque()
        self._dropped = 0
        self._writing = threading.Lock()
        threading.Thread(target=self._write_on, name="littoral-log", daemon=True).start()

    def event(self, event: str, level: str = "info", **fields: Any) -> None:
        """Writes a line, soon.

        Args:
            event: What happened, in a word.
            level: "info", "warning" or "error".
            fields: More of it; what JSON cannot say is written as text.
        """
        if len(self._lines) >= _MOST:
            self._dropped += 1
        else:
            self._lines.append({"time": time.time(), "level": level, "event": event, **self._common, **fields})

    def error(self, event: str, error: BaseException) -> None:
        """Writes what was not expected, with where it happened."""
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.event(event, "error", error=repr(error), trace=trace)

    def flush(self, seconds: float = 2.0) -> None:
        """Writes what was said, unless nobody reads it."""
        writer = threading.Thread(target=self._write, daemon=True)
        writer.start()
        writer.join(seconds)

    def _write_on(self) -> None:
        while True:
            time.sleep(_PAUSE)
            if self._lines:
                self._write()

    def _write(self) -> None:
        with self._writing:
            while self._lines:
                several = [self._lines.popleft() for _ in range(min(len(self._lines), _TOGETHER))]
                content = b"".join(map(self._line, several))
                try:
                    while content:
                        content = content[os.write(self._descriptor, content) :]
                except OSError:
                    self._dropped += len(several)  # nobody reads it any more

    def _line(self, item: dict[str, Any]) -> bytes:
        if self._dropped:
            item["dropped"], self._dropped = self._dropped, 0
        moment = datetime.datetime.fromtimestamp(item["time"], datetime.timezone.utc)
        item["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json.dumps(item, ensure_ascii=False, default=str).encode(errors="replace") + b"\n"
