"""What the 95 operations take: the standard's interface definitions and tables of tensor limits as one table.

Source: Web Neural Network API, editor's draft of 2026-06-27, sections of MLGraphBuilder. A line is
`names(arguments; options) outputs`. An operand is written name:types:ranks. Types: a letter of `TYPES`, or "=other",
the type of another operand. Ranks: "4", "1+", "2-3", "=other", or nothing for any. Where no outputs are written, there
is one of the type and rank of the first argument.

The draft contradicts itself in two places: isNaN and isInfinite take floats by their steps and anything by their table
(steps hold here, as in Chromium), and gather may give a scalar by its steps only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from littoral.webnn.program import DTYPES

_FLOATS = ("float32", "float16")
_SIGNED = (*_FLOATS, "int64", "int32", "int8")
_SUMMED = (*_FLOATS, "int32", "uint32", "int64", "uint64")

TYPES: dict[str, tuple[str, ...]] = {
    "A": tuple(DTYPES),
    "F": _FLOATS,
    "S": _SIGNED,
    "R": _SUMMED,
    "B": ("uint8",),
    "L": ("int32", "int64"),
    "I": ("int32", "uint32", "int64"),
    "Q": ("uint8", "int8", "uint32", "int32"),
    "P": (*_FLOATS, "uint8", "int8"),
}
"""The sets of data types that the tables of limits use."""

_TABLE = """
argMin argMax(operand input:A:1+, unsigned axis; boolean keepDimensions=false, enum outputDataType=int32|int64)
    output:L
batchNormalization(operand input:F:1+, operand mean:=input:1, operand variance:=input:1;
    operand scale:=input:1, operand bias:=input:1, unsigned axis=1, double epsilon=1e-5)
cast(operand input:A, type dataType) output:A:=input
clamp(operand input:A; number minValue, number maxValue)
concat(operands inputs:A:1+, unsigned axis)
conv2d(operand input:F:4, operand filter:=input:4; unsigneds padding, unsigneds strides, unsigneds dilations,
    unsigned groups=1, enum inputLayout=nchw|nhwc, enum filterLayout=oihw|hwio|ohwi|ihwo, operand bias:=input:1)
convTranspose2d(operand input:F:4, operand filter:=input:4; unsigneds padding, unsigneds strides,
    unsigneds dilations, unsigneds outputPadding, unsigneds outputSizes, unsigned groups=1,
    enum inputLayout=nchw|nhwc, enum filterLayout=iohw|hwoi|ohwi, operand bias:=input:1)
cumulativeSum(operand input:R:1+, unsigned axis; boolean exclusive=false, boolean reversed=false)
add sub mul div max min pow(operand a:A, operand b:=a) output:=a
equal notEqual greater greaterOrEqual lesser lesserOrEqual(operand a:A, operand b:=a) output:B
logicalAnd logicalOr logicalXor(operand a:B, operand b:=a) output:B
logicalNot(operand a:B) output:B:=a
isNaN isInfinite(operand a:F) output:B:=a
abs neg sign relu(operand input:S)
ceil cos erf exp floor log reciprocal roundEven sin sqrt tan(operand input:F)
gelu hardSwish sigmoid softplus softsign tanh(operand input:F)
identity(operand input:A)
dequantizeLinear(operand input:Q, operand scale:F:=input, operand zeroPoint:=input:=input) output:=scale:=input
quantizeLinear(operand input:F, operand scale:=input:=input, operand zeroPoint:Q:=input) output:=zeroPoint:=input
elu(operand input:F; double alpha=1)
expand reshape(operand input:A, unsigneds newShape) output:=input
gather(operand input:A:1+, operand indices:I; unsigned axis=0) output:=input
gatherElements(operand input:A:1+, operand indices:I:=input; unsigned axis=0)
gatherND(operand input:A:1+, operand indices:I:1+) output:=input
gemm(operand a:F:2, operand b:=a:2; operand c:=a:0-2, double alpha=1, double beta=1,
    boolean aTranspose=false, boolean bTranspose=false)
gru(operand input:F:3, operand weight:=input:3, operand recurrentWeight:=input:3, unsigned steps, unsigned hiddenSize;
    operand bias:=input:2, operand recurrentBias:=input:2, operand initialHiddenState:=input:3, boolean resetAfter=true,
    boolean returnSequence=false, enum direction=forward|backward|both, enum layout=zrn|rzn, activations activations)
    output0:=input:3, output1:=input:4
gruCell(operand input:F:2, operand weight:=input:2, operand recurrentWeight:=input:2, operand hiddenState:=input:2,
    unsigned hiddenSize; operand bias:=input:1, operand recurrentBias:=input:1, boolean resetAfter=true,
    enum layout=zrn|rzn, activations activations)
hardSigmoid(operand input:F; double alpha=0.2, double beta=0.5)
instanceNormalization(operand input:F:4; operand scale:=input:1, operand bias:=input:1, double epsilon=1e-5,
    enum layout=nchw|nhwc)
layerNormalization(operand input:F; operand scale:=input, operand bias:=input, unsigneds axes, double epsilon=1e-5)
leakyRelu(operand input:F; double alpha=0.01)
linear(operand input:F; double alpha=1, double beta=0)
lstm(operand input:F:3, operand weight:=input:3, operand recurrentWeight:=input:3, unsigned steps, unsigned hiddenSize;
    operand bias:=input:2, operand recurrentBias:=input:2, operand peepholeWeight:=input:2,
    operand initialHiddenState:=input:3, operand initialCellState:=input:3, boolean returnSequence=false,
    enum direction=forward|backward|both, enum layout=iofg|ifgo, activations activations)
    output0:=input:3, output1:=input:3, output2:=input:4
lstmCell(operand input:F:2, operand weight:=input:2, operand recurrentWeight:=input:2, operand hiddenState:=input:2,
    operand cellState:=input:2, unsigned hiddenSize; operand bias:=input:1, operand recurrentBias:=input:1,
    operand peepholeWeight:=input:1, enum layout=iofg|ifgo, activations activations) output0:=input:2, output1:=input:2
matmul(operand a:F:2+, operand b:=a:2+)
pad(operand input:A, unsigneds beginningPadding, unsigneds endingPadding;
    enum mode=constant|edge|reflection, number value=0)
averagePool2d l2Pool2d(operand input:F:4; unsigneds windowDimensions, unsigneds padding, unsigneds strides,
    unsigneds dilations, enum layout=nchw|nhwc, enum outputShapeRounding=floor|ceil, unsigneds outputSizes)
maxPool2d(operand input:A:4; unsigneds windowDimensions, unsigneds padding, unsigneds strides,
    unsigneds dilations, enum layout=nchw|nhwc, enum outputShapeRounding=floor|ceil, unsigneds outputSizes)
prelu(operand input:S, operand slope:=input) output:=input
reduceL1 reduceSum reduceSumSquare reduceProduct(operand input:R; unsigneds axes, boolean keepDimensions=false)
    output:=input
reduceL2 reduceLogSum reduceLogSumExp reduceMean(operand input:F; unsigneds axes, boolean keepDimensions=false)
    output:=input
reduceMax reduceMin(operand input:A; unsigneds axes, boolean keepDimensions=false) output:=input
resample2d(operand input:P:4; enum mode=nearest-neighbor|linear, doubles scales, unsigneds sizes, unsigneds axes)
reverse(operand input:A; unsigneds axes)
scatterElements(operand input:A:1+, operand indices:I:=input, operand updates:=input:=input; unsigned axis=0)
scatterND(operand input:A:1+, operand indices:I:1+, operand updates:=input)
slice(operand input:A, unsigneds starts, unsigneds sizes; unsigneds strides)
softmax(operand input:F:1+, unsigned axis)
split(operand input:A:1+, splits splits; unsigned axis=0) outputs:=input:=input
tile(operand input:A, unsigneds repetitions)
transpose(operand input:A; unsigneds permutation)
triangular(operand input:A:2+; boolean upper=true, signed diagonal=0)
where(operand condition:B, operand trueValue:A, operand falseValue:=trueValue) output:=trueValue
"""


@dataclass(frozen=True)
class Parameter:
    """An argument or option of an operation.

    Attributes:
        name: As the standard spells it.
        kind: operand, operands, unsigned, unsigneds, splits (a count or sizes), signed, boolean, double, doubles,
            number (a double or an integer of any size), enum, type (a data type) or activations.
        default: None where there is none.
        values: Of an enum.
        types: That an operand may have; or none, where `same_type` names the operand that decides.
        same_type: See `types`.
        ranks: Smallest and largest of an operand; None for no upper limit.
        same_rank: The operand whose rank it has; "" where `ranks` says it.
    """

    name: str
    kind: str
    default: bool | int | float | str | None = None
    values: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    same_type: str = ""
    ranks: tuple[int, int | None] = (0, None)
    same_rank: str = ""


@dataclass(frozen=True)
class Signature:
    """What an operation takes.

    Attributes:
        operation: As the standard spells it.
        arguments: In order; all are needed.
        options: The members of the dictionary that is the last argument, `label` left out.
        outputs: What it returns, some of it perhaps only where an option asks for it.
    """

    operation: str
    arguments: tuple[Parameter, ...]
    options: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]

    @property
    def returns_list(self) -> bool:
        """Whether the method returns a list of operands, and not one."""
        return self.outputs[0].name != "output"

    @property
    def operands(self) -> Iterator[Parameter]:
        """Those that are operands."""
        return (p for p in (*self.arguments, *self.options) if p.kind in ("operand", "operands"))


@cache
def signatures() -> dict[str, Signature]:
    """The 95 operations by name."""
    found = {}
    for entry in _TABLE.replace("\n    ", " ").strip().splitlines():
        names, _, rest = entry.partition("(")
        takes, _, gives = rest.partition(")")
        arguments, options = (_parameters(part) for part in (*takes.split(";"), "")[:2])
        first = arguments[0].name
        outputs = tuple(_operand("operand", each.strip()) for each in (gives or f"output:={first}:={first}").split(","))
        found.update({name: Signature(name, arguments, options, outputs) for name in names.split()})
    return found


def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(_parameter(*part.split()) for part in text.split(",") if part.strip())


def _parameter(kind: str, text: str) -> Parameter:
    if kind in ("operand", "operands"):
        return _operand(kind, text)
    name, _, default = text.partition("=")
    values = tuple(default.split("|")) if kind == "enum" else ()
    return Parameter(name, kind, values[0] if values else _default(kind, default), values)


def _operand(kind: str, text: str) -> Parameter:
    name, types, ranks = (*text.split(":"), "", "")[:3]
    return Parameter(
        name,
        kind,
        types=TYPES.get(types, ()),
        same_type=types[1:] if types.startswith("=") else "",
        ranks=_ranks(ranks),
        same_rank=ranks[1:] if ranks.startswith("=") else "",
    )


def _ranks(text: str) -> tuple[int, int | None]:
    if not text or text.startswith("="):
        return 0, None
    if text.endswith("+"):
        return int(text[:-1]), None
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def _default(kind: str, text: str) -> bool | int | float | None:
    if not text:
        return None
    if kind == "boolean":
        return text == "true"
    return float(text) if kind in ("double", "number") else int(text)
