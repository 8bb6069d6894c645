from __future__ import annotations

import threading
from pathlib import Path

import pytest

from littoral.check.bench import _throughput, bench, callers
from littoral.check.latency import Timed
from littoral.devices import usable_cores
from littoral.errors import DeviceError, ModelFileError


def test_every_combination_is_a_row_in_order(models: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    found = bench(
        [models / "model.tflite", models / "model_integer.tflite"],
        devices=["cpu", "cpu:reference"],
        threads=[1],
        seconds=0.01,
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert [(one.name, one.device, one.threads) for one in found] == [
        (name, device, 1) for name in ("model.tflite", "model_integer.tflite") for device in ("cpu", "cpu:reference")
    ]
    for one in found:
        assert one.latency is not None
        assert one.start is not None
        assert one.throughput > 0
        assert one.callers == usable_cores()
        assert one.start.load > 0
        assert one.start.first > 0
        assert (one.start.memory or 0) > 100_000
    assert found[0].latency is not None
    assert found[0].latency.ratio == 1.0
    assert {stage for stage, _, _ in told} == {"latency", "throughput", "start"}


def test_a_device_that_does_not_work_is_a_row_with_its_reason(models: Path) -> None:
    gpu, cpu, warp = bench([models / "model.tflite"], devices=["gpu", "cpu", "warp"], threads=[1], seconds=0.01)
    assert (gpu.latency, warp.latency, gpu.start, cpu.refused) == (None, None, None, "")
    assert "does not run on gpu" in gpu.refused or "there is no device gpu" in gpu.refused
    assert "there is no device 'warp'" in warp.refused
    assert cpu.latency is not None
    assert cpu.latency.ratio == 1.0  # the first that runs


def test_when_nothing_runs_it_is_an_error(models: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DeviceError, match=r"nothing could be measured. model.tflite on warp: there is no device 'warp'"
    ):
        bench([models / "model.tflite"], devices=["warp"], threads=[1], seconds=0.01)
    with pytest.raises(ModelFileError):
        bench([tmp_path / "missing.tflite"])


def test_throughput_has_all_cores_call_at_once() -> None:
    together = threading.Barrier(callers(1))
    seen: set[int] = set()

    def call() -> None:
        if len(seen) < callers(1):
            together.wait(20)
        seen.add(threading.get_ident())

    assert _throughput(Timed("m", "cpu", 1, call), 0.01) > 0
    assert len(seen) == callers(1) == usable_cores()
    assert callers(usable_cores()) == callers(10_000) == 1


def test_a_failure_under_load_is_the_models() -> None:
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise DeviceError("the cable came off")

    one = Timed("m", "card", 1, call)
    assert _throughput(one, 0.01) == 0
    assert str(one.error) == "the cable came off"
