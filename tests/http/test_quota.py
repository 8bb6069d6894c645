"""Quotas: the rate holds over any time, bursts are as large as agreed, and processes share them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.http.quota import Quotas


def test_a_burst_and_then_the_rate() -> None:
    quotas = Quotas()
    assert [quotas.take(3, 10.0, 2.0, 100.0) for _ in range(2)] == [0.0, 0.0]
    assert quotas.take(3, 10.0, 2.0, 100.0) == pytest.approx(0.1)
    assert quotas.take(3, 10.0, 2.0, 100.05) == pytest.approx(0.05)
    assert quotas.take(3, 10.0, 2.0, 100.1) == 0.0
    assert quotas.take(4, 10.0, 2.0, 100.1) == 0.0  # another token's


@given(st.lists(st.floats(0.0, 0.5), max_size=60), st.floats(0.5, 50.0), st.floats(1.0, 10.0))
def test_never_more_than_agreed(pauses: list[float], rate: float, burst: float) -> None:
    quotas, now, taken = Quotas(), 1000.0, []
    for pause in pauses:
        now += pause
        wait = quotas.take(0, rate, burst, now)
        if wait == 0.0:
            taken.append(now)
        else:
            assert quotas.take(0, rate, burst, now + wait * 0.99 - 1e-6) > 0.0
    for i, start in enumerate(taken):
        for j, end in enumerate(taken[i:], 1):
            assert j <= burst + (end - start) * rate + 1e-3


def test_processes_share_it() -> None:
    quotas = Quotas()
    code = "import sys; from littoral.http.quota import Quotas; q = Quotas(int(sys.argv[1]))\n"
    code += "print(sum(q.take(7, 1.0, 500.0, 50.0) == 0.0 for _ in range(400)))"
    command = [sys.executable, "-c", code, str(quotas.descriptor)]
    children = [
        subprocess.Popen(command, pass_fds=(quotas.descriptor,), stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert sum(int(child.communicate()[0]) for child in children) == 500
