"""gru, gruCell, lstm, lstmCell."""

from __future__ import annotations

from typing import cast

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import LARGEST_DIMENSION, Given, Rule

_GRU, _LSTM = 3, 4  # gates
_ACTIVATIONS = {_GRU: ("sigmoid", "tanh"), _LSTM: ("sigmoid", "tanh", "tanh")}


def _settings(given: Given, gates: int) -> int:
    """The hidden size, checked; activations are filled in."""
    hidden = given.number("hiddenSize")
    if hidden == 0 or 2 * gates * hidden > LARGEST_DIMENSION:
        given.fail("hiddenSize", f"is {hidden}")
    activations = given.options.setdefault("activations", _ACTIVATIONS[gates])
    if (found := len(cast(tuple[str, ...], activations))) != (count := len(_ACTIVATIONS[gates])):
        given.fail("activations", f"has {found} items, and takes {count}")
    return hidden


def _network(given: Given, gates: int, states: int) -> list[Descriptor]:
    hidden = _settings(given, gates)
    steps, batch, size = given["input"].shape
    if given.number("steps") != steps:
        given.fail("steps", f"is {given.number('steps')}, and the input has {steps}")
    directions = 2 if given.word("direction") == "both" else 1
    given.expect_shape("weight", (directions, gates * hidden, size))
    given.expect_shape("recurrentWeight", (directions, gates * hidden, hidden))
    for name in ("bias", "recurrentBias"):
        given.expect_shape(name, (directions, gates * hidden))
    given.expect_shape("peepholeWeight", (directions, 3 * hidden))
    for name in ("initialHiddenState", "initialCellState"):
        given.expect_shape(name, (directions, batch, hidden))
    kind = given["input"].data_type
    outputs = [Descriptor(kind, (directions, batch, hidden))] * states
    if given.flag("returnSequence"):
        outputs.append(Descriptor(kind, (steps, directions, batch, hidden)))
    return outputs


def _cell(given: Given, gates: int, states: int) -> list[Descriptor]:
    hidden = _settings(given, gates)
    batch, size = given["input"].shape
    given.expect_shape("weight", (gates * hidden, size))
    given.expect_shape("recurrentWeight", (gates * hidden, hidden))
    for name in ("bias", "recurrentBias"):
        given.expect_shape(name, (gates * hidden,))
    given.expect_shape("peepholeWeight", (3 * hidden,))
    for name in ("hiddenState", "cellState"):
        given.expect_shape(name, (batch, hidden))
    return [Descriptor(given["input"].data_type, (batch, hidden))] * states


RULES: dict[str, Rule] = {
    "gru": lambda given: _network(given, _GRU, 1),
    "gruCell": lambda given: _cell(given, _GRU, 1),
    "lstm": lambda given: _network(given, _LSTM, 2),
    "lstmCell": lambda given: _cell(given, _LSTM, 2),
}
