"""Tuning and device auto with a real accelerator on a real model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from littoral import tune
from littoral.runtime import load
from littoral.runtime.choices import Winner, fingerprint, remember


def test_openvino_holds_on_real_photos_and_auto_moves_there(
    openvino: None, flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    file = flowers / "models" / "model.tflite"
    tuned = tune(
        file, samples=flowers / "images", count=8, devices=["openvino:f32", "openvino:f64"], threads=1, seconds=0.02
    )
    _, single, unknown = tuned.candidates
    assert single.holds
    assert single.noise is not None
    assert single.noise < 1e-3
    assert "F64" in unknown.refused
    remember(fingerprint(file), Winner("openvino:f32", 1))  # whoever was faster just now
    picture = np.random.default_rng(0).uniform(0, 255, (1, 100, 100, 3)).astype(np.float32)
    with load(file, "auto", threads=1) as model:
        before = np.asarray(model(picture))
        model.warm_up()
        assert model.device == "openvino:f32"
        assert model.placement.accelerated == 1
        np.testing.assert_allclose(np.asarray(model(picture)), before, atol=1e-4)
