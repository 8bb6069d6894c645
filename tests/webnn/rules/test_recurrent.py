"""Recurrent networks: gates, directions, states, sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from littoral.webnn import OperandError

Call = Callable[..., list[str]]

# 5 steps, batch 2, size 3, hidden size 4
GRU = {
    "input": "float32[5,2,3]",
    "weight": "float32[1,12,3]",
    "recurrent_weight": "float32[1,12,4]",
    "steps": 5,
    "hidden_size": 4,
}
GRU_CELL = {
    "input": "float32[2,3]",
    "weight": "float32[12,3]",
    "recurrent_weight": "float32[12,4]",
    "hidden_state": "float32[2,4]",
    "hidden_size": 4,
}
LSTM = {**GRU, "weight": "float32[1,16,3]", "recurrent_weight": "float32[1,16,4]"}
LSTM_CELL = {
    **GRU_CELL,
    "weight": "float32[16,3]",
    "recurrent_weight": "float32[16,4]",
    "cell_state": "float32[2,4]",
}
STATE, SEQUENCE = "float32[1,2,4]", "float32[5,1,2,4]"


@pytest.mark.parametrize(
    ("operation", "named", "expected"),
    [
        ("gru", GRU, [STATE]),
        ("gru", {**GRU, "return_sequence": True, "initial_hidden_state": STATE}, [STATE, SEQUENCE]),
        ("gru", {**GRU, "bias": "float32[1,12]", "recurrent_bias": "float32[1,12]", "layout": "rzn"}, [STATE]),
        ("gru", {**GRU, "activations": ["relu", "sigmoid"], "reset_after": False, "direction": "backward"}, [STATE]),
        (
            "gru",
            {**GRU, "direction": "both", "weight": "float32[2,12,3]", "recurrent_weight": "float32[2,12,4]"},
            ["float32[2,2,4]"],
        ),
        ("gruCell", GRU_CELL, ["float32[2,4]"]),
        ("gruCell", {**GRU_CELL, "bias": "float32[12]", "recurrent_bias": "float32[12]"}, ["float32[2,4]"]),
        ("lstm", LSTM, [STATE, STATE]),
        ("lstm", {**LSTM, "return_sequence": True, "initial_cell_state": STATE}, [STATE, STATE, SEQUENCE]),
        (
            "lstm",
            {**LSTM, "peephole_weight": "float32[1,12]", "bias": "float32[1,16]", "layout": "ifgo"},
            [STATE, STATE],
        ),
        ("lstmCell", LSTM_CELL, ["float32[2,4]"] * 2),
        ("lstmCell", {**LSTM_CELL, "peephole_weight": "float32[12]"}, ["float32[2,4]"] * 2),
    ],
)
def test_states_and_sequences(call: Call, operation: str, named: dict[str, Any], expected: list[str]) -> None:
    assert call(operation, **named) == expected


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("gru", {**GRU, "steps": 4}, "gru: steps is 4, and the input has 5"),
        ("gru", {**GRU, "hidden_size": 0}, "gru: hiddenSize is 0"),
        (
            "gru",
            {**GRU, "hidden_size": 2**31 // 6},
            "gru: weight has shape [1, 12, 3], and must have [1, 1073741823, 3]",
        ),
        ("gru", {**GRU, "hidden_size": 2**31 // 6 + 1}, "gru: hiddenSize is 357913942"),
        ("gru", {**GRU, "direction": "both"}, "gru: weight has shape [1, 12, 3], and must have [2, 12, 3]"),
        ("gru", {**GRU, "recurrent_weight": "float32[1,12,3]"}, "recurrentWeight has shape [1, 12, 3], and must have"),
        ("gru", {**GRU, "bias": "float32[1,16]"}, "gru: bias has shape [1, 16], and must have [1, 12]"),
        ("gru", {**GRU, "recurrent_bias": "float16[1,12]"}, "recurrentBias is float16, and must be float32 like input"),
        ("gru", {**GRU, "initial_hidden_state": "float32[1,4,2]"}, "initialHiddenState has shape [1, 4, 2]"),
        ("gru", {**GRU, "activations": ["relu"]}, "gru: activations has 1 items, and takes 2"),
        ("gru", {**GRU, "activations": ["gelu", "relu"]}, "activations[0] is 'gelu'. Accepted: relu, sigmoid, tanh"),
        ("gru", {**GRU, "layout": "iofg"}, "gru: layout is 'iofg'. Accepted: zrn, rzn"),
        ("gru", {**GRU, "input": "float32[5,2]"}, "gru: input has rank 2, and must have 3"),
        ("gruCell", {**GRU_CELL, "hidden_state": "float32[4,2]"}, "hiddenState has shape [4, 2], and must have [2, 4]"),
        (
            "gruCell",
            {**GRU_CELL, "weight": "float32[16,3]"},
            "gruCell: weight has shape [16, 3], and must have [12, 3]",
        ),
        ("gruCell", {**GRU_CELL, "direction": "both"}, "gruCell: there is no direction"),
        ("lstm", {**LSTM, "weight": "float32[1,12,3]"}, "lstm: weight has shape [1, 12, 3], and must have [1, 16, 3]"),
        (
            "lstm",
            {**LSTM, "peephole_weight": "float32[1,16]"},
            "peepholeWeight has shape [1, 16], and must have [1, 12]",
        ),
        ("lstm", {**LSTM, "initial_cell_state": "float32[1,2,3]"}, "initialCellState has shape [1, 2, 3]"),
        ("lstm", {**LSTM, "activations": ["relu", "relu"]}, "lstm: activations has 2 items, and takes 3"),
        ("lstm", {**LSTM, "hidden_size": 2**28}, "lstm: hiddenSize is 268435456"),
        ("lstmCell", {**LSTM_CELL, "cell_state": "float32[2,3]"}, "cellState has shape [2, 3], and must have [2, 4]"),
        ("lstmCell", {**LSTM_CELL, "cell_state": None}, "lstmCell: cellState is missing"),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
