"""A call while it is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NoReturn, TypeAlias, cast

from littoral.webnn.errors import OperandError
from littoral.webnn.idl import Parameter, Signature
from littoral.webnn.program import Descriptor, Ref, Value, titled
from littoral.webnn.rules.casting import cast_number

Shape: TypeAlias = tuple[int, ...]

LARGEST_DIMENSION = 2**31 - 1
"""A valid dimension is positive and in the range of `long`."""

MOST_DIMENSIONS = 8
"""The standard leaves it to implementations: LiteRT's kernels hold so many."""

MOST_BYTES = 2**31 - 1
"""The standard leaves it to implementations: offsets in a model file hold no more."""

MOST_TENSORS = 8192
"""A valid tensor count is positive and at most this."""


@dataclass(frozen=True)
class Completed:
    """A call that keeps the rules.

    Attributes:
        arguments: As given.
        options: With what the standard says where they were left out.
        outputs: What comes out.
    """

    arguments: dict[str, Value]
    options: dict[str, Value]
    outputs: tuple[Descriptor, ...]


class Given:
    """The arguments and options of a call, by name; `given["input"]` is an operand's descriptor.

    Args:
        signature: What the operation takes.
        arguments: By name.
        options: By name, defaults filled in; a rule may fill in more.
        describe: What an operand is.
        label: Names the call in errors; may be empty.
    """

    def __init__(
        self,
        signature: Signature,
        arguments: dict[str, Value],
        options: dict[str, Value],
        describe: Callable[[Ref], Descriptor],
        label: str,
    ) -> None:
        self.signature = signature
        self.arguments = arguments
        self.options = options
        self._describe = describe
        self._label = label

    def __getitem__(self, name: str) -> Descriptor:
        return self._describe(cast(Ref, self._value(name)))

    def __contains__(self, name: str) -> bool:
        return name in self.arguments or name in self.options

    def all(self, name: str) -> list[Descriptor]:
        """What the operands of a list are."""
        return [self._describe(ref) for ref in cast(tuple[Ref, ...], self._value(name))]

    def number(self, name: str) -> int:
        """A number among arguments or options."""
        return cast(int, self._value(name))

    def cast_option(self, name: str, data_type: str) -> None:
        """Has an option, where it is given, be a number that a data type holds."""
        if name in self.options:
            self.options[name] = cast_number(self.number(name), data_type)

    def flag(self, name: str) -> bool:
        """A boolean option."""
        return bool(self._value(name))

    def word(self, name: str) -> str:
        """A member of an enumeration."""
        return str(self._value(name))

    def numbers(self, name: str, default: Sequence[int] | None = None, count: int | None = None) -> Shape:
        """A list of integers.

        Args:
            name: Of the argument or option.
            default: What the standard says where it is left out; it is filled in.
            count: How many it must have.
        """
        return cast(Shape, self._list(name, default, count))

    def doubles(self, name: str, default: Sequence[float], count: int) -> tuple[float, ...]:
        """A list of numbers, as `numbers` has it."""
        return self._list(name, default, count)

    def _list(self, name: str, default: Sequence[float] | None, count: int | None) -> tuple[float, ...]:
        if default is not None and name not in self:
            self.options[name] = tuple(default)
        found = cast(tuple[float, ...], self._value(name))
        if count is not None and len(found) != count:
            self.fail(name, f"has {len(found)} items, and takes {count}")
        return found

    def axis(self, rank: int, name: str = "axis") -> int:
        """An axis of a tensor of so many dimensions."""
        axis = self.number(name)
        if axis >= rank:
            self.fail(name, f"is {axis}, and the input has rank {rank}")
        return axis

    def axes(self, rank: int, default: Sequence[int], count: int | None = None) -> Shape:
        """The option `axes`: distinct, of a tensor of so many dimensions."""
        axes = self.numbers("axes", default, count)
        if len(set(axes)) != len(axes):
            self.fail("axes", f"has a value twice: {list(axes)}")
        if any(axis >= rank for axis in axes):
            self.fail("axes", f"are {list(axes)}, and the input has rank {rank}")
        return axes

    def expect_shape(self, name: str, shape: Sequence[int]) -> None:
        """Has an operand, where it is given, be of a shape."""
        if name in self and self[name].shape != tuple(shape):
            self.fail(name, f"has shape {list(self[name].shape)}, and must have {list(shape)}")

    def fail(self, name: str, words: str) -> NoReturn:
        """Says which argument breaks what rule."""
        raise OperandError(f"{titled(self.signature.operation, self._label)}: {name} {words}")

    def check_operands(self) -> None:
        """Types and ranks, by the standard's table of limits."""
        for parameter in self.signature.operands:
            if parameter.name in self:
                operands = self.all(parameter.name) if parameter.kind == "operands" else [self[parameter.name]]
                for operand in operands:
                    self._check_operand(parameter, operand)

    def check_sizes(self, outputs: Iterable[Descriptor]) -> None:
        """Refuses outputs that no implementation of ours holds."""
        for output in outputs:
            if flaw := flaw_of(output):
                self.fail("the output", f"would have {flaw}")

    def _check_operand(self, parameter: Parameter, operand: Descriptor) -> None:
        types = (self[parameter.same_type].data_type,) if parameter.same_type else parameter.types
        if operand.data_type not in types:
            whose = f" like {parameter.same_type}" if parameter.same_type else ""
            self.fail(parameter.name, f"is {operand.data_type}, and must be {' or '.join(types)}{whose}")
        rank = len(operand.shape)
        low, high = parameter.ranks
        if parameter.same_rank:
            low = high = len(self[parameter.same_rank].shape)
        if rank < low or (high is not None and rank > high):
            accepted = str(low) if low == high else f"at least {low}" if high is None else f"{low} to {high}"
            self.fail(parameter.name, f"has rank {rank}, and must have {accepted}")

    def _value(self, name: str) -> Value:
        return self.arguments[name] if name in self.arguments else self.options[name]


def flaw_of(descriptor: Descriptor) -> str:
    """Why no operand of ours is like this, by the standard's "check dimensions"; empty where it may be."""
    shape = descriptor.shape
    if len(shape) > MOST_DIMENSIONS:
        return f"{len(shape)} dimensions, and {MOST_DIMENSIONS} is the most"
    if any(not 0 < size <= LARGEST_DIMENSION for size in shape):
        return f"the shape {list(shape)}, and a dimension is 1 to {LARGEST_DIMENSION}"
    if (size := prod(shape) * descriptor.dtype.itemsize) > MOST_BYTES:
        return f"the shape {list(shape)}, {size} bytes of {descriptor.data_type}, and {MOST_BYTES} is the most"
    return ""


Rule: TypeAlias = Callable[[Given], list[Descriptor]]


def broadcast(a: Sequence[int], b: Sequence[int]) -> Shape | None:
    """The shape that two shapes broadcast to, in both directions; None where they do not."""
    longer, shorter = (list(a), list(b)) if len(a) >= len(b) else (list(b), list(a))
    shorter = [1] * (len(longer) - len(shorter)) + shorter
    if any(x != y and 1 not in (x, y) for x, y in zip(longer, shorter, strict=True)):
        return None
    return tuple(y if x == 1 else x for x, y in zip(longer, shorter, strict=True))


def broadcasts_to(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Whether a shape broadcasts to another one (unidirectionally)."""
    return broadcast(shape, target) == tuple(target)
