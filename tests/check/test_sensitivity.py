from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from littoral.check.measure import Samples
from littoral.check.sensitivity import sensitivity
from littoral.errors import DataError, SourceError
from littoral.tflite import Buffer, read, to_bytes

CONVOLUTIONS = (0, 2, 4)
DENSE = (6, 7)


def coarse_weights(file: Path, operator: int, levels: int = 8) -> bytes:
    """The model file with one operator's weights rounded to a few levels, as a quantization of it alone would do."""
    graph = read(file)
    weights = graph.main.tensors[graph.main.operators[operator].inputs[1]]
    assert weights.data is not None
    step = np.abs(weights.data).max() / levels
    weights.buffer = Buffer(data=(np.round(weights.data / step) * step).astype("<f4").tobytes())
    return to_bytes(graph)


def test_operators_come_worst_first(models: Path, photos: Samples) -> None:
    file = models / "model.tflite"
    levels = {0: 2, 2: 64, 4: 1000, 6: 1000, 7: 1000}
    told: list[tuple[str, int, int | None]] = []
    found = sensitivity(
        file,
        [*CONVOLUTIONS, *DENSE],
        lambda operator: coarse_weights(file, operator, levels[operator]),
        photos,
        limit=4,
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert [one.index for one in found][:2] == [0, 2]
    assert all(a.error and b.error and a.error.sqnr_db <= b.error.sqnr_db for a, b in pairwise(found))
    assert told == [("sensitivity", done, 5) for done in range(1, 6)]
    worst = found[0]
    assert (worst.kind, worst.output, worst.macs) == ("CONV_2D", "sequential_10/conv2d_19/Relu", 4_320_000)
    assert worst.weight_bytes == (16 * 3 * 3 * 3 + 16) * 4
    assert worst.agreement is not None
    assert worst.agreement.total == 4


def test_the_order_does_not_depend_on_threads(models: Path, photos: Samples) -> None:
    file = models / "model.tflite"
    one, four = (
        sensitivity(file, CONVOLUTIONS, lambda op: coarse_weights(file, op), photos, limit=2, threads=threads)
        for threads in (1, 4)
    )
    assert one == four


def test_an_operator_that_cannot_be_quantized_comes_first_and_says_why(models: Path, photos: Samples) -> None:
    file = models / "model.tflite"

    def make(operator: int) -> bytes:
        if operator == 7:
            raise SourceError("no kernel for it")
        return coarse_weights(file, operator)

    found = sensitivity(file, DENSE, make, photos, limit=2)
    assert (found[0].index, found[0].error, found[0].refused) == (7, None, "no kernel for it")
    assert found[1].error is not None


def test_a_variant_that_does_not_run_is_recorded(models: Path, photos: Samples) -> None:
    found = sensitivity(models / "model.tflite", [0], lambda _: b"no model", photos, limit=1)
    assert found[0].error is None
    assert found[0].refused


def test_an_untouched_operator_makes_no_noise(models: Path, photos: Samples) -> None:
    content = (models / "model.tflite").read_bytes()
    found = sensitivity(models / "model.tflite", [0], lambda _: content, photos, limit=1)
    assert found[0].error is not None
    assert found[0].error.sqnr_db == np.inf


def test_no_samples_is_an_error(models: Path) -> None:
    with pytest.raises(DataError, match="no samples"):
        sensitivity(models / "model.tflite", [0], lambda _: b"", lambda: iter(()))
