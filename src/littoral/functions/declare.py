"""How a host function is declared: its name, its type in letters, and the Python function behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TYPES = {"i": "i32", "I": "i64", "f": "f32", "F": "f64"}


@dataclass(frozen=True)
class HostFunction:
    """A function that guests may import.

    Attributes:
        module: What it is imported from.
        name: Its name there.
        parameters: A letter each: i i32, I i64, f f32, F f64. Whole numbers come without sign.
        result: A letter, or nothing.
        run: Called with the Host and the parameters; gives the result.
        bad_pointer: What it gives where a pointer is not into the guest's memory; None where that is an end.
    """

    module: str
    name: str
    parameters: str
    result: str
    run: Callable[..., Any]
    bad_pointer: int | None


def table(
    module: str, functions: Mapping[str, tuple[str, Callable[..., Any]]], bad_pointer: int
) -> dict[str, HostFunction]:
    """Host functions of one module by name.

    Args:
        module: Its name.
        functions: By name: letters of the parameters, then ":" and that of the result; and what is behind it.
        bad_pointer: See `HostFunction`.
    """
    made = {}
    for name, (letters, run) in functions.items():
        parameters, _, result = letters.partition(":")
        made[name] = HostFunction(module, name, parameters, result, run, bad_pointer)
    return made
