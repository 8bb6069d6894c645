from __future__ import annotations

from pathlib import Path

import pytest

from littoral.check.environment import cores
from littoral.check.latency import _Timed, bench, one_and_all, summarise
from littoral.errors import DeviceError, ModelFileError


def timed(*rounds: list[float]) -> _Timed:
    return _Timed("m", "cpu", 1, lambda: None, first=9.0, rounds=list(rounds))


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
    found = bench(
        [models / "model.tflite", models / "model_integer.tflite"],
        devices=["cpu", "cpu:reference"],
        threads=[1, None],
        seconds=0.01,
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert [(one.name, one.device, one.threads) for one in found] == [
        (name, device, threads)
        for name in ("model.tflite", "model_integer.tflite")
        for device in ("cpu", "cpu:reference")
        for threads in (1, cores())
    ]
    assert all(one.runs >= 1 and 0 < one.best <= one.p50 <= one.p90 <= one.p99 for one in found)
    assert [one.ratio for one in found[:4]] == [1.0] * 4
    assert told[-1][1] == told[-1][2]


def test_one_and_all_starts_with_one() -> None:
    assert one_and_all()[0] == 1
    assert one_and_all()[-1] == cores()
    assert len(set(one_and_all())) == len(one_and_all())


def test_what_cannot_run_is_an_error(models: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        bench([models / "model_full_integer_edgetpu.tflite"])
    with pytest.raises(ModelFileError):
        bench([tmp_path / "missing.tflite"])
