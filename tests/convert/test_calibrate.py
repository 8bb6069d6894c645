from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from littoral.convert.calibrate import calibrate
from littoral.data import Sample
from littoral.errors import DataError, InputError, SourceError
from littoral.tflite import Buffer, Graph, read

Digits = tuple[NDArray[Any], NDArray[Any]]


@pytest.fixture(scope="module")
def graph(models: Path) -> Graph:
    return read(models / "digits.tflite")


def samples(arrays: Iterable[NDArray[Any]]) -> Iterator[Sample]:
    return (Sample({"": array}, None, f"x[{i}]") for i, array in enumerate(arrays))


def every_tensor(path: Path, arrays: Iterable[NDArray[Any]]) -> dict[str, tuple[float, float]]:
    """The slow way: an interpreter that keeps every tensor."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    native = Interpreter(
        str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF, experimental_preserve_all_tensors=True
    )
    native.allocate_tensors()
    found: dict[str, tuple[float, float]] = {}
    for array in arrays:
        native.set_tensor(native.get_input_details()[0]["index"], array[np.newaxis])
        native.invoke()
        for detail in native.get_tensor_details():
            if detail["dtype"] is np.float32:
                value = native.get_tensor(detail["index"])
                low, high = found.get(detail["name"], (np.inf, -np.inf))
                found[detail["name"]] = min(low, value.min()), max(high, value.max())
    return found


def test_ranges_are_those_of_the_slow_way(models: Path, graph: Graph, digits: Digits) -> None:
    ranges = calibrate(graph, samples(digits[0][:20]))
    slow = every_tensor(models / "digits.tflite", digits[0][:20])
    made = {graph.main.tensors[i].name for operator in graph.main.operators for i in operator.outputs}
    assert set(ranges.tensors) == made | {graph.main.tensors[graph.main.inputs[0]].name}
    for name, span in ranges.tensors.items():
        np.testing.assert_allclose(span, slow[name], rtol=1e-5, atol=1e-6)
    assert ranges.samples == 20
    assert ranges.inputs == {"image": (0.0, 1.0)}


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(12)))
def test_the_order_of_samples_changes_no_bit(graph: Graph, digits: Digits, order: list[int]) -> None:
    assert calibrate(graph, samples(digits[0][order])) == calibrate(graph, samples(digits[0][:12]))


def test_memory_does_not_grow_with_the_number_of_samples(graph: Graph, digits: Digits) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        calibrate(graph, samples(digits[0][i % 10] * 1.0 for i in range(count)))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(5)
    # The smallest of three: garbage that waits for its collection is noise.
    few, many = (min(peak(count) for _ in range(3)) for count in (5, 800))
    assert many < few + 20_000


def test_inputs_are_fed_by_name(models: Path) -> None:
    graph = read(models / "two-inputs.tflite")
    rng = np.random.default_rng(0)
    wide, narrow = rng.uniform(0, 1, (5, 4)).astype(np.float32), rng.uniform(-9, -8, (5, 3)).astype(np.float32)
    given = [Sample({"narrow": n, "wide": w}, None, "") for n, w in zip(narrow, wide, strict=True)]
    ranges = calibrate(graph, given)
    assert ranges.inputs == {
        "wide": (wide.min(), wide.max()),
        "narrow": (narrow.min(), narrow.max()),
    }


def test_progress_is_told_after_each_sample(graph: Graph, digits: Digits) -> None:
    told: list[tuple[str, int, int]] = []
    calibrate(graph, samples(digits[0][:3]), total=3, progress=lambda *event: told.append(event))
    assert told == [("calibrating", 1, 3), ("calibrating", 2, 3), ("calibrating", 3, 3)]


def test_nothing_to_calibrate_on(graph: Graph) -> None:
    with pytest.raises(DataError, match="there are no samples to calibrate on"):
        calibrate(graph, [])


def test_samples_of_another_shape(graph: Graph) -> None:
    with pytest.raises(InputError, match=r"input 'image' .* got shape \[9, 9, 1\]"):
        calibrate(graph, samples(np.zeros((1, 9, 9, 1), np.float32)))


def test_nan_in_a_sample(graph: Graph) -> None:
    with pytest.raises(SourceError, match=r"x\[0\]"):
        calibrate(graph, samples(np.full((1, 8, 8, 1), np.nan, np.float32)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_that_the_model_computes_names_the_operator(models: Path, digits: Digits, bad: float) -> None:
    graph = read(models / "digits.tflite")
    second = [operator for operator in graph.main.operators if operator.name == "CONV_2D"][1]
    bias = graph.main.tensors[second.inputs[2]]
    bias.buffer = Buffer(data=np.full(bias.shape, bad, np.float32).tobytes())
    output = graph.main.tensors[second.outputs[0]].name
    with pytest.raises(SourceError) as caught:
        calibrate(graph, samples(digits[0][:1]))
    assert f"NaN or infinity in CONV_2D '{output}' for x[0]" in str(caught.value)
    assert graph.signatures  # the graph is as it was
