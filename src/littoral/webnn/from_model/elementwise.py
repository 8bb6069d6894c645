"""Element by element: arithmetic, comparisons, logic, activations, changes of type."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt

import numpy as np

from littoral.tflite.enums import ActivationFunction
from littoral.webnn.from_model.node import Node
from littoral.webnn.from_model.recorder import data_type
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import DTYPES, Ref

Lowering = Callable[[Node], None]


def _unary(operation: str, integers: bool = False) -> Lowering:
    def lower(node: Node) -> None:
        node.put(node.call(operation, input=node.numeric(0) if integers else node.real(0)))

    return lower


def _pair(node: Node) -> tuple[Ref, Ref]:
    """Two operands. A constant scalar gets the other's rank: Chromium is wrong with quantized ones of rank 0."""

    def one(position: int, other: int) -> Ref:
        scalar = node.known(position) is not None and not node.shape(position)
        return node.numeric(position, (1,) * len(node.shape(other)) if scalar else None)

    return one(0, 1), one(1, 0)


def _binary(operation: str) -> Lowering:
    def lower(node: Node) -> None:
        a, b = _pair(node)
        node.put(node.activated(node.call(operation, a=a, b=b)))

    return lower


def _add_n(node: Node) -> None:
    total = node.numeric(0)
    for position in range(1, node.count):
        total = node.call("add", a=total, b=node.numeric(position))
    node.put(total)


def _division(node: Node) -> None:
    """TFLite cuts integer quotients off towards zero; the standard leaves open what an integer `div` does."""
    a, b = _pair(node)
    if node.type_of(a) == "float32":
        node.put(node.activated(node.call("div", a=a, b=b)))
        return
    quotient, remainder, odd = _floored(node, a, b)
    inexact = node.call("logicalAnd", a=odd, b=_nonzero(node, remainder))
    node.put(node.activated(_plus_where(node, quotient, inexact, 1)))


def _floored(node: Node, a: Ref, b: Ref) -> tuple[Ref, Ref, Ref]:
    """Quotient rounded down, remainder with the divisor's sign, and whether the signs of the integers a and b differ.

    The quotient of any rounding is off by at most one, which its remainder tells.
    """
    quotient = node.call("div", a=a, b=b)
    remainder = node.call("sub", a=a, b=node.call("mul", a=quotient, b=b))
    wrong = node.call("logicalAnd", a=_nonzero(node, remainder), b=_signs_differ(node, remainder, b))
    zero = node.constant(0, DTYPES[node.type_of(a)])
    step = node.call("where", condition=wrong, trueValue=b, falseValue=zero)
    return _plus_where(node, quotient, wrong, -1), node.call("add", a=remainder, b=step), _signs_differ(node, a, b)


def _nonzero(node: Node, ref: Ref) -> Ref:
    return node.call("notEqual", a=ref, b=node.constant(0, DTYPES[node.type_of(ref)]))


def _signs_differ(node: Node, a: Ref, b: Ref) -> Ref:
    zero = node.constant(0, DTYPES[node.type_of(a)])
    return node.call("logicalXor", a=node.call("lesser", a=a, b=zero), b=node.call("lesser", a=b, b=zero))


def _plus_where(node: Node, ref: Ref, condition: Ref, amount: int) -> Ref:
    kind = node.type_of(ref)
    return node.call(
        "add",
        a=ref,
        b=node.call("mul", a=node.call("cast", input=condition, dataType=kind), b=node.constant(amount, DTYPES[kind])),
    )


def _floor_division(node: Node) -> None:
    a, b = _pair(node)
    if node.type_of(a) == "float32":
        node.put(node.call("floor", input=node.call("div", a=a, b=b)))
    else:
        node.put(_floored(node, a, b)[0])


def _floor_remainder(node: Node) -> None:
    a, b = _pair(node)
    if node.type_of(a) == "float32":
        whole = node.call("floor", input=node.call("div", a=a, b=b))
        node.put(node.call("sub", a=a, b=node.call("mul", a=whole, b=b)))
    else:
        node.put(_floored(node, a, b)[1])


def _squared_difference(node: Node) -> None:
    a, b = _pair(node)
    difference = node.call("sub", a=a, b=b)
    node.put(node.call("mul", a=difference, b=difference))


def _square(node: Node) -> None:
    node.put(node.call("mul", a=node.numeric(0), b=node.numeric(0)))


def _rsqrt(node: Node) -> None:
    node.put(node.call("reciprocal", input=node.call("sqrt", input=node.real(0))))


def _logical_not(node: Node) -> None:
    node.put(node.call("logicalNot", a=node.stored(0)))


def _select(node: Node) -> None:
    """A condition of one dimension chooses whole rows in SELECT."""
    condition = node.stored(0)
    true, false = node.moved((1, 2))
    rank = len(node.shape(1))
    if node.name == "SELECT" and len(node.shape(0)) == 1 and rank > 1:
        condition = node.reshape(condition, (*node.shape(0), *(1,) * (rank - 1)))
    node.put(node.call("where", condition=condition, trueValue=true, falseValue=false))


def _cast(node: Node) -> None:
    """Casts take what is stored, not what it stands for. To bool: what is not zero."""
    source, target = node.stored(0), node.result()
    if target.type.name == "BOOL":
        node.put(_nonzero(node, source))
        return
    wanted = data_type(target)
    if target.is_quantized and wanted != node.type_of(source):
        raise Unmapped("it casts to a quantized tensor", "Use QUANTIZE")
    node.put(source if node.type_of(source) == wanted else node.call("cast", input=source, dataType=wanted))


def _relu(kind: ActivationFunction) -> Lowering:
    def lower(node: Node) -> None:
        node.put(node.activate(node.real(0), kind))

    return lower


def _relu_0_to_1(node: Node) -> None:
    node.put(node.call("clamp", input=node.real(0), minValue=0.0, maxValue=1.0))


def _leaky_relu(node: Node) -> None:
    node.put(node.call("leakyRelu", input=node.real(0), alpha=float(node.option("alpha"))))


def _prelu(node: Node) -> None:
    node.put(node.call("prelu", input=node.real(0), slope=node.real(1)))


def _gelu(node: Node) -> None:
    """The approximate one is x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), as x/2 (1 + tanh(x (a + b x^2)))."""
    source = node.real(0)
    if not node.option("approximate"):
        node.put(node.call("gelu", input=source))
        return
    a = sqrt(2 / pi)
    inner = node.call("linear", input=node.call("mul", a=source, b=source), alpha=0.044715 * a, beta=a)
    bent = node.call("tanh", input=node.call("mul", a=source, b=inner))
    node.put(node.call("mul", a=source, b=node.call("linear", input=bent, alpha=0.5, beta=0.5)))


def _softmax(node: Node) -> None:
    source, beta = node.real(0), float(node.option("beta", 1.0))
    if beta != 1:
        source = node.call("mul", a=source, b=node.constant(beta))
    node.put(node.call("softmax", input=source, axis=len(node.shape(0)) - 1))


def _log_softmax(node: Node) -> None:
    """With the largest value taken off first, so that no exponential overflows."""
    source, last = node.real(0), (len(node.shape(0)) - 1,)
    largest = node.call("reduceMax", input=source, axes=last, keepDimensions=True)
    small = node.call("sub", a=source, b=largest)
    total = node.call("reduceLogSumExp", input=small, axes=last, keepDimensions=True)
    node.put(node.call("sub", a=small, b=total))


def _l2_normalization(node: Node) -> None:
    """The length is at least 1e-6, as in TFLite."""
    source = node.real(0)
    length = node.call("reduceL2", input=source, axes=(len(node.shape(0)) - 1,), keepDimensions=True)
    at_least = node.call("max", a=length, b=node.constant(1e-6))
    node.put(node.activated(node.call("div", a=source, b=at_least)))


def _as_real(node: Node) -> None:
    """QUANTIZE and DEQUANTIZE: real values, which `put` brings to the type of the output."""
    node.put(node.real(0))


def _zeros_like(node: Node) -> None:
    shape = node.shape(0)
    node.put(np.broadcast_to(np.zeros((), node.result().dtype), shape))


LOWERINGS: dict[str, Lowering] = {
    **{
        name: _unary(operation)
        for name, operation in (
            ("CEIL", "ceil"),
            ("COS", "cos"),
            ("ELU", "elu"),
            ("EXP", "exp"),
            ("FLOOR", "floor"),
            ("HARD_SWISH", "hardSwish"),
            ("LOG", "log"),
            ("LOGISTIC", "sigmoid"),
            ("ROUND", "roundEven"),
            ("SIN", "sin"),
            ("SQRT", "sqrt"),
            ("TANH", "tanh"),
        )
    },
    **{name: _unary(name.lower(), integers=True) for name in ("ABS", "NEG", "SIGN")},
    **{
        name: _binary(operation)
        for name, operation in (
            ("ADD", "add"),
            ("MAXIMUM", "max"),
            ("MINIMUM", "min"),
            ("MUL", "mul"),
            ("POW", "pow"),
            ("SUB", "sub"),
        )
    },
    **{
        name: _binary(operation)
        for name, operation in (
            ("EQUAL", "equal"),
            ("GREATER", "greater"),
            ("GREATER_EQUAL", "greaterOrEqual"),
            ("LESS", "lesser"),
            ("LESS_EQUAL", "lesserOrEqual"),
            ("NOT_EQUAL", "notEqual"),
        )
    },
    "ADD_N": _add_n,
    "CAST": _cast,
    "DEQUANTIZE": _as_real,
    "DIV": _division,
    "FLOOR_DIV": _floor_division,
    "FLOOR_MOD": _floor_remainder,
    "GELU": _gelu,
    "L2_NORMALIZATION": _l2_normalization,
    "LEAKY_RELU": _leaky_relu,
    "LOGICAL_AND": _binary("logicalAnd"),
    "LOGICAL_NOT": _logical_not,
    "LOGICAL_OR": _binary("logicalOr"),
    "LOG_SOFTMAX": _log_softmax,
    "PRELU": _prelu,
    "QUANTIZE": _as_real,
    "RELU": _relu(ActivationFunction.RELU),
    "RELU6": _relu(ActivationFunction.RELU6),
    "RELU_0_TO_1": _relu_0_to_1,
    "RELU_N1_TO_1": _relu(ActivationFunction.RELU_N1_TO_1),
    "RSQRT": _rsqrt,
    "SELECT": _select,
    "SELECT_V2": _select,
    "SOFTMAX": _softmax,
    "SQUARE": _square,
    "SQUARED_DIFFERENCE": _squared_difference,
    "ZEROS_LIKE": _zeros_like,
}
