"""How long a worker that failed has to wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from littoral.runtime.worker.backoff import Backoff


def test_none_then_doubled_up_to_the_limit() -> None:
    backoff, waits = Backoff(0.5, 3), []
    for _ in range(6):
        backoff.fail(100)
        waits.append(backoff.left(100))
    assert waits == [0, 0.5, 1, 2, 3, 3]
    assert (backoff.left(101), backoff.left(103), backoff.left(1000)) == (2, 0, 0)


def test_success_forgets() -> None:
    backoff = Backoff(0.5, 3)
    for _ in range(4):
        backoff.fail(0)
    backoff.succeed()
    assert (backoff.left(0), backoff.failures) == (0, 0)
    backoff.fail(0)
    assert backoff.left(0) == 0


@given(st.floats(0, 10), st.floats(0, 100), st.integers(1, 3000))
def test_it_never_waits_longer(first: float, longest: float, failures: int) -> None:
    backoff = Backoff(first, longest)
    for _ in range(failures):
        backoff.fail(0)
    assert 0 <= backoff.left(0) <= longest
