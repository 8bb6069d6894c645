"""Our processor devices beside LiteRT itself, in one run: `python -m benchmarks.devices [--seconds 2] [--json]`.

Time a call (ratios above 1: we are faster), import, process start to first result, memory of instances, the price of
isolation, memory over load/run/drop cycles. `--chaos 100` instead kills, crashes and stops a worker under load that
often. One thread, one sample at a time; contestants alternate. The files under LITTORAL_HOME are used, so the first run
also packs weights.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.device_models import files, models
from benchmarks.openvino_rows import litert, race

Array = npt.NDArray[Any]
Row = dict[str, Any]

INSTANCES = 8
CYCLES = 1000


def row(what: str, model: str, value: float, target: str = "", holds: bool | None = None) -> Row:
    return {"what": what, "model": model, "value": value, "target": target, "holds": holds}


def example(file: Path) -> Array:
    from littoral.runtime import main_inputs
    from littoral.tflite import read

    [info] = main_inputs(read(file))
    shape, generator = [abs(side) for side in info.shape], np.random.default_rng(0)
    if info.dtype.kind == "f":
        return generator.normal(size=shape).astype(info.dtype)
    limits = np.iinfo(info.dtype)
    return generator.integers(limits.min, limits.max, shape, dtype=info.dtype)


def calls(name: str, file: Path, seconds: float) -> list[Row]:
    """Our cpu and cpu:fp16 against LiteRT's interpreter, an array in and an array out."""
    from littoral.devices import survey
    from littoral.runtime import load

    x = example(file)
    with load(file, "cpu", threads=1) as cpu:
        runs: dict[str, Callable[[], object]] = {"litert": litert(file, x), "cpu": lambda: cpu(x, raw=True)}
        halved = survey().processor.half and not name.endswith("int8") and x.dtype.kind == "f"
        half = load(file, "cpu:fp16", threads=1) if halved else None
        if half:
            runs["cpu:fp16"] = lambda: half(x, raw=True)
        took = race(runs, seconds)
        if half:
            half.close()
    rows = []
    for device, bound in (("cpu", 0.98), ("cpu:fp16", 1.9)):
        if device in took:
            ratio = took["litert"][0] / took[device][0]
            rows.append(row(f"{device}: LiteRT / ours, median of a call", name, ratio, f">= {bound}", ratio >= bound))
            rows.append(row(f"{device}: the same of the best tenth", name, took["litert"][1] / took[device][1]))
    return rows


BARE = """
import sys, numpy as np
from ai_edge_litert.interpreter import Interpreter
i = Interpreter(sys.argv[1], num_threads=1)
i.allocate_tensors()
[d], [o] = i.get_input_details(), i.get_output_details()
i.set_tensor(d["index"], np.zeros(d["shape"], d["dtype"]))
i.invoke()
i.get_tensor(o["index"])
"""
OURS = """
import sys, numpy as np, littoral as lt
with lt.load(sys.argv[1], threads=1) as model:
    [info] = model.inputs
    model(np.zeros(info.shape, info.dtype), raw=True)
"""


def starts(name: str, file: Path, rounds: int = 15) -> list[Row]:
    """Processes from their start to the first result; modules are compiled, as after an installation."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    programs = {"import littoral": "import littoral", "python": "", "bare": BARE, "ours": OURS}
    took: dict[str, list[float]] = {key: [] for key in programs}
    for _ in range(rounds):
        for key, code in programs.items():
            start = time.perf_counter()
            command = [sys.executable, "-c", code, str(file)]
            subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
            took[key].append(time.perf_counter() - start)
    median = {key: float(np.median(each[1:])) for key, each in took.items()}
    alone = (median["import littoral"] - median["python"]) * 1e3
    ratio = median["ours"] / median["bare"]
    return [
        row("import littoral, ms", "", alone, "<= 50", alone <= 50),
        row("process start to first result: ours / LiteRT", name, ratio, "<= 1.3", ratio <= 1.3),
    ]


def private() -> float:
    """Bytes of this process that lie in no file, or in one without a name."""
    values = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(values[key].split()[0]) * 1024.0 for key in ("RssAnon", "RssShmem"))


def instances(name: str, file: Path) -> list[Row]:
    """Memory of the second to the eighth instance of one model."""
    from littoral.runtime import load

    x, used, kept = example(file), [], []
    for _ in range(INSTANCES):
        model = load(file, threads=1)
        model(x, raw=True)
        kept.append(model)
        used.append(private())
    for model in kept:
        model.close()
    each = (used[-1] - used[0]) / (INSTANCES - 1) / 1e6
    return [row(f"memory of the 2nd to {INSTANCES}th instance, MB each", name, each, "<= 10", each <= 10)]


def isolation(name: str, file: Path, seconds: float) -> list[Row]:
    """What a process of its own costs a call."""
    from littoral.runtime import load

    x = example(file)
    with load(file, threads=1) as here, load(file, threads=1, isolate=True) as there:
        took = race({"here": lambda: here(x, raw=True), "there": lambda: there(x, raw=True)}, seconds)
    extra = took["there"][0] - took["here"][0]
    size = f"{x.nbytes / 1000:.0f} kB"
    return [row(f"isolate=True over in-process, ms a call ({size} in)", name, extra, "<= 0.3", extra <= 0.3)]


def cycles(name: str, file: Path) -> list[Row]:
    """Memory that grows from the 100th to the last of many load/run/drop cycles without close()."""
    from littoral.runtime import load

    x, before = example(file), 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for number in range(CYCLES):
            model = load(file, threads=1)
            model(x, raw=True)
            del model
            if number == 100:
                before = private()
    grown = (private() - before) / 1e6
    return [row(f"growth from the 100th to the {CYCLES}th load/run/drop, MB", name, grown, "< 5", grown < 5)]


def workers() -> list[int]:
    """The processes that this one has started."""
    listed = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    return [int(pid) for pids in listed for pid in pids]


def chaos(file: Path, times: int) -> list[Row]:
    """A worker is killed, crashed and stopped while two threads call it; every outcome is counted."""
    from littoral.errors import LittoralError
    from littoral.runtime import Isolation, load, memory

    stop, outcomes = threading.Event(), {"answered": 0, "named error": 0, "wrong": 0, "unnamed error": 0}
    x = example(file)
    with load(file, threads=1) as reference:
        right = np.asarray(reference(x, raw=True))

    def use() -> None:
        while not stop.is_set():
            try:
                result = model(x, raw=True)
                outcomes["answered" if np.array_equal(np.asarray(result), right) else "wrong"] += 1
            except LittoralError:
                outcomes["named error"] += 1
            except Exception:
                outcomes["unnamed error"] += 1

    chance = random.Random(0)
    with load(file, threads=1, isolate=Isolation(timeout=20, silence=0.5)) as model:
        users = [threading.Thread(target=use) for _ in range(2)]
        for user in users:
            user.start()
        for number in range(times):
            time.sleep(chance.uniform(0.2, 0.9))
            for pid in workers():
                os.kill(pid, (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)[number % 3])
        stop.set()
        for user in users:
            user.join(60)
        hanging = sum(user.is_alive() for user in users)
    left = memory().workers
    fine = not (hanging or left or outcomes["wrong"] or outcomes["unnamed error"])
    rows = [row(f"chaos, {times} times: {key}", file.stem, count) for key, count in outcomes.items()]
    return [*rows, row("chaos: calls that hang, workers left", file.stem, hanging + left, "0", fine)]


def rows(seconds: float) -> list[Row]:
    every = files()
    found = [each for name, file in every.items() for each in calls(name, file, seconds)]
    for name in ("mobilenet_v2", "mobilenet_v2.int8"):
        found += [*starts(name, every[name]), *instances(name, every[name])]
    uint8 = every.get("mobilenet_v2_1.0_224_quant", every["mobilenet_v2.int8"])
    return found + isolation(uint8.stem, uint8, seconds) + cycles(uint8.stem, uint8)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=2.0, help="of each contestant")
    options.add_argument("--chaos", type=int, default=0, metavar="TIMES", help="only this, so many times")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    if chosen.chaos:
        found = chaos(models()["mobilenet_v2"][1], chosen.chaos)
    else:
        found = rows(chosen.seconds)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    for each in found:
        said = {None: "", True: "holds", False: "MISSED"}[each["holds"]]
        print(f"{each['model']:28} {each['what']:58} {each['value']:9.3f}  {each['target']:8} {said}")


if __name__ == "__main__":
    main()
