"""24 hours of a Coral device that hangs, dies, fails and is unplugged at random: no request lost, no wrong answer.

    python -m benchmarks.coral_faults [--hours 24] [--alone] [--lies 20] [--seed 0] [--json] [--data FOLDER]

There is no chip: the library is a stand-in, and its chip answers from the CPU twin of a real compiled model. The
program that uses it is littoral as it is: worker, restarts, back-off, fallback to the twin.

Time is compressed. One call stands for one second of a camera, so 24 hours are 86,400 calls. Faults are drawn by a
Poisson process of so many an hour. A call that hangs is given up after 2 s in place of 60; a worker that failed twice
in a row waits 0.01 to 0.2 s in place of 0.5 to 30; a chip stays unplugged for 0.2 to 2 s. Every answer is compared
with the CPU twin's, bit by bit.

A chip that lies is another matter: nobody sees one wrong answer. With `--lies` a chip begins to lie and goes on, as
often as said, and a canary (littoral.coral.canary) that asks every 100 calls finds it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from tests.coral.standin.board import Board, Fault
from tests.coral.standin.build import build, missing

from littoral.coral.canary import Canary
from littoral.errors import DeviceError
from littoral.runtime import FallbackWarning, Isolation, Model, load

ROOT = Path(__file__).resolve().parent.parent
HOURLY: Mapping[str, float] = {"crash": 2, "hang": 1, "fail": 2, "unplug": 1}
"""Faults an hour."""

CALLS_AN_HOUR = 3600
WATCH = Isolation(timeout=2.0, silence=5.0, start=60, wait=0.01, longest_wait=0.2)
LIMIT = WATCH.timeout + 20.0  # seconds until a call has to be over: the time for a call, and for a worker to start
PAUSE = 0.002  # seconds after a call that failed: a camera that takes a second a picture does not call at once
EVERY = 100  # calls between a canary's questions
UNPLUGGED = (0.2, 2.0)  # seconds
_NAME = "mobilenet_v1_0.25_128_quant"
_PORT = "2-1"


@dataclass(frozen=True)
class Used:
    """What the program saw that used the device.

    Attributes:
        calls: It made.
        late: Not over within the limit.
        wrong: Answers that are not the CPU twin's.
        errors: Calls that ended in an error.
        longest: Seconds of the longest call.
        counted: `Model.faults` of the device: crashes, hangs, errors, restarts.
        failed: `Model.faults.failed`.
        rescued: `Model.faults.rescued`: the CPU twin answered.
    """

    calls: int
    late: int
    wrong: int
    errors: int
    longest: float
    counted: Mapping[str, int]
    failed: int
    rescued: int


@dataclass(frozen=True)
class Simulated:
    """What was done to the chip, and what the program saw of it."""

    injected: Mapping[str, int]
    answered: int
    seconds: float
    used: Used

    @property
    def complaints(self) -> list[str]:
        """What does not hold; empty when all does."""
        used, injected, counted = self.used, Counter(self.injected), Counter(self.used.counted)
        claims = {
            "every call was over in time": used.late == 0,
            "no answer was wrong": used.wrong == 0,
            "every crash was counted": counted["crashes"] == injected["crash"] + injected["unplug"],
            "every hang was counted": counted["hangs"] == injected["hang"],
            "every error was counted": counted["errors"] >= injected["fail"],
            "chip, twin and errors make up the calls": self.answered + used.rescued + used.failed == used.calls,
            "who called got each error": used.failed == used.errors,
        }
        return [claim for claim, holds in claims.items() if not holds]


def simulate(data: Path, hours: float, *, alone: bool = False, seed: int = 0, scale: float = 1.0) -> Simulated:
    """Runs a program that uses a chip which goes wrong.

    Args:
        data: The folder of the test data.
        hours: Simulated.
        alone: Without the CPU twin to fall back to.
        seed: Of what goes wrong when.
        scale: Multiplies how often.
    """
    chance = random.Random(seed)
    timers: list[threading.Timer] = []

    def trouble(_: int) -> Fault | None:
        drawn = chance.random() * CALLS_AN_HOUR / scale
        for fault, hourly in HOURLY.items():
            if drawn < hourly:
                if fault == "unplug":
                    timers.append(
                        threading.Timer(chance.uniform(*UNPLUGGED), board.plug, ("usb", _PORT), {"dfu": True})
                    )
                    timers[-1].start()
                return cast(Fault, fault)
            drawn -= hourly
        return None

    with tempfile.TemporaryDirectory() as folder, closing(Board(Path(folder))) as board:
        start = time.monotonic()
        board.trouble = trouble
        told = _use(board, Path(folder), data, "coral" if alone else "coral|cpu", round(hours * CALLS_AN_HOUR))
        for timer in timers:
            timer.join()
        faults = dict(board.faults)
        return Simulated(faults, board.calls - sum(faults.values()), time.monotonic() - start, Used(**told))


def lies(data: Path, count: int) -> list[int]:
    """How many wrong answers went out before the canary saw a chip lie, for each chip that did."""
    with tempfile.TemporaryDirectory() as folder, closing(Board(Path(folder))) as board:
        chance = random.Random(count)
        begin = [chance.randrange(2, 3 * EVERY) for _ in range(count)]
        seen = {"start": 0, "chip": -1}

        def trouble(number: int) -> Fault | None:
            if board.opened != seen["chip"]:
                seen.update(chip=board.opened, start=number)
            return "lie" if number - seen["start"] >= begin[min(board.opened, count) - 1] else None

        board.trouble = trouble
        told: list[int] = _use(board, Path(folder), data, "lies", count)
        return told


def _use(board: Board, folder: Path, data: Path, device: str, count: int) -> Any:
    """Starts the program that uses the board; what it printed."""
    models = data / "coral"
    compiled, cpu = models / f"{_NAME}_edgetpu.tflite", models / f"{_NAME}.tflite"
    board.teach(compiled, cpu)
    board.plug("usb", _PORT)
    environment = {**os.environ, **board.environment(build(folder)), "LITTORAL_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "benchmarks.coral_faults", "--user", device, str(count), str(compiled), str(cpu)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


# The program that uses the device, in a process of its own.


def _user(device: str, count: int, compiled: str, cpu: str) -> Any:
    warnings.simplefilter("ignore", FallbackWarning)
    if device == "lies":
        return [_until_seen(compiled, cpu) for _ in range(count)]
    files = {"coral": compiled} if device == "coral" else {"coral": compiled, "cpu": cpu}
    inputs, expected = _questions(cpu)
    seen: Counter[str] = Counter()
    longest = 0.0
    with load(files, device, threads=1, isolate=WATCH) as model, ThreadPoolExecutor(1) as thread:
        for number in range(count):
            start = time.monotonic()
            try:
                answer = thread.submit(model, inputs[number % 8], raw=True).result(LIMIT)
                seen["wrong"] += not np.array_equal(np.asarray(answer), expected[number % 8])
            except LateError:
                seen["late"] += 1
            except DeviceError:
                seen["errors"] += 1
                time.sleep(PAUSE)
            longest = max(longest, time.monotonic() - start)
        faults = model.faults
    counted = asdict(faults.devices["coral"]) if "coral" in faults.devices else {}
    totals = {"longest": longest, "counted": counted, "failed": faults.failed, "rescued": faults.rescued}
    return {"calls": count, **{name: seen[name] for name in ("late", "wrong", "errors")}, **totals}


def _questions(cpu: str) -> tuple[list[Any], list[Any]]:
    """Random inputs, and the CPU twin's answers."""
    rng = np.random.default_rng(0)
    with load(cpu, threads=1) as twin:
        [info] = twin.inputs
        inputs = [rng.integers(0, 256, info.shape, info.dtype) for _ in range(8)]
        return inputs, [twin(x, raw=True) for x in inputs]


def _until_seen(compiled: str, cpu: str) -> int:
    """Wrong answers until the canary refuses."""
    inputs, expected = _questions(cpu)
    with load(compiled, "coral") as chip, load(cpu, threads=1) as twin:
        return _wrong_answers(Canary(chip, twin, every=EVERY), inputs, expected)


def _wrong_answers(watched: Canary | Model, inputs: list[Any], expected: list[Any]) -> int:
    wrong = 0
    for number in range(10 * EVERY):
        try:
            answer = watched(inputs[number % 8], raw=True)
        except DeviceError:
            return wrong
        wrong += not np.array_equal(np.asarray(answer), expected[number % 8])
    raise AssertionError("the canary saw nothing")


def _table(result: Simulated, told: list[int]) -> str:
    used, counted = result.used, Counter(result.used.counted)
    refused = counted["errors"] - result.injected.get("fail", 0)
    rows = [
        ("simulated hours", f"{used.calls / CALLS_AN_HOUR:g}, in {result.seconds:.0f} s"),
        ("calls", f"{used.calls:,}"),
        ("  answered by the chip", f"{result.answered:,}"),
        ("  answered by the CPU twin", f"{used.rescued:,}"),
        ("  ended in an error", f"{used.failed:,}"),
        ("calls without an end in time", f"{used.late} (the longest took {used.longest:.1f} s)"),
        ("wrong answers", str(used.wrong)),
        ("faults done", ", ".join(f"{name} {count}" for name, count in sorted(result.injected.items()))),
        ("faults counted", ", ".join(f"{name} {count}" for name, count in used.counted.items())),
        ("  openings of a chip that was not there", str(refused)),
    ]
    if told:
        rows.append((f"liars seen by a canary, of {len(told)}", f"{len(told)}, after up to {max(told)} wrong answers"))
    return "\n".join(f"{name:42}{value}" for name, value in rows)


def main() -> int:
    """Prints the result; 0 when all holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--alone", action="store_true", help="without the CPU twin to fall back to")
    parser.add_argument("--lies", type=int, default=20, metavar="N", help="chips that begin to lie")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    default = os.environ.get("LITTORAL_TEST_DATA", ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--user", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.user:
        device, count, *files = args.user
        print(json.dumps(_user(device, int(count), *files)))
        return 0
    if lack := missing():
        print(f"This benchmark cannot run here: {lack}", file=sys.stderr)
        return 2
    result = simulate(args.data, args.hours, alone=args.alone, seed=args.seed)
    told = lies(args.data, args.lies) if args.lies else []
    if args.json:
        print(json.dumps({**asdict(result), "lies": told, "complaints": result.complaints}, indent=2))
    else:
        print(_table(result, told), *(f"DOES NOT HOLD: {claim}" for claim in result.complaints), sep="\n")
    return 1 if result.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
