"""Quantized kernels in place of dequantizing, computing and quantizing again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from littoral.tflite import Quantization, TensorType
from littoral.tflite.enums import ActivationFunction
from littoral.tflite.options.conversion import QuantizeOptions
from littoral.webnn.program import Array, Call, Ref
from littoral.webnn.to_model.emitter import TYPES, Emitter, UnfitError
from littoral.webnn.to_model.patterns import Pattern
from littoral.webnn.to_model.scales import parameters, same, stored, stored_range
from littoral.webnn.to_model.types import I8, I32, U8

Lower = Callable[[Emitter, Call], Sequence[int] | int]


@dataclass(frozen=True)
class _Given:
    """A pattern, and what its integers are.

    Attributes:
        call: The operation.
        type: Of its real operands and its output, as stored.
        inputs: Quantization of operands.
        output: Of what quantizeLinear returns.
    """

    emitter: Emitter
    call: Call
    type: TensorType
    inputs: dict[int, Quantization]
    output: Quantization

    def of(self, name: str) -> Quantization | None:
        """The quantization of an argument or option, where it is dequantized."""
        value = self.call.arguments.get(name, self.call.options.get(name))
        return self.inputs.get(value.operand) if isinstance(value, Ref) else None


def fused(emitter: Emitter, quantize: Call, pattern: Pattern, lower: Lower) -> int | None:
    """The quantized kernel of a pattern; None where none computes what the program says.

    Args:
        emitter: Takes the operators.
        quantize: The call that ends the pattern.
        pattern: What is before it.
        lower: Lowers the operation.
    """
    output = parameters(emitter.program, quantize)
    inputs = {operand: parameters(emitter.program, call) for operand, call in pattern.dequantized.items()}
    type_ = TYPES[emitter.described(quantize.outputs[0]).data_type]
    if output is None or output.scale.size > 1 or type_ not in (I8, U8) or None in inputs.values():
        return None
    settled = {operand: quantization for operand, quantization in inputs.items() if quantization is not None}
    if pattern.call is None:
        return _requantized(emitter, pattern, settled, type_, output)
    given = _Given(emitter, pattern.call, type_, settled, output)
    activation = _activation(pattern.activation, output, type_)
    rule = _RULES.get(pattern.call.operation)
    if rule is None or activation is None or not _types_fit(given, pattern) or not rule(given):
        return None
    tensors = {operand: stored(emitter, call, settled[operand]) for operand, call in pattern.dequantized.items()}
    try:
        with emitter.quantized(tensors):
            made = lower(emitter, pattern.call)
        assert isinstance(made, int)
        return _finished(emitter, made, output, activation)
    except UnfitError:
        return None


def _finished(emitter: Emitter, made: int, output: Quantization, activation: ActivationFunction) -> int:
    old = emitter.tensors[made].quantization
    if old is None or not same(old, output):
        made = emitter.copy(made) if emitter.tensors[made].is_constant else made
        emitter.requantize(made, output)
    if activation != ActivationFunction.NONE:
        emitter.activate(made, activation)
    return made


def _requantized(
    emitter: Emitter, pattern: Pattern, inputs: dict[int, Quantization], type_: TensorType, output: Quantization
) -> int | None:
    ((operand, call),) = pattern.dequantized.items()
    if inputs[operand].scale.size > 1 or _stored_type(emitter, call) not in (I8, U8):
        return None
    tensor = stored(emitter, call, inputs[operand])
    if same(inputs[operand], output) and emitter.type(tensor) == type_:
        return tensor
    if not _in_reach(inputs[operand].scale, output):
        return None
    made = emitter.emit("QUANTIZE", (tensor,), emitter.shape(tensor), type_, QuantizeOptions(), 2)
    emitter.requantize(made, output)
    return made


def _stored_type(emitter: Emitter, dequantize: Call) -> TensorType:
    source = dequantize.arguments["input"]
    assert isinstance(source, Ref)
    return TYPES[emitter.described(source.operand).data_type]


def _types_fit(given: _Given, pattern: Pattern) -> bool:
    """All integers have the output's type, but those that are added to a product, which have 32 bits."""
    added = given.call.options.get("bias", given.call.options.get("c"))
    return all(
        _stored_type(given.emitter, call) == (I32 if added == Ref(operand) else given.type)
        for operand, call in pattern.dequantized.items()
    )


def _activation(call: Call | None, output: Quantization, type_: TensorType) -> ActivationFunction | None:
    """What a kernel is to apply; None where it knows no such limits. Those of the type hold by themselves."""
    if call is None:
        return ActivationFunction.NONE
    low, high = (0.0, inf) if call.operation == "relu" else _limits(call)
    smallest, largest = stored_range(output, type_)
    half = float(output.scale[0]) / 2
    limits = (low if low > smallest + half else -inf, high if high < largest - half else inf)
    return {
        (-inf, inf): ActivationFunction.NONE,
        (0.0, inf): ActivationFunction.RELU,
        (0.0, 6.0): ActivationFunction.RELU6,
        (-1.0, 1.0): ActivationFunction.RELU_N1_TO_1,
    }.get(limits)


def _limits(call: Call) -> tuple[float, float]:
    low, high = call.options.get("minValue", -inf), call.options.get("maxValue", inf)
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    return float(low), float(high)


def _real(given: _Given, *names: str) -> bool:
    """Whether arguments are dequantized, with one scale each."""
    found = [given.of(name) for name in names]
    return all(quantization is not None and quantization.scale.size == 1 for quantization in found)


def _in_reach(scales: Array, output: Quantization, smallest: float = 2.0**-8) -> bool:
    """Whether kernels can bring numbers of some scales to the output's: others overflow."""
    ratios = scales / output.scale[0]
    return bool(((ratios > smallest) & (ratios < 2.0**7)).all())


def _unlike(given: _Given, *names: str) -> bool:
    """The kernel takes and gives any scales in reach."""
    return _real(given, *names) and all(_in_reach(one.scale, given.output) for one in given.inputs.values())


def _mul(given: _Given) -> bool:
    a, b = given.of("a"), given.of("b")
    return _real(given, "a", "b") and bool(a and b and _in_reach(a.scale * b.scale, given.output, 2.0**-16))


def _alike(given: _Given, *names: str) -> bool:
    """The kernel takes and gives one scale."""
    return _real(given, *names) and all(same(given.output, one) for one in given.inputs.values())


def _concat(given: _Given) -> bool:
    inputs = given.call.arguments["inputs"]
    assert isinstance(inputs, tuple)
    found = [given.inputs.get(ref.operand) for ref in inputs if isinstance(ref, Ref)]
    return all(quantization is not None and same(quantization, given.output) for quantization in found)


def _product(given: _Given, x: str, weights: str, added: str, axis: int) -> bool:
    """A product with weights of one scale, or one for each output channel, and what is added in the product's scale."""
    first, second = given.of(x), given.of(weights)
    if first is None or second is None or first.scale.size > 1 or not _weights_fit(given, second, axis):
        return False
    if not _in_reach(first.scale * second.scale, given.output, 2.0**-31):
        return False
    third = given.of(added)
    if third is None:
        return added not in given.call.options
    expected = first.scale * second.scale
    return not third.zero_point.any() and np.allclose(third.scale, expected, rtol=1e-5, atol=0)


def _weights_fit(given: _Given, weights: Quantization, axis: int) -> bool:
    if given.type == I8 and weights.zero_point.any():
        return False
    return weights.scale.size == 1 or (given.type == I8 and weights.quantized_dimension == axis)


def _conv2d(given: _Given) -> bool:
    return _product(given, "input", "filter", "bias", str(given.call.options["filterLayout"]).index("o"))


def _gemm(given: _Given) -> bool:
    options = given.call.options
    plain = options["alpha"] == options["beta"] == 1
    return plain and _product(given, "a", "b", "c", 0 if options["bTranspose"] else 1)


def _clamp(given: _Given) -> bool:
    return _limits(given.call) in ((0.0, inf), (0.0, 6.0), (-1.0, 1.0)) and _unlike(given, "input")


def _pad(given: _Given) -> bool:
    return (given.call.options["mode"] != "constant" or given.call.options["value"] == 0) and _alike(given, "input")


def _resample(given: _Given) -> bool:
    return given.call.options["mode"] != "linear" and _alike(given, "input")


def _fixed(given: _Given, scale: float, low: int) -> bool:
    """The kernel gives one scale only; the zero point is given for int8, and is 128 more for uint8."""
    zero_point = low if given.type == I8 else low + 128
    fits = given.output.scale[0] == np.float32(scale) and given.output.zero_point[0] == zero_point
    return bool(fits) and _real(given, "input")


_RULES: dict[str, Callable[[_Given], bool]] = {
    "conv2d": _conv2d,
    "convTranspose2d": _conv2d,
    "gemm": _gemm,
    "concat": _concat,
    "clamp": _clamp,
    "pad": _pad,
    "resample2d": _resample,
    "sigmoid": lambda given: _fixed(given, 1 / 256, -128),
    "softmax": lambda given: _fixed(given, 1 / 256, -128),
    "tanh": lambda given: _fixed(given, 1 / 128, 0),
    "mul": _mul,
    "matmul": lambda given: given.type == I8 and _mul(given),  # of uint8, XNNPACK fails
    **dict.fromkeys(("add", "sub"), lambda given: _unlike(given, "a", "b")),
    **dict.fromkeys(("max", "min"), lambda given: _alike(given, "a", "b")),
    **dict.fromkeys(("relu", "hardSwish", "leakyRelu"), lambda given: _unlike(given, "input")),
    **dict.fromkeys(("reduceMean", "reduceSum"), lambda given: _unlike(given, "input")),
    **dict.fromkeys(
        (
            *("averagePool2d", "maxPool2d", "reduceMax", "reduceMin", "reshape", "transpose", "slice"),
            *("expand", "tile", "reverse", "identity", "gather"),
        ),
        lambda given: _alike(given, "input"),
    ),
}
"""Which operations have quantized kernels, and for what scales."""
