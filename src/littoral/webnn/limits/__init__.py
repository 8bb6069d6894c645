"""What an implementation of WebNN takes: its opSupportLimits, recorded from a browser, or those of our own contexts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from littoral.errors import DataError
from littoral.webnn.idl import TYPES, Parameter, signatures
from littoral.webnn.program import DTYPES
from littoral.webnn.rules.given import MOST_BYTES, MOST_DIMENSIONS

_FOLDER = Path(__file__).parent
_SIDES = ("input", "constant", "output")


@dataclass(frozen=True)
class Support:
    """What one operand may be (MLTensorLimits).

    Attributes:
        data_types: By the names of the standard.
        least_rank: Its smallest rank.
        most_rank: Its largest one.
    """

    data_types: tuple[str, ...]
    least_rank: int = 0
    most_rank: int = MOST_DIMENSIONS


@dataclass(frozen=True)
class Limits:
    """What an implementation takes (MLOpSupportLimits).

    Attributes:
        name: Whose they are: "Chromium 147.0.7727.0".
        preferred_input_layout: "nchw" or "nhwc".
        max_tensor_bytes: The largest tensor.
        sides: Of "input", "constant" and "output".
        operations: By operation, then operand, the result being "output", "outputs", or "output0" and on. An operation
            that is not there is one that the implementation lacks.
    """

    name: str
    preferred_input_layout: str
    max_tensor_bytes: int
    sides: Mapping[str, Support]
    operations: Mapping[str, Mapping[str, Support]]

    def standard(self) -> dict[str, Any]:
        """As the standard's opSupportLimits() gives them."""
        return {
            "preferredInputLayout": self.preferred_input_layout,
            "maxTensorByteLength": self.max_tensor_bytes,
            **{side: _standard(support) for side, support in self.sides.items()},
            **{
                operation: {operand: _standard(support) for operand, support in operands.items()}
                for operation, operands in self.operations.items()
            },
        }

    def to_json(self) -> str:
        """The text of a file of limits: one line an operation."""
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in self.standard().items()]
        return f'{{"name": {json.dumps(self.name)}, "opSupportLimits": {{\n' + ",\n".join(lines) + "\n}}\n"


def from_standard(name: str, given: Mapping[str, Any]) -> Limits:
    """Limits of what opSupportLimits() gave.

    Raises:
        DataError: It has another form.
    """
    try:
        return Limits(
            name=name,
            preferred_input_layout=str(given["preferredInputLayout"]),
            max_tensor_bytes=int(given["maxTensorByteLength"]),
            sides={side: _support(given[side]) for side in _SIDES},
            operations={
                operation: {operand: _support(limits) for operand, limits in given[operation].items()}
                for operation in signatures()
                if operation in given
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the limits of {name} lack a member or have it in another form: {error!r}", _RECORD) from error


def names() -> tuple[str, ...]:
    """The browsers whose limits are shipped."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))


def load(name_or_path: str | Path) -> Limits:
    """The limits of a browser.

    Args:
        name_or_path: One of `names()`, or a file that `littoral webnn limits` has written.

    Raises:
        DataError: There is none, or it is no such file.
    """
    shipped = _FOLDER / f"{name_or_path}.json"
    file = shipped if str(name_or_path) in names() else Path(name_or_path)
    if not file.is_file():
        raise DataError(f"{name_or_path} is neither a file nor one of {', '.join(names())}", _RECORD)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        name, given = str(content["name"]), content["opSupportLimits"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is no file of limits", _RECORD) from error
    return from_standard(name, given)


@cache
def own_limits() -> Limits:
    """What our contexts take: all that the standard lets an operation take, in up to 8 dimensions."""
    everything = Support(tuple(DTYPES))
    return Limits(
        name="littoral",
        preferred_input_layout="nhwc",
        max_tensor_bytes=MOST_BYTES,
        sides=dict.fromkeys(_SIDES, everything),
        operations={
            name: {
                each.name: _own(each, tuple(signature.operands)) for each in (*signature.operands, *signature.outputs)
            }
            for name, signature in signatures().items()
        },
    )


_RECORD = "Record one with: littoral webnn limits --browser PATH -o FILE"


def _own(parameter: Parameter, others: Sequence[Parameter]) -> Support:
    """Types and ranks by the standard's table; an operand like another one takes what that takes."""
    by_name = {other.name: other for other in others}
    types, ranks = parameter, parameter
    while types.same_type:
        types = by_name[types.same_type]
    while ranks.same_rank:
        ranks = by_name[ranks.same_rank]
    least, most = ranks.ranks
    return Support(types.types or TYPES["A"], least, MOST_DIMENSIONS if most is None else most)


def _standard(support: Support) -> dict[str, Any]:
    return {
        "dataTypes": list(support.data_types),
        "rankRange": {"min": support.least_rank, "max": support.most_rank},
    }


def _support(given: Mapping[str, Any]) -> Support:
    ranks = given["rankRange"]
    return Support(tuple(map(str, given["dataTypes"])), int(ranks["min"]), int(ranks["max"]))
