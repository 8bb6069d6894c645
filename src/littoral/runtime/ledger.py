"""Where faults are counted while a model runs."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from littoral.runtime.faults import Faults

Kind: TypeAlias = Literal["crashes", "hangs", "errors", "restarts"]
Outcome: TypeAlias = Literal["failed", "rescued"]


class Ledger:
    """Counts for one model; threads and its devices share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Counter[str]] = {}
        self._calls: Counter[str] = Counter()

    def count(self, device: str, kind: Kind) -> None:
        """One more of a kind on a device."""
        with self._lock:
            self._faults.setdefault(device, Counter())[kind] += 1

    def end(self, outcome: Outcome) -> None:
        """One more call that did not go as it should."""
        with self._lock:
            self._calls[outcome] += 1

    def read(self) -> Faults:
        """All counts, of one moment."""
        from littoral.runtime.faults import DeviceFaults, Faults

        with self._lock:
            devices = {device: DeviceFaults(**kinds) for device, kinds in self._faults.items()}
            return Faults(devices, self._calls["failed"], self._calls["rescued"])
