"""Run a TensorFlow program of littoral in a child process, and turn what happens to it into a result or one error."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from littoral.errors import DataError, LittoralError, MissingExtraError, SourceError

Progress = Callable[[str], None]
"""Is told in a few words what is being done now."""

TIMEOUT = 1800.0
"""Seconds that one child may take before it is ended."""

_LAST_WORDS = 4000


def run_child(
    module: str,
    request: dict[str, Any],
    *,
    work: Path,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
    hint: str = "",
) -> dict[str, Any]:
    """Run `python -m module` with a JSON request and return its JSON result.

    The child gets a process group of its own and is killed with it when this function is left in any way. Its temporary
    files go to `work`.

    Args:
        module: The full name of a module of littoral.convert.child.
        request: What to do; its "name" is what error messages call the model.
        work: A folder for temporary files, removed by the caller.
        progress: Told what the child is doing.
        timeout: Seconds until the child is ended.
        hint: The way out to suggest when the child crashes natively.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        SourceError, DataError: The child refused, failed, crashed or took too long.
    """
    if find_spec("tensorflow") is None:
        raise MissingExtraError("TensorFlow", "convert")
    with tempfile.TemporaryFile() as words:
        read_end, write_end = os.pipe()
        with contextlib.closing(os.fdopen(read_end, "rb", buffering=0)) as pipe:
            try:
                child = _start(module, write_end, words, work)
            finally:
                os.close(write_end)
            with _ended(child):
                _send(child, request)
                outcome = _listen(pipe, progress, time.monotonic() + timeout)
                if outcome is None:
                    raise SourceError(
                        f"TensorFlow did not finish with {request['name']} within {timeout:.0f} s",
                        "Give it more time or a smaller model",
                    )
                code = child.wait() if not outcome else 0
        if "result" in outcome:
            result: dict[str, Any] = outcome["result"]
            return result
        raise _failure(outcome, code, request["name"], _tail(words), hint)


def _start(module: str, pipe: int, words: IO[bytes], work: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TMPDIR": str(work), "CUDA_VISIBLE_DEVICES": "-1", "TF_ENABLE_ONEDNN_OPTS": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", module, str(pipe)],
        stdin=subprocess.PIPE,
        stdout=words,
        stderr=words,
        pass_fds=[pipe],
        env=environment,
        start_new_session=True,
    )


def _send(child: subprocess.Popen[bytes], request: dict[str, Any]) -> None:
    """Write the request and keep the pipe open: its end is how the child learns of our death."""
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # the exit code will tell why
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()


def _listen(pipe: IO[bytes], progress: Progress | None, deadline: float) -> dict[str, Any] | None:
    """Follow the child's events to its result or error; {} when it went without a word, None at the deadline."""
    rest = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0]:
            continue
        if not (piece := pipe.read(65536)):
            return {}
        *lines, rest = (rest + piece).split(b"\n")
        for event in map(json.loads, lines):
            if "progress" not in event:
                return dict(event)
            if progress:
                progress(event["progress"])
    return None


def _failure(outcome: dict[str, Any], code: int, name: str, words: str, hint: str) -> LittoralError:
    """What the parent raises for a refusal, an exception or a crash of the child."""
    if error := outcome.get("error"):
        kind, cause, remedy = error["kind"], error["cause"], error["remedy"]
        if kind == "missing":
            return MissingExtraError(cause, "convert")
        if kind == "unexpected":
            return SourceError(f"TensorFlow could not convert {name}: {one_line(cause)}", hint)
        return (DataError if kind == "data" else SourceError)(cause, remedy)
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return SourceError(
            f"TensorFlow was killed while it worked on {name}, as happens when memory runs out",
            "Free some memory, or convert on a machine that has more",
        )
    how = f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
    return SourceError(f"TensorFlow {how} while it worked on {name}", hint or words)


def _tail(words: IO[bytes]) -> str:
    """The last line that the child wrote, for want of anything better."""
    size = words.seek(0, os.SEEK_END)
    words.seek(max(0, size - _LAST_WORDS))
    lines = [line for line in words.read().decode(errors="replace").splitlines() if line.strip()]
    return f"Its last words: {lines[-1].strip()}" if lines else ""


def one_line(text: str, limit: int = 300) -> str:
    """The text with its whitespace, line breaks too, folded to single spaces, cut at `limit` characters."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 3] + "..."
