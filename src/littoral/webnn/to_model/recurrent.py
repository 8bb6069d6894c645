"""gru, gruCell, lstm, lstmCell: written out step by step, in float32.

Not by UNIDIRECTIONAL_SEQUENCE_LSTM: that keeps its state from one run to the next, and knows neither relu, GRUs, nor a
state that is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from littoral.tflite.options.dense import FullyConnectedOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import TYPES, Emitter
from littoral.webnn.to_model.kernels import add, multiply, subtract
from littoral.webnn.to_model.moves import join, number
from littoral.webnn.to_model.slicing import cut
from littoral.webnn.to_model.types import F32

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering

_KERNELS = {"relu": "RELU", "sigmoid": "LOGISTIC", "tanh": "TANH"}
_ABSENT = -1

_State: TypeAlias = tuple[int, ...]
"""What a cell remembers: tensors of [batch, hidden], of which the first is what it gives."""


@dataclass(frozen=True)
class _Cell:
    """One direction of a network; weights that are not given are absent.

    Attributes:
        emitter: What is written to.
        hidden: Its size.
        gates: In the order of weights and biases, by their letters.
        activations: Kernels.
        weight: [gates * hidden, input].
        recurrent_weight: [gates * hidden, hidden].
        bias: [gates * hidden].
        recurrent_bias: [gates * hidden]; of an LSTM it is part of the bias.
        peephole: [3 * hidden], of the gates i, o and f.
        reset_after: Of a GRU: the reset gate comes after the multiplication with the weights.
    """

    emitter: Emitter
    hidden: int
    gates: str
    activations: tuple[str, ...]
    weight: int
    recurrent_weight: int
    bias: int
    recurrent_bias: int
    peephole: int
    reset_after: bool

    def project(self, tensor: int) -> int:
        """What inputs [n, input] bring to the gates, [n, gates * hidden]."""
        return self._product(tensor, self.weight, self.bias)

    def step(self, projected: int, state: _State) -> _State:
        """The state after a step, of whose input `projected` is what it brings."""
        recurrent = self._product(state[0], self.recurrent_weight, self.recurrent_bias)
        return (self._lstm if "f" in self.gates else self._gru)(projected, recurrent, state)

    def _lstm(self, projected: int, recurrent: int, state: _State) -> _State:
        total, memory = add(self.emitter, projected, recurrent), state[1]
        gates = {gate: self._gate(total, gate) for gate in self.gates}
        if self.peephole != _ABSENT:
            for n, gate in enumerate("iof"):
                weight = cut(self.emitter, self.peephole, (n * self.hidden,), (self.hidden,))
                gates[gate] = add(self.emitter, multiply(self.emitter, memory, weight), gates[gate])
        i, o, f = (self._activate(0, gates[gate]) for gate in "iof")
        new = multiply(self.emitter, i, self._activate(1, gates["g"]))
        memory = add(self.emitter, multiply(self.emitter, f, memory), new)
        return multiply(self.emitter, o, self._activate(2, memory)), memory

    def _gru(self, projected: int, recurrent: int, state: _State) -> _State:
        (hidden,) = state
        z, r = (
            self._activate(0, add(self.emitter, self._gate(projected, gate), self._gate(recurrent, gate)))
            for gate in "zr"
        )
        if self.reset_after:
            reset = multiply(self.emitter, r, self._gate(recurrent, "n"))
        else:
            weight, bias = self._rows(self.recurrent_weight, "n"), self._rows(self.recurrent_bias, "n")
            reset = self._product(multiply(self.emitter, r, hidden), weight, bias)
        new = self._activate(1, add(self.emitter, self._gate(projected, "n"), reset))
        left = subtract(self.emitter, self.emitter.number(1), z)
        return (add(self.emitter, multiply(self.emitter, z, hidden), multiply(self.emitter, new, left)),)

    def _gate(self, total: int, gate: str) -> int:
        start = self.gates.index(gate) * self.hidden
        return cut(self.emitter, total, (0, start), (self.emitter.shape(total)[0], self.hidden))

    def _rows(self, weights: int, gate: str) -> int:
        """The part of weights or of a bias that makes a gate."""
        if weights == _ABSENT:
            return _ABSENT
        start, rest = self.gates.index(gate) * self.hidden, self.emitter.shape(weights)[1:]
        return cut(self.emitter, weights, (start, *[0] * len(rest)), (self.hidden, *rest))

    def _product(self, tensor: int, weights: int, bias: int) -> int:
        shape = (self.emitter.shape(tensor)[0], self.emitter.shape(weights)[0])
        return self.emitter.emit("FULLY_CONNECTED", (tensor, weights, bias), shape, options=FullyConnectedOptions())

    def _activate(self, which: int, tensor: int) -> int:
        return self.emitter.emit(_KERNELS[self.activations[which]], (tensor,), self.emitter.shape(tensor))


def _network(emitter: Emitter, call: Call, initial: tuple[str, ...]) -> list[int]:
    """A network, of which the states before the first step have these names."""
    source = _float(emitter, call, "input")
    steps, batch, size = emitter.shape(source)
    flat = emitter.reshape(source, (steps * batch, size))
    hidden = number(call, "hiddenSize")
    backward = {"forward": (False,), "backward": (True,), "both": (False, True)}[str(call.options["direction"])]
    runs = []
    for n, reverse in enumerate(backward):

        def of_direction(name: str, n: int = n) -> int:
            tensor = _float(emitter, call, name)
            return tensor if tensor == _ABSENT else _at(emitter, tensor, n)

        state = tuple(_or_zeros(emitter, of_direction(name), (batch, hidden)) for name in initial)
        runs.append(_run(_cell(emitter, call, of_direction), flat, steps, state, reverse))
    final = [
        join(emitter, [emitter.reshape(last[n], (1, batch, hidden)) for _, last in runs], 0)
        for n in range(len(initial))
    ]
    if call.options["returnSequence"]:
        shape = (1, 1, batch, hidden)
        sequences = [join(emitter, [emitter.reshape(each, shape) for each in given], 0) for given, _ in runs]
        final.append(join(emitter, sequences, 1))
    return _as_asked(emitter, call, final)


def _run(cell: _Cell, flat: int, steps: int, state: _State, reverse: bool) -> tuple[list[int], _State]:
    """What a cell gives at each step, in the order of the input, and its state after the last one."""
    emitter = cell.emitter
    projected = cell.project(flat)  # of all steps at once
    rows, columns = emitter.shape(projected)
    batch = rows // steps
    given = []
    for n in reversed(range(steps)) if reverse else range(steps):
        state = cell.step(cut(emitter, projected, (n * batch, 0), (batch, columns)), state)
        given.append(state[0])
    return given[::-1] if reverse else given, state


def _single(emitter: Emitter, call: Call, states: tuple[str, ...]) -> list[int]:
    """One step of a cell, whose states have these names."""

    def given(name: str) -> int:
        return _float(emitter, call, name)

    cell = _cell(emitter, call, given)
    return _as_asked(emitter, call, cell.step(cell.project(given("input")), tuple(map(given, states))))


def _cell(emitter: Emitter, call: Call, take: Callable[[str], int]) -> _Cell:
    bias, recurrent_bias = take("bias"), take("recurrentBias")
    if "lstm" in call.operation:
        bias, recurrent_bias = _sum(emitter, bias, recurrent_bias), _ABSENT
    return _Cell(
        emitter=emitter,
        hidden=number(call, "hiddenSize"),
        gates=str(call.options["layout"]),
        activations=cast("tuple[str, ...]", call.options["activations"]),
        weight=take("weight"),
        recurrent_weight=take("recurrentWeight"),
        bias=bias,
        recurrent_bias=recurrent_bias,
        peephole=take("peepholeWeight"),
        reset_after=bool(call.options.get("resetAfter")),
    )


def _float(emitter: Emitter, call: Call, name: str) -> int:
    """An operand in float32; absent where it is not given."""
    ref = call.arguments.get(name, call.options.get(name))
    return _ABSENT if ref is None else emitter.cast(emitter.take(ref), F32)


def _sum(emitter: Emitter, a: int, b: int) -> int:
    """Of two biases, one or both of which may be absent."""
    if _ABSENT in (a, b):
        return max(a, b)
    known = emitter.value(a), emitter.value(b)
    if known[0] is not None and known[1] is not None:
        return emitter.constant(known[0] + known[1])
    return add(emitter, a, b)


def _at(emitter: Emitter, tensor: int, n: int) -> int:
    """tensor[n]."""
    shape = emitter.shape(tensor)[1:]
    return emitter.reshape(cut(emitter, tensor, (n, *[0] * len(shape)), (1, *shape)), shape)


def _or_zeros(emitter: Emitter, tensor: int, shape: tuple[int, ...]) -> int:
    return emitter.constant(np.zeros(shape, np.float32)) if tensor == _ABSENT else tensor


def _as_asked(emitter: Emitter, call: Call, tensors: list[int] | _State) -> list[int]:
    kind = TYPES[emitter.described(call.outputs[0]).data_type]
    return [emitter.cast(tensor, kind) for tensor in tensors]


LOWERINGS: dict[str, Lowering] = {
    "gru": lambda emitter, call: _network(emitter, call, ("initialHiddenState",)),
    "gruCell": lambda emitter, call: _single(emitter, call, ("hiddenState",)),
    "lstm": lambda emitter, call: _network(emitter, call, ("initialHiddenState", "initialCellState")),
    "lstmCell": lambda emitter, call: _single(emitter, call, ("hiddenState", "cellState")),
}
