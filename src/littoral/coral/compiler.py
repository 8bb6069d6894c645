"""Drive edgetpu_compiler, Google's closed program, where it is installed."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from littoral.coral.compiler_log import Log, Result, parse, read_table
from littoral.coral.placement import refuse_compiled
from littoral.coral.rules import NEWEST_RUNTIME, OLDEST_RUNTIME
from littoral.data import Contract
from littoral.errors import InputError, SourceError
from littoral.runtime import contract_of, embed, main_inputs, main_outputs
from littoral.tflite import Graph, read, write

PROGRAM = "edgetpu_compiler"
TIMEOUT = 600.0
"""Seconds that the compiler may take."""

HOW_TO_GET = (
    "It is Google's Debian package edgetpu-compiler for x86-64 Linux (coral.ai/docs/edgetpu/compiler); "
    "on other machines run it in a container"
)
Progress = Callable[[str, int, int | None], None]
"""Is told (stage, done, total); total is None."""

_SEGMENTS = range(1, 17)


@dataclass(frozen=True)
class Compilation:
    """What the compiler made.

    Attributes:
        version: Of the compiler.
        seconds: From start to end.
        files: What was written, one for each result: a file a model, or one a segment.
        results: What the compiler says of each.
    """

    version: str
    seconds: float
    files: tuple[Path, ...]
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Request:
    """What to ask of the compiler.

    Attributes:
        segments: Cut the model into so many, for a pipeline of Edge TPUs.
        search_delegate: Where the whole does not compile, search for the longest part from the front that does.
        runtime_version: The oldest runtime that the result must work with, 10 to 14; None for the compiler's default.
        timeout: Seconds, for all of it.

    Raises:
        InputError: A value is out of its range.
    """

    segments: int = 1
    search_delegate: bool = False
    runtime_version: int | None = None
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        if self.segments not in _SEGMENTS:
            raise InputError(f"a model cannot be cut into {self.segments} segments", "Accepted: 1 to 16")
        version = self.runtime_version
        if version is not None and not OLDEST_RUNTIME <= version <= NEWEST_RUNTIME:
            accepted = f"Accepted: {OLDEST_RUNTIME} to {NEWEST_RUNTIME}"
            raise InputError(f"there is no Edge TPU runtime version {version}", accepted)
        if self.timeout <= 0:
            raise InputError(f"a time limit of {self.timeout:g} s is none", "Accepted: more than 0")

    def arguments(self, models: Sequence[Path], folder: Path) -> list[str]:
        """The command line, without the program."""
        words = ["--show_operations", "--out_dir", str(folder), "--timeout_sec", str(max(1, round(self.timeout)))]
        if self.segments > 1:
            words += ["--num_segments", str(self.segments)]
        if self.search_delegate:
            words.append("--search_delegate")
        if self.runtime_version is not None:
            words += ["--min_runtime_version", str(self.runtime_version)]
        return [*words, *(str(Path.cwd() / model) for model in models)]

    def outputs(self, models: Sequence[Path]) -> list[str]:
        """The names of the files that the compiler will make."""
        if self.segments == 1:
            return [f"{model.stem}_edgetpu.tflite" for model in models]
        stem, count = models[0].stem, self.segments
        return [f"{stem}_segment_{index}_of_{count}_edgetpu.tflite" for index in range(count)]


def find() -> Path | None:
    """The compiler on PATH; None where there is none."""
    found = shutil.which(PROGRAM)
    return Path(found) if found else None


def compile(  # noqa: A001 - the seam's name
    model: str | os.PathLike[str],
    folder: str | os.PathLike[str] = ".",
    request: Request | None = None,
    *,
    beside: Sequence[str | os.PathLike[str]] = (),
    progress: Progress | None = None,
) -> Compilation:
    """Compile a model file for the Edge TPU: FOLDER/NAME_edgetpu.tflite, or NAME_segment_I_of_N_edgetpu.tflite.

    The contract of the model goes along. Files are written when all of them are made, or not at all.

    Args:
        model: A quantized model file.
        folder: Where to write, made where it is missing.
        request: What to ask of the compiler.
        beside: Models that will share the chip's memory with this one; each is compiled too.
        progress: Told what the compiler is doing.

    Raises:
        SourceError: The compiler is not here, refuses the model, crashes or takes too long.
        InputError: Two models of one name, or several to cut into segments.
        ModelFileError: A file is not a model file, or is compiled already.
    """
    request = request or Request()
    models = [Path(os.fspath(one)) for one in (model, *beside)]
    names = request.outputs(models)
    if len(set(names)) < len(names):
        raise InputError("two of the models have one name, so would their compiled files", "Rename one of them")
    if request.segments > 1 and beside:
        raise InputError("several models are not cut into segments together", "Cut them one after the other")
    graphs = [read(one) for one in models]
    for graph, one in zip(graphs, models, strict=True):
        refuse_compiled(graph, one.name)
    program = find()
    if program is None:
        raise SourceError(f"{PROGRAM} is not on this machine", HOW_TO_GET)
    output = Path(os.fspath(folder))
    output.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".littoral-", dir=output) as work:
        command = [str(program), *request.arguments(models, Path(work))]
        log = parse(_run(command, request.timeout, models[0].name, progress))
        results = _results(log, Path(work), names, models[0].name)
        for index, name in enumerate(names):
            _carry(graphs[min(index, len(graphs) - 1)], Path(work) / name)
        for name in names:
            (Path(work) / name).replace(output / name)
    files = tuple(output / name for name in names)
    return Compilation(log.version, time.monotonic() - start, files, tuple(results))


def _results(log: Log, work: Path, names: Sequence[str], model: str) -> list[Result]:
    """What the compiler says of each file, in the order of `names`, if it made all of them.

    Raises:
        SourceError: It did not.
    """
    if missing := [name for name in names if not (work / name).is_file()]:
        if log.failures:
            failure = log.failures[0]
            raise SourceError(f"{PROGRAM} refuses {model}: {failure.line}", failure.remedy)
        said = f"version {log.version}" if log.version else "it printed no version"
        raise SourceError(f"{PROGRAM} ({said}) made no {missing[0]} and gave no reason", "Try --search-delegate")
    said_of = {Path(result.output).name: result for result in log.results}
    if unknown := [name for name in names if name not in said_of]:
        raise SourceError(
            f"{PROGRAM} made {unknown[0]} but says nothing that littoral can read of it", "Run it by hand"
        )
    return [_with_table(said_of[name], work / name) for name in names]


def _with_table(result: Result, file: Path) -> Result:
    """With the operators from its .log file, where they were not printed."""
    log = file.with_suffix(".log")
    if result.table or not log.is_file():
        return result
    return replace(result, table=read_table(log.read_text(errors="replace")))


def _run(command: Sequence[str], timeout: float, model: str, progress: Progress | None) -> str:
    """Run the compiler to its end and return all that it prints. Whatever happens, no process of it is left."""
    deadline = time.monotonic() + timeout
    with _started(command) as child:
        assert child.stdout is not None
        pieces: list[bytes] = []
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([child.stdout], [], [], left)[0]:
                continue
            if not (piece := os.read(child.stdout.fileno(), 65536)):
                return b"".join(pieces).decode(errors="replace")
            pieces.append(piece)
            if progress:
                _tell(piece.decode(errors="replace"), progress)
    raise SourceError(f"{PROGRAM} did not finish with {model} within {timeout:g} s", "Give it more time (--timeout)")


@contextlib.contextmanager
def _started(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The compiler in a process group of its own, as it starts others; all of them are gone afterwards."""
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"{command[0]} cannot be started: {reason}", HOW_TO_GET) from error
    with child:
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)


def _tell(piece: str, progress: Progress) -> None:
    for line in piece.splitlines():
        if line.startswith(("Searching for", "Try to compile segment", "Started a compilation", "Model compiled")):
            progress(f"{PROGRAM}: {line.strip().rstrip('.')}", 0, None)


def _carry(source: Graph, file: Path) -> None:
    """Put the source's contract into a compiled file: of a segment, what concerns its inputs and outputs."""
    contract = contract_of(source)
    if contract is None:
        return
    made = read(file)
    carried = _of_part(contract, source, made)
    if carried.inputs or carried.labels:
        embed(made, carried)
        write(made, file)


def _of_part(contract: Contract, source: Graph, part: Graph) -> Contract:
    """The contract with the inputs that the part has, by their tensors; labels where it has an output of the whole."""
    whole = main_inputs(source)
    tensors = {"": whole[0].tensor} if len(whole) == 1 else {}
    tensors |= {name: info.tensor for info in whole for name in (info.tensor, info.name)}
    names = {info.tensor: info.name for info in main_inputs(part)}
    inputs = tuple(
        replace(one, name=names[tensors[one.name]]) for one in contract.inputs if tensors.get(one.name) in names
    )
    ends = {info.tensor for info in main_outputs(part)} & {info.tensor for info in main_outputs(source)}
    return replace(contract, inputs=inputs, labels=contract.labels if ends else ())
