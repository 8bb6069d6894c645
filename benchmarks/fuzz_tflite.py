"""Mutates real model files and feeds them to littoral.tflite: no crash, no hang, no flood of memory.

    python -m benchmarks.fuzz_tflite [--count 20000] [--seed 0] [--native 300] [--data FOLDER]

Each mutant is read under tracemalloc. What still parses is also written, counted, sliced and given other edge types.
`--native` runs that many of those in LiteRT, each in a child process, and counts the ones that kill it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from littoral.errors import LittoralError, ModelFileError
from littoral.tflite import legacy_metadata, macs, read, set_io, slice_operators, to_bytes
from littoral.tflite.graph import Graph, Model
from littoral.tflite.reader import Reader

PROCESSES = 2
BANDS = (0, 4 << 10, 64 << 10)
"""Sizes of files, in bytes, for which peak memory is reported apart: Python's own objects outweigh small files."""
INTERESTING = (0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_RUN_NATIVE = """
import sys, numpy
from ai_edge_litert.interpreter import Interpreter
model = Interpreter(model_content=open(sys.argv[1], "rb").read(), num_threads=1)
model.allocate_tensors()
for given in model.get_input_details():
    model.set_tensor(given["index"], numpy.ones(given["shape"], given["dtype"]))
model.invoke()
"""


@dataclass
class Seed:
    """A real file, and the places in it that its structure is made of."""

    name: str
    data: bytes
    places: list[int]


@dataclass
class Outcome:
    """What became of some mutants."""

    count: int = 0
    parsed: int = 0
    crashes: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    longest_name: str = ""
    memory: dict[int, tuple[float, int, str]] = field(default_factory=dict)
    """For each band: the peak in file sizes, in bytes, and which mutant it was."""
    kept: list[tuple[str, bytes]] = field(default_factory=list)


class _Tracing(Reader):
    """Notes which bytes of a file are structure."""

    def __init__(self, data: memoryview) -> None:
        super().__init__(data, "seed")
        self.places: set[int] = set()

    def _need(self, position: int, size: int, what: str) -> None:
        super()._need(position, size, what)
        if size <= 64:
            self.places.update(range(position, position + size))


def load_seeds(folder: Path) -> list[Seed]:
    """Every model file below a folder."""
    seeds = []
    for path in sorted(folder.rglob("*.tflite")):
        data = path.read_bytes()
        tracing = _Tracing(memoryview(data))
        tracing.root(Model)
        seeds.append(Seed(path.name, data, sorted(tracing.places)))
    return seeds


# Mutations: each changes `data` in place, at a place that `pick` gives


def _flip_bits(data: bytearray, pick: Callable[[], int], rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[pick()] ^= 1 << rng.randrange(8)


def _set_byte(data: bytearray, pick: Callable[[], int], rng: random.Random) -> None:
    data[pick()] = rng.randrange(256)


def _set_word(data: bytearray, pick: Callable[[], int], rng: random.Random) -> None:
    place = pick() & ~3
    value = rng.choice((*INTERESTING, len(data), len(data) - place, place, rng.getrandbits(32)))
    data[place : place + 4] = value.to_bytes(4, "little")[: len(data) - place]


def _nudge_word(data: bytearray, pick: Callable[[], int], rng: random.Random) -> None:
    place = min(pick() & ~3, max(0, len(data) - 4))
    value = int.from_bytes(data[place : place + 4], "little") + rng.choice((-8, -4, -1, 1, 4, 8))
    data[place : place + 4] = (value % 2**32).to_bytes(4, "little")


def _truncate(data: bytearray, pick: Callable[[], int], rng: random.Random) -> None:
    del data[pick() if rng.random() < 0.5 else rng.randrange(len(data)) :]


def _splice(data: bytearray, pick: Callable[[], int], rng: random.Random) -> None:
    source, target = pick() & ~3, pick() & ~3
    size = rng.choice((4, 4, 16, 64, 256))
    data[target : target + size] = data[source : source + size]


def _insert_or_cut(data: bytearray, pick: Callable[[], int], rng: random.Random) -> None:
    place = pick()
    if rng.random() < 0.5:
        data[place:place] = rng.randbytes(rng.choice((1, 4, 16)))
    else:
        del data[place : place + rng.choice((1, 4, 16))]


MUTATIONS = (_flip_bits, _set_byte, _set_word, _set_word, _nudge_word, _nudge_word, _truncate, _splice, _insert_or_cut)


def mutants(seeds: list[Seed], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Mutated files, the same ones for the same arguments."""
    rng = random.Random(seed)
    for index in range(count):
        chosen = rng.choice(seeds)
        data = bytearray(chosen.data)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            mutation = rng.choice(MUTATIONS)
            if not data:
                break

            def pick(size: int = len(data), places: list[int] = chosen.places) -> int:
                place = rng.choice(places) if rng.random() < 0.9 else rng.randrange(size)
                return min(place, size - 1)

            mutation(data, pick, rng)
        yield f"{chosen.name}#{seed}.{index}", bytes(data)


def _use(graph: Graph) -> None:
    """What a caller may do with a file that was accepted."""
    assert read(to_bytes(graph)) == graph
    for index, subgraph in enumerate(graph.subgraphs):
        for operator in range(len(subgraph.operators)):
            macs(graph, index, operator)
    slice_operators(graph, range(len(graph.main.operators) // 2))
    for use in (legacy_metadata, lambda graph: set_io(graph, "uint8", "float32")):
        with suppress(LittoralError):
            use(graph)


def try_one(name: str, data: bytes, outcome: Outcome, *, keep: bool = False) -> None:
    """Read one mutant and note what became of it."""
    outcome.count += 1
    graph = None
    tracemalloc.clear_traces()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    start = time.perf_counter()
    try:
        graph = read(data)
    except ModelFileError as error:
        outcome.refusals[_kind(str(error))] += 1
    except BaseException as error:
        outcome.crashes.append(f"{name}: {type(error).__name__}: {error}")
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1] - before
    if seconds > outcome.longest:
        outcome.longest, outcome.longest_name = seconds, name
    band = max(start for start in BANDS if len(data) >= start)
    worst = (round(peak / max(len(data), 1), 2), peak, name)
    outcome.memory[band] = max(outcome.memory.get(band, worst), worst)
    if graph is not None:
        outcome.parsed += 1
        if keep:
            outcome.kept.append((name, data))
        try:
            _use(graph)
        except BaseException as error:
            outcome.crashes.append(f"{name}: in use: {type(error).__name__}: {error}")


def _kind(message: str) -> str:
    """A refusal without its numbers and names."""
    words = message.split(": ", 2)[1 if " is damaged" in message else -1].split()
    return " ".join(word for word in words if not any(character.isdigit() for character in word))[:60]


def _share(folder: Path, count: int, seed: int, native: int) -> Outcome:
    """One process's part."""
    seeds = load_seeds(folder)
    outcome = Outcome()
    tracemalloc.start()
    for name, data in mutants(seeds, count, seed):
        unchanged = any(data == real.data for real in seeds)
        try_one(name, data, outcome, keep=len(outcome.kept) < native and not unchanged)
    tracemalloc.stop()
    return outcome


def run_native(kept: list[tuple[str, bytes]], folder: Path) -> Counter[str]:
    """Run mutants in LiteRT, each in a child process: how many ran, were refused, hung or killed the process."""
    folder.mkdir(parents=True, exist_ok=True)
    results: Counter[str] = Counter()
    for name, data in kept:
        path = folder / f"{name}.tflite"
        path.write_bytes(data)
        try:
            child = subprocess.run([sys.executable, "-c", _RUN_NATIVE, path], capture_output=True, timeout=60)
            code = child.returncode
        except subprocess.TimeoutExpired:
            code = 256
        result = {0: "ran", 1: "refused", 256: "hung"}.get(code, f"killed by signal {-code}")
        results[result] += 1
        if code in (0, 1):
            path.unlink()
        else:
            print(f"  {result}: {path}", flush=True)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--native", type=int, default=0, metavar="N", help="run N accepted mutants in LiteRT")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-native"), help="where those that kill it are kept")
    default = os.environ.get("LITTORAL_TEST_DATA", root.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    args = parser.parse_args()
    each = -(-args.count // PROCESSES)
    with ProcessPoolExecutor(PROCESSES) as pool:
        shares = [
            pool.submit(_share, args.data, each, args.seed * PROCESSES + index, -(-args.native // PROCESSES))
            for index in range(PROCESSES)
        ]
        outcomes = [share.result() for share in shares]
    return _report(outcomes, args.keep)


def _report(outcomes: list[Outcome], keep: Path) -> int:
    refusals = sum((outcome.refusals for outcome in outcomes), Counter[str]())
    slowest = max(outcomes, key=lambda outcome: outcome.longest)
    crashes = [crash for outcome in outcomes for crash in outcome.crashes]
    figures = {
        "mutants": sum(outcome.count for outcome in outcomes),
        "parsed": sum(outcome.parsed for outcome in outcomes),
        "refused": sum(refusals.values()),
        "crashes": len(crashes),
        "longest seconds, under tracemalloc": (round(slowest.longest, 3), slowest.longest_name),
        "peak memory in file sizes and bytes": {
            f"{band >> 10} KB and more": max(outcome.memory[band] for outcome in outcomes if band in outcome.memory)
            for band in BANDS
        },
    }
    print(json.dumps(figures, indent=2))
    for kind, count in refusals.most_common(25):
        print(f"  {count:6} {kind}")
    for crash in crashes[:50]:
        print(f"CRASH {crash}")
    kept = [pair for outcome in outcomes for pair in outcome.kept]
    if kept:
        print("in LiteRT:", dict(run_native(kept, keep)))
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
