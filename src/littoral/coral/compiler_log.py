"""What edgetpu_compiler prints, as values: one result a model file, or why there is none and what to do.

The formats are those of compilers 2 to 16, from logs that people have published (google-coral/edgetpu, issues).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from littoral.coral.rules import MAPPED

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_ROW = re.compile(r"^(\w+)\s+(\d{1,9})\s+(\S.*?)\s*$")


@dataclass(frozen=True)
class Row:
    """How many operators of a name share a status; the status is in the compiler's words."""

    operator: str
    count: int
    status: str


@dataclass(frozen=True)
class Result:
    """What the compiler says of one file that it made. Bytes are as exact as it prints them: two decimals of a unit.

    Attributes:
        input, output: File names.
        seconds: That it took.
        on_chip: Bytes of parameters that stay on the chip.
        remaining: Bytes of the chip that are left for parameters.
        off_chip: Bytes of parameters that are sent at every inference.
        subgraphs: Parts that run on the chip: 0 when none does.
        operators: How many the model had.
        table: Operators by name and status; empty when they were not printed.
    """

    input: str
    output: str
    seconds: float
    on_chip: int
    remaining: int
    off_chip: int
    subgraphs: int
    operators: int
    table: tuple[Row, ...]

    derived: ClassVar = ("mapped",)

    @property
    def mapped(self) -> int:
        """How many operators of the table run on the chip."""
        return sum(row.count for row in self.table if row.status == MAPPED)


@dataclass(frozen=True)
class Failure:
    """A line in which the compiler says why it failed, and the way out."""

    line: str
    remedy: str


@dataclass(frozen=True)
class Log:
    """All that one run of the compiler printed.

    Attributes:
        version: Of the compiler, as in "16.0.384591198"; empty when it did not say.
        results: One a file, in its order.
        failures: The lines that it is known to fail with, the most telling first. Where the compiler searched for what
            it can compile, there are some though it succeeded.
    """

    version: str
    results: tuple[Result, ...]
    failures: tuple[Failure, ...]


_QUANTIZE = "Quantize it to 8 bits: littoral convert -r full-int8 --calibrate PHOTOS --target edgetpu"
_SEARCH = "Let the compiler search for the part that it can compile (--search-delegate)"
KNOWN_FAILURES: tuple[tuple[str, str], ...] = (
    (r"Model not quantized", _QUANTIZE),
    (
        r"Didn't find op for builtin opcode '\w+' version '\d+'",
        "The compiler is older than the converter: convert with littoral convert --target edgetpu",
    ),
    (
        r"Encountered unresolved custom op: .+",
        "Cut the model before this operator, or replace it by builtin ones",
    ),
    (
        r"static-sized tensors with a graph that has dynamic-sized tensors",
        "Fix the batch and all sizes when converting; littoral compile shows which operator has one",
    ),
    (
        r"Compilation failed due to large activation tensors in model",
        "Give the model a smaller input picture, or let the compiler search for what fits (--search-delegate)",
    ),
    (r"Node number \d+ \(\w+\) failed to prepare", "Its quantization is inconsistent: convert the model again"),
    (r"Segmentation fault", f"The compiler crashed. {_SEARCH}, or use fewer segments"),
    (r"terminating with uncaught exception of type .+", f"The compiler crashed. {_SEARCH}"),
    (
        r"Internal compiler error\. Aborting!",
        f"It often works when tried again. {_SEARCH}, or give the model a smaller input picture",
    ),
    (r"Model could not be parsed", "Check the file with littoral inspect, and convert it again"),
    (
        r"Model failed in Tflite interpreter",
        "Check that littoral run works with it on the processor, and convert it again",
    ),
    (r"Invalid model: .+", "Check the file with littoral inspect, and convert it again"),
    (r"Compilation failed!", f"It gave no reason. {_SEARCH}, or give it more time (--timeout)"),
)
"""What the compiler fails with, as regular expressions, and the way out; the most telling first."""


def parse(text: str) -> Log:
    """Read what the compiler printed; never fails, whatever it printed."""
    version = re.search(r"Edge TPU Compiler version (\S+)", text)
    blocks = re.split(r"(?=^Model compiled successfully in )", text, flags=re.MULTILINE)[1:]
    return Log(version.group(1) if version else "", tuple(map(_result, blocks)), _failures(text))


def _result(block: str) -> Result:
    took = re.match(r"Model compiled successfully in (\d{1,9}) ms", block)
    return Result(
        input=_field(block, r"Input model: (.+)"),
        output=_field(block, r"Output model: (.+)"),
        seconds=int(took.group(1)) / 1000 if took else 0.0,
        on_chip=_size(block, "On-chip memory used for caching model parameters"),
        remaining=_size(block, "On-chip memory (?:remaining|available) for caching model parameters"),
        off_chip=_size(block, "Off-chip memory used for streaming uncached model parameters"),
        subgraphs=int(_field(block, r"Number of Edge TPU subgraphs: (\d{1,9})") or 0),
        operators=int(_field(block, r"Total number of operations: (\d{1,9})") or 0),
        table=read_table(block),
    )


def read_table(text: str) -> tuple[Row, ...]:
    """The operators by status; from what the compiler prints, or from the .log file that it writes."""
    _, heading, rest = text.partition("Operator                       Count      Status")
    rows = []
    for line in rest.splitlines() if heading else ():
        if match := _ROW.match(line):
            rows.append(Row(match.group(1), int(match.group(2)), match.group(3)))
        elif line.strip():
            break
    return tuple(rows)


def _failures(text: str) -> tuple[Failure, ...]:
    found = [(match, remedy) for line, remedy in KNOWN_FAILURES if (match := re.search(line, text))]
    return tuple(Failure(match.group(0).strip().rstrip(".!"), remedy) for match, remedy in found)


def _field(block: str, expression: str) -> str:
    match = re.search(expression, block)
    return match.group(1).strip() if match else ""


def _size(block: str, what: str) -> int:
    match = re.search(rf"{what}: ([\d.]{{1,20}})(B|KiB|MiB|GiB)\s*$", block, re.MULTILINE)
    try:
        return round(float(match.group(1)) * _UNITS[match.group(2)]) if match else 0
    except ValueError:  # more than one point
        return 0
