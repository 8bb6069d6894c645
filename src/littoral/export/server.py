"""A folder served on this machine, as a page needs it that is to have threads."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""The headers by which a browser isolates a page, and so lets WebAssembly have threads."""

_POLL = 0.02  # seconds until the server sees that it is to end


@contextmanager
def serving(folder: Path, headers: Mapping[str, str] = ISOLATION) -> Iterator[str]:
    """Serves a folder to this machine alone, until the block ends.

    Args:
        folder: What is served.
        headers: Sent with each file, beside the usual ones.

    Yields:
        Its address, with a slash at the end.
    """
    make = partial(_Handler, directory=str(folder), headers=headers)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), make) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL,), name="littoral-site")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files with further headers, and no word about it."""

    def __init__(self, *args: Any, headers: Mapping[str, str], **named: Any) -> None:
        self._further = headers
        super().__init__(*args, **named)

    def end_headers(self) -> None:
        for name, value in self._further.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        """Nothing."""
