"""The engine: one a process."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import threading
from littoral.functions.engine import engine
barrier, found = threading.Barrier(16), []
def ask():
    barrier.wait()
    found.append(engine())
threads = [threading.Thread(target=ask) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(set(map(id, found))))
"""


def test_threads_that_ask_first_get_the_same_one() -> None:
    assert subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout == "1\n"
