from __future__ import annotations

from pathlib import Path

import pytest

from littoral.check.latency import Timed, alternate, latencies, one_and_all, summarise
from littoral.devices import usable_cores
from littoral.errors import DeviceError, ModelFileError


def timed(*rounds: list[float]) -> Timed:
    return Timed("m", "cpu", 1, lambda: None, first=9.0, rounds=list(rounds))


def test_percentiles_are_over_all_calls_and_leave_out_the_first() -> None:
    found = summarise(timed([1.0, 2.0], [3.0], [4.0, 5.0]), timed([1.0]))
    assert (found.runs, found.best, found.p50, found.first) == (5, 1.0, 3.0, 9.0)
    assert found.p90 == pytest.approx(4.6)
    assert found.p99 == pytest.approx(4.96)


def test_a_ratio_is_taken_within_rounds_so_that_common_noise_cancels() -> None:
    base = timed([1.0], [10.0], [1.0], [3.0])
    found = summarise(timed([2.0], [20.0], [2.0], [6.0]), base)
    assert (found.ratio, found.noise) == (2.0, 0.0)
    assert summarise(base, base).ratio == 1.0


def test_noise_is_the_spread_of_the_ratio() -> None:
    found = summarise(timed([1.0], [2.0], [3.0]), timed([1.0], [1.0], [1.0]))
    assert found.ratio == 2.0
    assert found.noise == pytest.approx((2.8 - 1.2) / 2 / 2)


def test_a_slow_model_with_fewer_rounds_is_compared_over_those_that_it_has() -> None:
    assert summarise(timed([4.0]), timed([2.0], [100.0])).ratio == 2.0


def test_every_combination_is_measured_in_order(models: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    found = latencies(
        [models / "model.tflite", models / "model_integer.tflite"],
        threads=[1, 2],
        seconds=0.01,
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert [(one.name, one.device, one.threads) for one in found] == [
        (name, "cpu", threads) for name in ("model.tflite", "model_integer.tflite") for threads in (1, 2)
    ]
    assert all(one.runs >= 1 and 0 < one.best <= one.p50 <= one.p90 <= one.p99 for one in found)
    assert [one.ratio for one in found[:2]] == [1.0] * 2
    assert told[-1][1] == told[-1][2]


def test_one_that_fails_does_not_stop_the_others() -> None:
    calls = 0

    def fails_later() -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise DeviceError("the cable came off")

    good, bad = Timed("m", "cpu", 1, lambda: None), Timed("m", "card", 1, fails_later)
    alternate([bad, good], 0.01)
    assert str(bad.error) == "the cable came off"
    assert good.error is None
    assert good.spent > 0


def test_one_and_all_starts_with_one() -> None:
    assert one_and_all()[0] == 1
    assert one_and_all()[-1] == usable_cores()
    assert len(set(one_and_all())) == len(one_and_all())


def test_what_cannot_run_is_an_error(models: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        latencies([models / "model_full_integer_edgetpu.tflite"], threads=[1], seconds=0.01)
    with pytest.raises(ModelFileError):
        latencies([tmp_path / "missing.tflite"], threads=[1], seconds=0.01)
