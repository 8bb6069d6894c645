"""What a model runs on, which may be exchanged while threads call it."""

from __future__ import annotations

import threading

from littoral.runtime.fallback import Chain
from littoral.runtime.lifetime import forget


class Switch:
    """A chain of devices that another may take the place of.

    Attributes:
        chain: What runs the model now. Who finds it closed, and another in its place, asks that one.
        told: What there is to know of how the chain was chosen.
        settled: Set unless another chain is being prepared.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.told: tuple[str, ...] = ()
        self.settled = threading.Event()
        self.settled.set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know of how the model runs."""
        return (*self.told, *self.chain.notes)

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._closed

    @property
    def nbytes(self) -> int:
        """Bytes that it holds, the model file among them."""
        return self.chain.nbytes

    @property
    def engines(self) -> int:
        """How many loaded graphs."""
        return self.chain.engines

    @property
    def workers(self) -> int:
        """How many processes."""
        return self.chain.workers

    def replace(self, chain: Chain, instead_of: Chain | None = None) -> bool:
        """Has another chain run the model from now on. The one that is not needed is closed after its running calls.

        Args:
            chain: The other one; it belongs to the switch from now on.
            instead_of: Only in place of this one; None for whichever there is.

        Returns:
            Whether it does: not when the switch is closed, or something else has taken the place before.
        """
        with self._lock:
            taken = not self._closed and instead_of in (None, self.chain)
            if taken:
                self.chain, chain = chain, self.chain
        chain.close()
        return taken

    def close(self) -> None:
        """Frees everything, after the calls that are running; closing again does nothing."""
        with self._lock:
            self._closed = True
        self.chain.close()
        forget(self)
