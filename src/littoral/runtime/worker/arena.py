"""Memory that two processes share: arrays are laid into it, and found again by a short description."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from littoral.runtime.tensors import Array

Description: TypeAlias = tuple[tuple[int, str, tuple[int, ...]], ...]
"""Of each array: where it starts, its dtype, its shape."""

_ALIGNMENT = 64
_HEAD = 64  # bytes: the beat of the process that writes
_SMALLEST = 1 << 16


class Arena:
    """One direction of the traffic: one process writes, the other reads. It has no name, so nothing can leak.

    Args:
        descriptor: A file that is there already; None to make one.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _anonymous() if descriptor is None else descriptor
        self._map = self._mapped(_SMALLEST)
        self._beat = np.frombuffer(self._map, np.uint64, 1)

    @property
    def nbytes(self) -> int:
        """Its size."""
        return len(self._map)

    @property
    def beat(self) -> int:
        """How often `tick` was called, by the process that writes."""
        return int(self._beat[0])

    def tick(self) -> None:
        """Shows the other process that this one is alive."""
        self._beat[0] += 1

    def write(self, arrays: Sequence[Array]) -> Description:
        """Copies arrays in, from the start."""
        placed, end = [], _HEAD
        for array in arrays:
            placed.append((end, array.dtype.str, array.shape))
            end += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
        self._reach(end)
        for view, array in zip(self.read(tuple(placed)), arrays, strict=True):
            view[...] = array
        return tuple(placed)

    def read(self, description: Description) -> list[Array]:
        """The arrays where they are: views, until the next `write` of the other process."""
        arrays: list[Array] = []
        for start, dtype, shape in description:
            kind = np.dtype(dtype)
            count = int(np.prod(shape, dtype=np.int64))
            self._reach(start + count * kind.itemsize)
            arrays.append(np.frombuffer(self._map, kind, count, start).reshape(shape))
        return arrays

    def close(self) -> None:
        """Lets go of it; closing again does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1

    def _reach(self, size: int) -> None:
        """Maps more of the file; views on less of it stay as they are."""
        if size > len(self._map):
            self._map = self._mapped(1 << (size - 1).bit_length())
            self._beat = np.frombuffer(self._map, np.uint64, 1)

    def _mapped(self, size: int) -> mmap.mmap:
        if os.fstat(self.descriptor).st_size < size:
            os.ftruncate(self.descriptor, size)
        return mmap.mmap(self.descriptor, size)


def _anonymous() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("littoral-tensors")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
