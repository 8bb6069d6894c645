"""What Google's compiler maps to the Edge TPU, operator by operator, as values and pure functions.

The table is Google's (coral.ai/docs/edgetpu/models-intro), of compiler 16; TILE is not in it, but compiled models of
Google's have it on the chip. Where the table says only "may not map", the line is drawn by what the compiled models in
the test data show, and the comment says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from littoral.tflite import Operator, Subgraph, Tensor, TensorType

MAPPED = "Mapped to Edge TPU"
ONE_SUBGRAPH = "More than one subgraph is not supported"
LIMITATION = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
DATA_TYPE = "Operation is working on an unsupported data type"
NOT_SUPPORTED = "Operation not supported"
VERSION = "Operation version not supported"
NOT_CONSTANT = "Filter, bias, or other param is not constant at compile-time"
RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
STATUSES = (MAPPED, ONE_SUBGRAPH, LIMITATION, DATA_TYPE, NOT_SUPPORTED, VERSION, NOT_CONSTANT, RANK)
"""The compiler's own words, complete as far as they are known."""

OLDEST_RUNTIME, NEWEST_RUNTIME = 10, 14

_BYTES = (TensorType.INT8, TensorType.UINT8)
_PARAMETERS = (*_BYTES, TensorType.INT16, TensorType.INT32, TensorType.INT64)
_MAX_SOFTMAX = 16_000
_MAX_ENLARGEMENT = 8  # mapped models enlarge twice, unmapped ones 15.5 and 33 times: the line lies somewhere between


@dataclass(frozen=True)
class Refusal:
    """Why an operator does not map: the compiler's status, and in our words what to change."""

    status: str
    change: str


@dataclass(frozen=True)
class View:
    """An operator with its tensors: None where an optional one is absent."""

    operator: Operator
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, subgraph: Subgraph, operator: Operator) -> View:
        """The operator with the tensors of its subgraph."""
        tensors = subgraph.tensors
        given = tuple(tensors[i] if i >= 0 else None for i in operator.inputs)
        return cls(operator, given, tuple(tensors[i] for i in operator.outputs if i >= 0))

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The inputs that are computed while the model runs; not constants, and not state."""
        return tuple(t for t in self.inputs if t is not None and not t.is_constant and not t.is_variable)

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """The inputs whose values are in the file."""
        return tuple(t for t in self.inputs if t is not None and t.is_constant)

    def input(self, index: int) -> Tensor | None:
        """An input; None when it is absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def option(self, name: str, default: Any = None) -> Any:
        """A typed option; the default when the operator has no options."""
        return getattr(self.operator.options, name, default)


Check = Callable[[View], str | None]
"""What to change for this operator to map; None when nothing."""


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes:
        since: The oldest runtime that has the operator on the chip.
        check: Its own constraints.
        parameters: Inputs, by index, that must be constants.
        version: The newest version of the operator that compiler 16 can read (it holds the TensorFlow of July 2021).
    """

    since: int = OLDEST_RUNTIME
    check: Check | None = None
    parameters: tuple[int, ...] = ()
    version: int = 1

    def is_open(self, view: View) -> bool:
        """Whether a parameter is computed while the model runs."""
        return any(t is not None and not t.is_constant for t in map(view.input, self.parameters))


def refusal(view: View, runtime_version: int = NEWEST_RUNTIME) -> Refusal | None:
    """Why this operator cannot be on the chip, whatever stands around it; None when it can."""
    name = view.operator.name
    rule = RULES.get(name)
    if rule is not None and rule.is_open(view):
        return Refusal(NOT_CONSTANT, f"the parameters of {name} are computed at run time: make them constants")
    if name == "QUANTIZE" and any(t.type not in _BYTES for t in view.activations):
        return Refusal(
            LIMITATION, "make the input int8 or uint8, so that nothing is quantized at run time (--io uint8)"
        )
    if unfit := next((t for t in (*view.activations, *view.outputs) if not _is_quantized(t)), None):
        return Refusal(DATA_TYPE, _of_type(unfit, name))
    if unfit := next((t for t in view.constants if t.type not in _PARAMETERS), None):
        return Refusal(DATA_TYPE, _of_type(unfit, name))
    if rule is None:
        return Refusal(NOT_SUPPORTED, f"the Edge TPU has no {name}: leave it to the end of the model, or replace it")
    if rule.since > runtime_version:
        return Refusal(VERSION, f"{name} needs runtime {rule.since}: compile for it, or replace the operator")
    if unfit := next((t for t in (*view.activations, *view.outputs) if prod(t.shape[:-3]) > 1), None):
        return Refusal(
            RANK, f"{unfit.name!r} is {list(unfit.shape)}: only the last 3 dimensions may exceed 1 (batch 1)"
        )
    if not (view.activations and view.outputs):
        return Refusal(LIMITATION, f"all that {name} takes is constant: compute it when converting")
    change = rule.check(view) if rule.check else None
    return Refusal(LIMITATION, change) if change else None


def _of_type(tensor: Tensor, name: str) -> str:
    if name == "DEQUANTIZE":
        return "end the model before it, in integers (--io uint8)"
    kind = tensor.type.name.lower()
    if tensor.dtype.kind == "f":
        return f"{tensor.name!r} is {kind}: quantize it to 8 bits (full-int8)"
    unscaled = " without a scale" if tensor.type in _BYTES else ""
    return f"{tensor.name!r} is {kind}{unscaled}, and the chip computes in quantized 8 bits: do it outside the model"


def _is_quantized(tensor: Tensor) -> bool:
    return tensor.type in _BYTES and tensor.is_quantized


def _no_activation(view: View) -> str | None:
    fused = view.option("fused_activation_function")
    return f"take the activation {fused.name} out of {view.operator.name}" if fused else None


def _concatenation(view: View) -> str | None:
    if change := _no_activation(view):
        return change
    if not view.constants:
        return None
    if len(view.inputs) > 2:
        return "join a constant with one other input only"
    return None if all(_is_zero(tensor) for tensor in view.constants) else "join constants only where they are all zero"


def _is_zero(tensor: Tensor) -> bool:
    zero = int(tensor.quantization.zero_point[0]) if tensor.quantization and tensor.quantization.zero_point.size else 0
    return tensor.data is not None and bool((tensor.data == zero).all())


def _convolution(view: View) -> str | None:
    x, y = view.option("dilation_w_factor", 1), view.option("dilation_h_factor", 1)
    return None if x == y else f"dilate as much in x ({x}) as in y ({y})"


def _fully_connected(view: View) -> str | None:
    if view.option("weights_format"):
        return "store the weights in the default format"
    weights = view.input(1)
    if weights is not None and weights.quantization is not None and weights.quantization.scale.size > 1:
        return "quantize dense layers with one scale a tensor, not one a channel (littoral convert --target edgetpu)"
    return _one_dimensional(view.outputs[0])


def _softmax(view: View) -> str | None:
    size = prod(view.outputs[0].shape)
    if size > _MAX_SOFTMAX:
        return f"a softmax of {size:,} elements is too large: at most {_MAX_SOFTMAX:,}"
    return _one_dimensional(view.outputs[0])


def _one_dimensional(tensor: Tensor) -> str | None:
    return f"{tensor.name!r} must have one dimension, not {list(tensor.shape)}" if prod(tensor.shape[:-1]) > 1 else None


def _axes(view: View, index: int) -> set[int]:
    """The axes that a constant input names, from the front; that of the batch is 0."""
    tensor, first = view.input(index), view.activations[0]
    values = [] if tensor is None or tensor.data is None else tensor.data.ravel().tolist()
    return {int(value) % max(len(first.shape), 1) for value in values}


def _not_on_batch(axes: set[int], view: View) -> str | None:
    batched = len(view.activations[0].shape) > 3
    return f"{view.operator.name} must leave the batch dimension alone" if batched and 0 in axes else None


def _reduction(view: View) -> str | None:
    return _not_on_batch(_axes(view, 1), view)


def _mean(view: View) -> str | None:
    shape, axes = view.activations[0].shape, _axes(view, 1)
    if len(shape) - 1 in axes and shape[-1] % 4:
        return f"a mean over channels needs a multiple of 4 of them, not {shape[-1]}"
    return _not_on_batch(axes, view)


def _pack(view: View) -> str | None:
    return (
        "PACK must not make the batch dimension"
        if len(view.outputs[0].shape) > 3 and view.option("axis") == 0
        else None
    )


def _pad(view: View) -> str | None:
    padding = view.input(1)
    values = None if padding is None else padding.data
    batched = values is not None and values.ndim == 2 and len(values) > 3 and values[0].any()
    return "PAD must leave the batch dimension alone" if batched else None


def _split(view: View) -> str | None:
    return _not_on_batch(_axes(view, 0), view)


def _prelu(view: View) -> str | None:
    alpha = view.input(1)
    return None if alpha is None or prod(alpha.shape[:-1]) == 1 else "give PRELU one alpha a channel (shared axes)"


def _resize(view: View) -> str | None:
    source, result = view.activations[0].shape, view.outputs[0].shape
    if len(source) != 4 or len(result) != 4:
        return "resize pictures: height, width, channels"
    factor = max(result[1] / max(source[1], 1), result[2] / max(source[2], 1))
    if factor > _MAX_ENLARGEMENT:
        return f"enlarging {factor:.3g} times loses too much precision: enlarge in steps, or after the model"
    return None


def _squeeze(view: View) -> str | None:
    before, after = view.activations[0].shape, view.outputs[0].shape
    dropped = before[: len(before) - len(after)]
    return None if prod(dropped) == 1 and before[len(dropped) :] == after else "squeeze leading dimensions only"


def _strided_slice(view: View) -> str | None:
    strides = view.input(3)
    if strides is not None and strides.data is not None and (strides.data != 1).any():
        return "slice with strides of 1"
    masked = view.option("ellipsis_mask", 0) or view.option("new_axis_mask", 0)
    return "slice without ellipsis and new axes" if masked else None


RULES: dict[str, Rule] = {
    "ADD": Rule(version=4),
    "SUB": Rule(version=5),
    "MUL": Rule(version=5),
    "MAXIMUM": Rule(version=4),
    "MINIMUM": Rule(version=4),
    "LOGISTIC": Rule(version=3),
    "TANH": Rule(version=3),
    "RELU": Rule(version=3),
    "RELU6": Rule(version=3),
    "RELU_N1_TO_1": Rule(),
    "L2_NORMALIZATION": Rule(version=2),
    "SLICE": Rule(parameters=(1, 2), version=5),
    "SPACE_TO_DEPTH": Rule(version=2),
    "EXPAND_DIMS": Rule(13, parameters=(1,)),
    "QUANTIZE": Rule(13, version=3),
    "PACK": Rule(13, _pack, version=3),
    "SUM": Rule(13, _reduction, (1,), 2),
    "TRANSPOSE_CONV": Rule(13, parameters=(0, 1), version=3),
    "AVERAGE_POOL_2D": Rule(check=_no_activation, version=3),
    "MAX_POOL_2D": Rule(check=_no_activation, version=3),
    "CONCATENATION": Rule(check=_concatenation, version=3),
    "CONV_2D": Rule(check=_convolution, parameters=(1, 2), version=5),
    "DEPTHWISE_CONV_2D": Rule(check=_convolution, parameters=(1, 2), version=6),
    "FULLY_CONNECTED": Rule(check=_fully_connected, parameters=(1, 2), version=9),
    "LSTM": Rule(14, version=4),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule(14, version=3),
    "MEAN": Rule(check=_mean, parameters=(1,), version=3),
    "PAD": Rule(check=_pad, parameters=(1,), version=4),
    "REDUCE_MAX": Rule(14, _reduction, (1,), 3),
    "REDUCE_MIN": Rule(14, _reduction, (1,), 3),
    "SPLIT": Rule(check=_split, parameters=(0,), version=4),
    "PRELU": Rule(13, _prelu, (1,)),
    "RESHAPE": Rule(parameters=(1,)),
    "RESIZE_BILINEAR": Rule(check=_resize, parameters=(1,), version=4),
    "RESIZE_NEAREST_NEIGHBOR": Rule(check=_resize, parameters=(1,), version=4),
    "SOFTMAX": Rule(check=_softmax, version=3),
    "SQUEEZE": Rule(check=_squeeze, version=2),
    "STRIDED_SLICE": Rule(check=_strided_slice, parameters=(1, 2, 3), version=6),
    "TILE": Rule(parameters=(1,), version=3),
    "RSQRT": Rule(14, version=2),
    "SQUARED_DIFFERENCE": Rule(14, version=2),
    "TRANSPOSE": Rule(14, parameters=(1,), version=5),
}
"""The operators that the Edge TPU has. Versions are TensorFlow's of the time (tensorflow/lite/kernels/register.cc)."""
