"""The W3C test-suite's data on a context: what passes, what does not, and why.

    conformance.run("webnn-conformance", device="cpu").tally("conv2d")

Data: one JSON file of each operation, made from web-platform-tests (webnn/conformance_tests).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from littoral.runtime import FallbackWarning
from littoral.webnn.conformance.cases import Case, read_folder
from littoral.webnn.conformance.forms import modernize, objection
from littoral.webnn.conformance.gaps import Gap, known_gaps
from littoral.webnn.conformance.running import execute
from littoral.webnn.conformance.tolerance import Tolerance
from littoral.webnn.context import MLContext, create_context
from littoral.webnn.idl import signatures

__all__ = ["STATUSES", "Conformance", "Gap", "Outcome", "known_gaps", "run"]

STATUSES = ("passed", "failed", "other form", "known gap")
"""`other form`: today's standard does not allow the test. `known gap`: it fails, and is listed with the reason."""


@dataclass(frozen=True)
class Outcome:
    """What became of one test.

    Attributes:
        file: Of the data, without ".json".
        name: Of the test.
        subject: The operation that it tests, or "several".
        operations: All that it calls.
        status: One of `STATUSES`.
        reason: Why it did not pass.
        brought: What was said in the words of today's standard.
        stale: It passes, and is listed as a known gap.
    """

    file: str
    name: str
    subject: str
    operations: tuple[str, ...]
    status: str
    reason: str = ""
    brought: tuple[str, ...] = ()
    stale: bool = False


@dataclass(frozen=True)
class Conformance:
    """What became of all tests on one device.

    Attributes:
        device: As it was asked for.
        outcomes: In the order of the files.
    """

    device: str
    outcomes: tuple[Outcome, ...]

    @cached_property
    def table(self) -> dict[str, Counter[str]]:
        """How many tests of each subject have each status; all of the standard's operations are there."""
        counts = {name: Counter[str]() for name in sorted(signatures())}
        for outcome in self.outcomes:
            counts.setdefault(outcome.subject, Counter())[outcome.status] += 1
        return counts

    @property
    def total(self) -> Counter[str]:
        """How many tests have each status."""
        return Counter(outcome.status for outcome in self.outcomes)

    @property
    def share(self) -> float:
        """Of the tests that today's standard allows, those that passed; 0 to 1."""
        allowed = len(self.outcomes) - self.total["other form"]
        return self.total["passed"] / allowed if allowed else 0.0

    @property
    def untested(self) -> tuple[str, ...]:
        """Operations of the standard that no passed test calls."""
        passed = {name for o in self.outcomes if o.status == "passed" for name in o.operations}
        return tuple(sorted(set(signatures()) - passed))

    @property
    def ok(self) -> bool:
        """Nothing failed that is not listed, and nothing listed passed."""
        return not any(outcome.status == "failed" or outcome.stale for outcome in self.outcomes)


def run(
    folders: str | Path | Iterable[str | Path],
    device: str = "cpu",
    *,
    threads: int | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Conformance:
    """Runs all tests of the folders on a context of the device.

    Args:
        folders: Of the data, or one of them.
        device: Any of littoral's device strings.
        threads: Of the processor.
        progress: Called with (stage, done, total).

    Raises:
        DataError: A folder has no such data.
        NotSupportedError: There is no such device.
    """
    given = (folders,) if isinstance(folders, str | Path) else folders
    cases = [case for folder in given for case in read_folder(folder)]
    gaps = known_gaps(device)
    outcomes = []
    with create_context(device, threads=threads) as context, warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)  # who gives several devices asks for it
        for number, case in enumerate(cases):
            if progress:
                progress(f"tests on {device}", number, len(cases))
            outcomes.append(_outcome(case, context, gaps))
    return Conformance(device, tuple(outcomes))


def _outcome(case: Case, context: MLContext, gaps: Sequence[Gap]) -> Outcome:
    case, brought = modernize(case)
    broken = objection(case)
    failure = "" if broken else _failure(case, context)
    reason = next((gap.reason for gap in gaps if failure and gap.explains(case.file, case.name, failure)), "")
    listed = any(gap.names(case.file, case.name) for gap in gaps)
    return Outcome(
        case.file,
        case.name,
        case.subject,
        tuple(sorted(case.operations)),
        "other form" if broken else "known gap" if reason else "failed" if failure else "passed",
        broken or reason or failure,
        brought,
        stale=listed and not failure,
    )


def _failure(case: Case, context: MLContext) -> str:
    """Why a test fails; empty where it passes."""
    try:
        results = execute(case, context)
    except Exception as error:  # whatever it is, it is what became of this test, and others follow
        return f"{type(error).__name__}: {error}"
    tolerance = case.tolerance or Tolerance("ULP", 0)
    for name, expected in case.expected.items():
        words = tolerance.objection(results[name], expected.value)
        if words:
            return f"{name}: {words}"
    return ""
