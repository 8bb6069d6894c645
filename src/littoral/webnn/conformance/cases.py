"""The test-suite's data: one JSON file of each operation, read as cases.

A file is {"tests": [{"name", "tolerance": {"metric", "value"}, "graph": {"inputs", "operators", "expectedOutputs"}}]}.
What JSON cannot hold is {"$num": "NaN" | "Infinity" | "-Infinity" | "-0"} and {"$bigint": "9007199254740993"}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from littoral.errors import DataError
from littoral.webnn.conformance.tolerance import METRICS, Tolerance
from littoral.webnn.idl import signatures
from littoral.webnn.program import DTYPES, Array

NIBBLES = {"int4": np.dtype(np.int8), "uint4": np.dtype(np.uint8)}
"""Data types of some browsers that are not in the standard; held a byte each."""


@dataclass(frozen=True)
class Given:
    """What goes in, or is expected to come out.

    Attributes:
        data_type: Of the standard, or of `NIBBLES`.
        value: Of its shape.
        constant: Whether the builder gets it as a constant.
    """

    data_type: str
    value: Array
    constant: bool = False


@dataclass(frozen=True)
class Step:
    """One call of the builder.

    Attributes:
        operation: As the standard spells it.
        arguments: In the order of the standard, as the suite gives them; operands by their names.
        options: By name.
        outputs: Names of what it returns.
    """

    operation: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One test.

    Attributes:
        file: Its file's name without ".json".
        name: In that file.
        inputs: What goes in, by name.
        steps: In order.
        expected: What must come out, by name.
        tolerance: How far from it; None where the data do not say.
    """

    file: str
    name: str
    inputs: Mapping[str, Given]
    steps: tuple[Step, ...]
    expected: Mapping[str, Given]
    tolerance: Tolerance | None

    @property
    def operations(self) -> frozenset[str]:
        """All that it calls."""
        return frozenset(step.operation for step in self.steps)

    @property
    def subject(self) -> str:
        """The operation that it tests: that of its last step; "several" where the file is about several in a row."""
        return "several" if self.file == "subgraph" else self.steps[-1].operation


def read_folder(folder: str | Path) -> tuple[Case, ...]:
    """The cases of all JSON files of a folder, in the order of their names.

    Raises:
        DataError: There are none, or one is malformed.
    """
    files = sorted(Path(folder).glob("*.json"))
    if not files:
        raise DataError(f"{folder}: no JSON file is there", "Give the folder of the test-suite's data")
    return tuple(case for file in files for case in read(file))


def read(file: Path) -> tuple[Case, ...]:
    """The cases of one file.

    Raises:
        DataError: It is no JSON, or not of this form; the case is named.
    """
    try:
        content = json.loads(file.read_bytes())
        tests = content["tests"]
    except (ValueError, KeyError, TypeError, RecursionError):
        tests = None
    if not isinstance(tests, list):
        raise DataError(f'{file}: is not a file of tests: JSON with a list "tests" in it')
    return tuple(_case(file, number, test) for number, test in enumerate(tests))


def _case(file: Path, number: int, test: Any) -> Case:
    try:
        graph = test["graph"]
        return Case(
            file=file.stem,
            name=str(test["name"]),
            inputs={name: _given(entry) for name, entry in graph["inputs"].items()},
            steps=tuple(map(_step, graph["operators"])),
            expected={name: _given(entry) for name, entry in graph["expectedOutputs"].items()},
            tolerance=_tolerance(test["tolerance"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{file}: test {number} is malformed: {type(error).__name__}: {error}") from None


def _step(entry: Any) -> Step:
    # null is a hole in the suite's list, which it passes over; names other than "options" are for readers only
    given = [item for argument in entry["arguments"] for item in (argument or {}).items()]
    options: dict[str, Any] = dict(_plain(next((value for name, value in given if name == "options"), {})))
    outputs = entry["outputs"]
    if entry["name"] not in signatures():
        raise ValueError(f"the standard has no operation {entry['name']!r}")
    return Step(
        operation=entry["name"],
        arguments=tuple(_plain(value) for name, value in given if name != "options"),
        options=options,
        outputs=(outputs,) if isinstance(outputs, str) else tuple(outputs),
    )


def _tolerance(entry: Any) -> Tolerance | None:
    if "metric" not in entry:
        return None
    if entry["metric"] not in METRICS:
        raise ValueError(f"the metric is {entry['metric']!r}, and must be {' or '.join(METRICS)}")
    return Tolerance(entry["metric"], float(entry["value"]))


def _given(entry: Any) -> Given:
    data_type, shape = entry["descriptor"]["dataType"], tuple(entry["descriptor"]["shape"])
    data = _plain(entry["data"])
    if data_type in NIBBLES:
        value = _nibbles(data_type, data)
    else:
        with np.errstate(over="ignore"):  # 1e39 is infinite in float32
            value = np.array(data, DTYPES[data_type])
    value = value.reshape(shape) if isinstance(data, list) else np.full(shape, value)
    return Given(data_type, value, bool(entry.get("constant", False)))


def _nibbles(data_type: str, data: Any) -> Array:
    """The low four bits, as the suite packs them."""
    low = np.array(data, np.int64) & 15
    return (np.where(low > 7, low - 16, low) if data_type == "int4" else low).astype(NIBBLES[data_type])


def _plain(value: Any) -> Any:
    """JSON's value with the two escapes resolved."""
    if isinstance(value, dict):
        if value.keys() == {"$num"}:
            return float(value["$num"])
        if value.keys() == {"$bigint"}:
            return int(value["$bigint"])
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
