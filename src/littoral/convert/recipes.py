"""What littoral can make of a float model file: a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from littoral.errors import SourceError

Algorithm = Literal["min_max_uniform_quantize", "OCTAV", "float_casting"]


@dataclass(frozen=True)
class Rule:
    """How operators are quantized, where the quantizer can; a later rule of a recipe wins.

    Attributes:
        weight_bits: Of each weight.
        activation_bits: 8 (asymmetric) or 16 (symmetric) for activations of fixed ranges; None leaves them float.
        algorithm: How the scale of weights is found.
        min_elements: Smaller weights stay float.
        operator: Of which operators, in the quantizer's words; "*" for all.
        by_channel: Weights have a scale a channel, where there are kernels; else one a tensor.
    """

    weight_bits: int
    activation_bits: int | None = None
    algorithm: Algorithm = "min_max_uniform_quantize"
    min_elements: int = 0
    operator: str = "*"
    by_channel: bool = True

    def for_quantizer(self, scope: str) -> dict[str, Any]:
        """This rule in ai-edge-quantizer's words, for operators whose scope (output names) an expression matches."""
        casting = self.algorithm == "float_casting"
        config: dict[str, Any] = {
            "weight_tensor_config": {
                "num_bits": self.weight_bits,
                "symmetric": True,
                "granularity": "CHANNELWISE" if self.by_channel and not casting else "TENSORWISE",
                "dtype": "FLOAT" if casting else "INT",
            },
            "compute_precision": "FLOAT" if casting else "INTEGER",
            "explicit_dequantize": casting,
            "skip_checks": False,
            "min_weight_elements": self.min_elements,
        }
        if self.activation_bits:
            config["activation_tensor_config"] = {
                "num_bits": self.activation_bits,
                "symmetric": self.activation_bits == 16,
                "granularity": "TENSORWISE",
                "dtype": "INT",
            }
        return {"regex": scope, "operation": self.operator, "algorithm_key": self.algorithm, "op_config": config}


@dataclass(frozen=True)
class Recipe:
    """A quantization.

    Attributes:
        name: Also the middle of the variant's file name.
        summary: For people.
        rules: In the order of their application.
        integer_edges: Inputs and outputs are integers, and no operator may stay float.
        by_tensorflow: What TensorFlow's quantizer calls it; None where it has no such thing.
    """

    name: str
    summary: str
    rules: tuple[Rule, ...] = ()
    integer_edges: bool = False
    by_tensorflow: str | None = None

    @property
    def needs_calibration(self) -> bool:
        """Whether activations get ranges, which only real samples can tell."""
        return any(rule.activation_bits for rule in self.rules)

    def for_quantizer(self, only: Sequence[str] | None = None, but: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The recipe in ai-edge-quantizer's words.

        Args:
            only: Scopes of the operators to quantize; None for all that can be.
            but: Scopes of operators that stay float.
        """
        # Rules of one scope replace each other in the quantizer: N carets match as one does, and are another scope.
        entries = [
            rule.for_quantizer("^" * n if only is None else "^" * n + _any_of(only))
            for n, rule in enumerate(self.rules, 1)
        ]
        if but:
            entries.append(_leave("^" + _any_of(but), "*"))
        if not self.integer_edges:
            entries += [_leave("", "INPUT"), _leave("", "OUTPUT")]
        return entries


def _leave(scope: str, operation: str) -> dict[str, Any]:
    return {"regex": scope, "operation": operation, "algorithm_key": "no_quantize", "op_config": {}}


def _any_of(scopes: Sequence[str]) -> str:
    return rf"(?:{'|'.join(map(re.escape, scopes))})\Z"


# Small weights stay float where activations do: they save nothing, and cost speed and accuracy.
_DYNAMIC = Rule(8, min_elements=1024)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("float32", "as trained"),
        Recipe(
            "float16",
            "weights of 16 bits; computes in float",
            (Rule(16, algorithm="float_casting"),),
            by_tensorflow="float16",
        ),
        Recipe(
            "dynamic",
            "weights of 8 bits; ranges of activations are found at run time",
            (_DYNAMIC,),
            by_tensorflow="dynamic",
        ),
        Recipe(
            "int8", "weights and activations of 8 bits; takes and gives floats", (Rule(8, 8),), by_tensorflow="int8"
        ),
        Recipe(
            "full-int8",
            "int8 with integer inputs and outputs, nothing in float",
            (Rule(8, 8),),
            True,
            by_tensorflow="int8",
        ),
        Recipe(
            "int16x8",
            "weights of 8 bits, activations of 16; takes and gives floats",
            (Rule(8, 16),),
            by_tensorflow="int16x8",
        ),
        Recipe(
            "int4",
            "weights of 4 bits where there are kernels, else 8; activations as in dynamic",
            (_DYNAMIC, Rule(4, algorithm="OCTAV", min_elements=1024)),
        ),
    )
}


def recipes_of(names: Sequence[str]) -> list[Recipe]:
    """The recipes of these names, each once, in their order.

    Raises:
        SourceError: There is no recipe of a name.
    """
    if unknown := [name for name in names if name not in RECIPES]:
        raise SourceError(f"there is no recipe {unknown[0]!r}", f"Accepted: {', '.join(RECIPES)}")
    return [RECIPES[name] for name in dict.fromkeys(names)]
