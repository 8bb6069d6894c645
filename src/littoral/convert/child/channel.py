"""The child's end of the conversation with its parent."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

Request = dict[str, Any]


class RefusalError(Exception):
    """The child cannot do what was asked, and knows why.

    Args:
        cause: What is wrong, as in LittoralError.
        remedy: The way out.
        kind: "source" or "data"; or "missing", and then the cause is what is not installed.
    """

    def __init__(self, cause: str, remedy: str = "", kind: str = "source") -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        self.kind = kind


def main(answer: Callable[[Request, Callable[[str], None]], dict[str, Any]]) -> None:
    """Read the request, answer it, and report the result, a refusal or an unexpected error to the parent.

    Args:
        answer: Takes the request and a function that reports progress in words; returns the result (JSON).
    """
    request: Request = json.loads(sys.stdin.buffer.readline())
    _die_with_parent()
    with os.fdopen(int(sys.argv[1]), "w") as pipe:

        def send(**event: object) -> None:
            pipe.write(json.dumps(event) + "\n")
            pipe.flush()

        try:
            send(result=answer(request, lambda words: send(progress=words)))
        except RefusalError as refusal:
            send(error={"kind": refusal.kind, "cause": refusal.cause, "remedy": refusal.remedy})
        except Exception as error:  # whatever TensorFlow raises is news for the parent
            traceback.print_exc()
            send(error={"kind": "unexpected", "cause": f"{type(error).__name__}: {error}", "remedy": ""})


def _die_with_parent() -> None:
    """Let the kernel end this process when the parent closes our standard input, which its death does too.

    A signal, not a thread that waits: TensorFlow holds the interpreter lock for long. SIGIO's default is to terminate.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:  # the parent went before we began to listen
        os.kill(os.getpid(), signal.SIGIO)
