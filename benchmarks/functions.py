"""Functions against what is asked of them, in one run: `python -m benchmarks.functions [--rows NAME ...] [--json]`.

Whoever is compared takes turns with the others. Models: MobileNet v1 224 in int8 and float32 with random weights, and
Coral's quantized MobileNet v2; one thread each. LitServe, MLServer and BentoML are installed on first use into
environments of their own under LITTORAL_HOME. The experiments, with charts: `littoral function experiment all MODEL`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable

from benchmarks.functions_kills import kills
from benchmarks.functions_models import Row
from benchmarks.functions_serving import cold, gateway, peers
from benchmarks.functions_speed import deploying, memory, native, snapshot, thousand

from littoral.functions.limits import show_size

LEAK = 4 << 20  # bytes: what memory may vary by itself


def hostile(count: int) -> list[Row]:
    """Honest guests beside hostile ones, in a process that may die."""
    name, target = f"{count:,} invocations, 10 % hostile", "p99 <= 1.5x, 0 leaks, 0 crashes"
    command = [sys.executable, "-m", "benchmarks.functions_hostile", str(count)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return [Row(name, f"crashed with {done.returncode}: {done.stderr[-300:]}", target, False)]
    found = json.loads(done.stdout)
    ratio, grown = found["beside"][1] / found["alone"][1], found["grown"]
    escaped = sum(times for end, times in found["ends"].items() if end.endswith("not stopped"))
    leaks = grown["descriptors"] > 0 or grown["threads"] > 0 or grown["bytes"] > LEAK or found["running"]
    middle = found["beside"][0] / found["alone"][0]
    said = f"p99 {ratio:.2f}x, p50 {middle:.2f}x"
    said += f"; memory +{show_size(max(grown['bytes'], 0))}, descriptors +{grown['descriptors']}"
    said += f", {found['running']} left running, {found['wrong']} wrong, {escaped} not stopped"
    holds = ratio <= 1.5 and not (leaks or found["wrong"] or escaped)
    return [Row(name, said, target, holds, {"ratio": ratio, **grown})]


def rows(full: bool) -> dict[str, Callable[[], list[Row]]]:
    """What there is to measure; not `full` is a look of a minute or two."""
    seconds = 12.0 if full else 3.0
    return {
        "native": lambda: native(1500 if full else 100),
        "snapshot": lambda: snapshot(20_000 if full else 2_000),
        "memory": lambda: memory(1000 if full else 200),
        "gateway": lambda: gateway(seconds),
        "cold": lambda: cold(seconds * 2),
        "peers": lambda: peers(seconds),
        "thousand": lambda: thousand(1000 if full else 100, 2000 if full else 200),
        "deploy": lambda: deploying(7 if full else 2),
        "hostile": lambda: hostile(100_000 if full else 2_000),
        "kills": lambda: kills(100 if full else 20),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=list(rows(full=True)), help="all when not given")
    parser.add_argument("--short", action="store_true", help="fewer requests")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    given = parser.parse_args()
    works = rows(not given.short)
    done: list[Row] = []
    for name in given.rows or works:
        for row in works[name]():
            done.append(row)
            if not given.json:
                print(
                    f"{row.name:58} {row.measured}; target {row.target}: {'met' if row.holds else 'MISSED'}", flush=True
                )
    if given.json:
        print(json.dumps([dataclasses.asdict(row) for row in done], indent=1))
    sys.exit(not all(row.holds for row in done))


if __name__ == "__main__":
    main()
