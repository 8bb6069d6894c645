"""One way to call a model: values by position, by name, or in a dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from littoral.errors import InputError
from littoral.runtime.engine import Entry
from littoral.runtime.tensors import Array

Result: TypeAlias = "Array | dict[str, Array]"


class Signature:
    """One way to call a model: by position in the order of `inputs`, by name, or with one dict.

    Attributes:
        inputs: What goes in.
        outputs: What comes out.
    """

    def __init__(self, entry: Entry, run: Callable[[Entry, Sequence[Array]], Sequence[Array]]) -> None:
        self.inputs = entry.inputs
        self.outputs = entry.outputs
        self._entry = entry
        self._run = run

    def __call__(self, *args: Any, raw: bool = False, **named: Any) -> Result:
        """Runs it.

        Args:
            args: Arrays in the order of `inputs`, or one dict of them by name (for names that are not Python's).
            raw: Values go in and come out in the stored types; otherwise quantized ones are real numbers (float32).
            named: Arrays by name. A missing batch axis is added. The name "" is the only input.

        Returns:
            The array, or a dict by name where there are several outputs. They are copies and stay as they are.

        Raises:
            InputError: A name, shape or type is not one that the model takes.
            DeviceError: The device fails.
            ClosedError: The model is closed.
        """
        values = self._bind(args, named)
        stored = self._run(
            self._entry, [info.accept(value, raw) for info, value in zip(self.inputs, values, strict=True)]
        )
        given = {info.name: info.give(value, raw) for info, value in zip(self.outputs, stored, strict=True)}
        return next(iter(given.values())) if len(given) == 1 else given

    def _bind(self, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        if len(args) == 1 and isinstance(args[0], Mapping) and not named:
            return self._bind((), args[0])
        if len(args) == len(self.inputs) and not named:
            return list(args)
        takes = f"Accepted: {', '.join(map(str, self.inputs))}"
        if len(args) > len(self.inputs):
            raise InputError(f"the model has {len(self.inputs)} inputs and got {len(args)}", takes)
        values = {info.name: value for info, value in zip(self.inputs, args, strict=False)}
        for name, value in named.items():
            key = self._key(name)
            if key is None:
                raise InputError(f"the model has no input {name!r}", takes)
            if key in values:
                raise InputError(f"input {key!r} is given twice", takes)
            values[key] = value
        if missing := [info.name for info in self.inputs if info.name not in values]:
            raise InputError(f"input {missing[0]!r} is missing", takes)
        return [values[info.name] for info in self.inputs]

    def _key(self, name: str) -> str | None:
        """The input's name for a name, which may also be the tensor's, or empty for the only input."""
        if name == "" and len(self.inputs) == 1:
            return self.inputs[0].name
        by_name = {info.tensor: info.name for info in self.inputs} | {info.name: info.name for info in self.inputs}
        return by_name.get(name)
