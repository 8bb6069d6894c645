"""The rules of the standard: what an operation does not accept, and what comes out of it.

One function of each operation, found by its name; those that return what they are given need none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from littoral.webnn.idl import signatures
from littoral.webnn.program import Descriptor, Ref, Value
from littoral.webnn.rules import (
    convolution,
    elementwise,
    gathering,
    matrices,
    normalization,
    pooling,
    quantization,
    recurrent,
    reduction,
    shaping,
)
from littoral.webnn.rules.given import Completed, Given, Rule

__all__ = ["Completed", "complete"]

_RULES: dict[str, Rule] = {
    name: rule
    for module in (
        convolution,
        elementwise,
        gathering,
        matrices,
        normalization,
        pooling,
        quantization,
        recurrent,
        reduction,
        shaping,
    )
    for name, rule in module.RULES.items()
}


def complete(
    operation: str,
    arguments: Mapping[str, Value],
    options: Mapping[str, Value],
    describe: Callable[[Ref], Descriptor],
    label: str = "",
) -> Completed:
    """Checks a call by the rules of the standard, fills in what it leaves out, and says what comes out of it.

    Args:
        operation: As the standard spells it.
        arguments: All of them, of the kinds that the signature says.
        options: Those that are given.
        describe: What an operand is.
        label: Names the call in errors.

    Raises:
        OperandError: A rule is broken; it is named.
    """
    signature = signatures()[operation]
    filled = {p.name: p.default for p in signature.options if p.default is not None}
    given = Given(signature, dict(arguments), {**filled, **options}, describe, label)
    given.check_operands()
    rule = _RULES.get(operation)
    outputs = tuple(rule(given)) if rule else (given["input"],)
    given.check_sizes(outputs)
    return Completed(given.arguments, given.options, outputs)
