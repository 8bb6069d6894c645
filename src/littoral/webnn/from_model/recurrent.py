"""LSTM over a sequence. State is fresh at each run, as after a reset; a model file's own would stay from run to run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from littoral.tflite.enums import ActivationFunction
from littoral.webnn.from_model.elementwise import Lowering
from littoral.webnn.from_model.node import Node
from littoral.webnn.from_model.quantized import is_integer_quantized, parameters
from littoral.webnn.from_model.recorder import data_type
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import DTYPES, Array, Ref, Value

_MOST_STEPS = 256  # of a sequence that is written out step by step
_LEAST_CLIP = 9.0  # from here on tanh is 1 in float32, so that clipping a cell after its output changes nothing
_ACTIVATIONS = {ActivationFunction.TANH: "tanh", ActivationFunction.RELU: "relu"}
_BACKWARD = 17  # from the weights of one direction to those of the other


class _Gates:
    """The weights of one direction, its gates in the order input, forget, cell, output.

    Args:
        node: Its operator.
        first: The position of its first weights.
    """

    def __init__(self, node: Node, first: int) -> None:
        if any(node.has(position) for position in (first + 15, first + 16)):
            raise Unmapped("it projects its output", "Put a dense layer behind it instead")
        if not node.has(first):
            raise Unmapped("its input and forget gates are one", "Use an LSTM with four gates")
        self.weight = self._joined(node, range(first, first + 4))
        self.recurrent = self._joined(node, range(first + 4, first + 8))
        self.bias = self._joined(node, range(first + 11, first + 15))
        peepholes = [position for position in (first + 8, first + 10, first + 9) if node.has(position)]
        self.peephole = self._joined(node, peepholes) if peepholes else None

    @property
    def hidden(self) -> int:
        """The size of the state."""
        return int(self.recurrent.shape[1])

    @staticmethod
    def _joined(node: Node, positions: Sequence[int]) -> Array:
        return np.concatenate([node.real_value(position, "weights") for position in positions])


def _activations(node: Node) -> tuple[str, str, str]:
    kind = node.option("fused_activation_function")
    if kind not in _ACTIVATIONS:
        raise Unmapped(f"it has the activation {kind.name}", "Use tanh or relu")
    return "sigmoid", _ACTIVATIONS[kind], _ACTIVATIONS[kind]


def _check_state(node: Node, positions: Sequence[int]) -> None:
    if not all(node.tensor(position).is_variable for position in positions):
        raise Unmapped("its first state is given", "Let it begin with zeros")


def _time_first(node: Node, ref: Ref) -> Ref:
    return ref if node.option("time_major") else node.call("transpose", input=ref, permutation=(1, 0, 2))


def _unidirectional(node: Node) -> None:
    if any(node.has(position) for position in range(20, 24)):
        raise Unmapped("it normalizes its layers", "Use an LSTM without layer normalization")
    _check_state(node, (18, 19))
    gates, clip = _Gates(node, 1), float(node.option("cell_clip"))
    source = _time_first(node, node.real(0))
    steps, batch, _ = node.shape_of(source)
    quantized = is_integer_quantized(node.result())
    # A cell grows by less than 1 a step, so that a clip beyond the number of steps never acts.
    if 0 < clip < steps and (clip < _LEAST_CLIP or node.option("fused_activation_function") is ActivationFunction.RELU):
        raise Unmapped(
            f"it clips its cells at {clip:g}", f"Clip at {_LEAST_CLIP:g} or more and use tanh, or do not clip"
        )
    if quantized or 0 < clip < steps:
        node.put(_time_first(node, _written_out(node, source, gates, clip, quantized)))
        return
    sequence = _sequence(node, source, (gates,), "forward")
    node.put(_time_first(node, node.reshape(sequence, (steps, batch, gates.hidden))))


def _sequence(node: Node, source: Ref, directions: Sequence[_Gates], direction: str) -> Ref:
    """The states of all steps: [steps, directions, batch, hidden]."""

    def stacked(arrays: Sequence[Array | None]) -> Ref:
        return node.constant(np.stack([array for array in arrays if array is not None]))

    peephole: dict[str, Value] = {}
    if all(gates.peephole is not None for gates in directions):
        peephole = {"peepholeWeight": stacked([gates.peephole for gates in directions])}
    return node.recorder.call_all(
        "lstm",
        input=source,
        weight=stacked([gates.weight for gates in directions]),
        recurrentWeight=stacked([gates.recurrent for gates in directions]),
        steps=node.shape_of(source)[0],
        hiddenSize=directions[0].hidden,
        bias=stacked([gates.bias for gates in directions]),
        **peephole,
        returnSequence=True,
        direction=direction,
        layout="ifgo",
        activations=_activations(node),
    )[2]


def _written_out(node: Node, source: Ref, gates: _Gates, clip: float, quantized: bool) -> Ref:
    """Step by step: cells are clipped, and states rounded to what the quantized output holds, as in TFLite."""
    steps, batch, size = node.shape_of(source)
    if steps > _MOST_STEPS:
        raise Unmapped(f"its {steps} steps are too many to be written out", f"At most {_MOST_STEPS}, or without a clip")
    inputs = [source] if steps == 1 else node.recorder.call_all("split", input=source, splits=steps, axis=0)
    state = cell = node.constant(np.zeros((batch, gates.hidden)))
    fixed: dict[str, Value] = {
        "weight": node.constant(gates.weight),
        "recurrentWeight": node.constant(gates.recurrent),
        "bias": node.constant(gates.bias),
        "hiddenSize": gates.hidden,
        "layout": "ifgo",
        "activations": _activations(node),
    }
    if gates.peephole is not None:
        fixed["peepholeWeight"] = node.constant(gates.peephole)
    states = []
    for one in inputs:
        now = node.reshape(one, (batch, size))
        state, cell = node.recorder.call_all("lstmCell", input=now, hiddenState=state, cellState=cell, **fixed)
        if clip:
            cell = node.call("clamp", input=cell, minValue=-clip, maxValue=clip)
        if quantized:
            state = _rounded(node, state)
        states.append(node.reshape(state, (1, batch, gates.hidden)))
    return states[0] if steps == 1 else node.call("concat", inputs=tuple(states), axis=0)


def _rounded(node: Node, state: Ref) -> Ref:
    result = node.result()
    scale, zero = parameters(result, node.shape_of(state), DTYPES[data_type(result)])
    both: dict[str, Value] = {"scale": node.constant(scale), "zeroPoint": node.recorder.constant(zero)}
    return node.call("dequantizeLinear", input=node.call("quantizeLinear", input=state, **both), **both)


def _bidirectional(node: Node) -> None:
    """Forward and backward at once; the results are joined or two outputs."""
    if any(node.has(position) for position in range(39, 48)):
        raise Unmapped("it takes an auxiliary input", "Join the inputs before it")
    _check_state(node, range(35, 39))
    directions = _Gates(node, 1), _Gates(node, 1 + _BACKWARD)
    source = _time_first(node, node.real(0))
    steps, batch, _ = node.shape_of(source)
    if is_integer_quantized(node.result()) or 0 < float(node.option("cell_clip")) < steps:
        raise Unmapped("it is quantized or clips its cells", "Use two LSTMs of one direction")
    hidden = directions[0].hidden
    both = _sequence(node, source, directions, "both")
    parts = node.recorder.call_all("split", input=both, splits=2, axis=1)
    results = [_time_first(node, node.reshape(part, (steps, batch, hidden))) for part in parts]
    if node.option("merge_outputs"):
        node.put(node.call("concat", inputs=tuple(results), axis=2))
    else:
        node.put(*results)


LOWERINGS: dict[str, Lowering] = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": _bidirectional,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _unidirectional,
}
