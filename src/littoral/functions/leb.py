"""Numbers, names and bytes of WebAssembly's binary format; numbers are LEB128."""

from __future__ import annotations


class DamageError(Exception):
    """The bytes are not what they should be; the text says how, as the end of a sentence."""


class Cursor:
    """Reads bytes in order; never beyond their end."""

    __slots__ = ("_view", "position")

    def __init__(self, view: memoryview, position: int = 0) -> None:
        self._view = view
        self.position = position

    @property
    def at_end(self) -> bool:
        """Whether all is read."""
        return self.position >= len(self._view)

    def finish(self, what: str) -> None:
        """Raises `DamageError` where something is left."""
        if not self.at_end:
            raise DamageError(f"{what} has {len(self._view) - self.position} bytes too many")

    def peek(self) -> int:
        """The next byte, which stays unread; -1 at the end."""
        return -1 if self.at_end else self._view[self.position]

    def byte(self) -> int:
        """One byte."""
        if self.at_end:
            raise DamageError("it ends too early")
        self.position += 1
        return self._view[self.position - 1]

    def take(self, size: int) -> memoryview:
        """So many bytes, not copied."""
        if size > len(self._view) - self.position:
            raise DamageError("it ends too early")
        self.position += size
        return self._view[self.position - size : self.position]

    def since(self, start: int) -> memoryview:
        """What was read since a position."""
        return self._view[start : self.position]

    def unsigned(self, bits: int = 32) -> int:
        """A number without sign."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> bits or shift > bits + 6:
                raise DamageError(f"a number has more than {bits} bits")
            if byte < 0x80:
                return value

    def skip_number(self) -> None:
        """A number whose value does not matter, of at most 64 bits."""
        for _ in range(10):
            if self.byte() < 0x80:
                return
        raise DamageError("a number has more than 64 bits")

    def name(self) -> str:
        """A name: UTF-8 behind its length."""
        try:
            return bytes(self.take(self.unsigned())).decode()
        except UnicodeDecodeError as error:
            raise DamageError("a name is not UTF-8") from error


def unsigned(value: int) -> bytes:
    """The bytes of a number without sign."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def signed(value: int) -> bytes:
    """The bytes of a number with a sign."""
    found = bytearray()
    while not -64 <= value < 64:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value & 0x7F)
    return bytes(found)
