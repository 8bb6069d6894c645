"""Every real model file, read and written again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.tflite import read, to_bytes, write

UNKNOWN_TO_LITERT = ("edgetpu-custom-op", "PosenetDecoderOp", "fake-op-double")


def test_the_graph_is_the_same(model_file: Path) -> None:
    graph = read(model_file)
    again = read(to_bytes(graph))
    assert again == graph
    assert to_bytes(again) == to_bytes(graph)
    assert [op.custom_options for op in again.main.operators] == [op.custom_options for op in graph.main.operators]


def test_the_size_stays(model_file: Path) -> None:
    old = model_file.stat().st_size
    assert len(to_bytes(read(model_file))) <= 1.005 * old + 200


def test_outputs_are_bit_equal(model_file: Path, run: Callable[..., list[np.ndarray[Any, Any]]]) -> None:
    graph = read(model_file)
    if any(operator.name in UNKNOWN_TO_LITERT for operator in graph.main.operators):
        pytest.skip("LiteRT has no kernel for an operator of it; the graphs are compared above")
    before = run(model_file.read_bytes())
    after = run(to_bytes(graph))
    assert [value.tobytes() for value in before] == [value.tobytes() for value in after]


def test_weights_behind_the_flatbuffer(flowers: Path, run: Callable[..., list[np.ndarray[Any, Any]]]) -> None:
    graph = read(flowers / "models" / "model.tflite")
    far = to_bytes(graph, limit=20_000)
    assert far != to_bytes(graph)
    assert read(far) == graph
    assert run(far)[0].tobytes() == run(to_bytes(graph))[0].tobytes()


def test_a_file_may_be_written_over_itself(coral: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes((coral / "mobilenet_v1_0.25_128_quant.tflite").read_bytes())
    graph = read(path)
    graph.set_metadata("littoral", b"{}")
    write(graph, path)
    again = read(path)
    assert again == graph
    assert bytes(again.metadata_entry("littoral") or b"") == b"{}"
    assert list(tmp_path.iterdir()) == [path]
