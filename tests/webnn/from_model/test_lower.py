"""Whole programs: names, regions, what is known before any run, what nothing needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.from_model.conftest import Given, Result, known, litert, model, round_trip, values

from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType
from littoral.tflite.options import BUILTIN_OPTIONS, elementwise, selection, shape
from littoral.tflite.options.reduction import ReducerOptions
from littoral.webnn import Program, from_model
from littoral.webnn.limits import own_limits


def chain(tensors: Sequence[Given], *operators: tuple[str, Sequence[int], Sequence[int], Any]) -> Graph:
    """Operators by name, inputs, outputs, options; what has no value and nobody makes is given, the last is wanted."""
    made = {place for _, _, outputs, _ in operators for place in outputs}
    inputs = tuple(n for n, each in enumerate(tensors) if each.value is None and n not in made)
    nodes = [
        Operator(
            code=OperatorCode.of(name),
            inputs=tuple(takes),
            outputs=tuple(gives),
            options=options if type(options) in BUILTIN_OPTIONS.values() else None,
        )
        for name, takes, gives, options in operators
    ]
    main = Subgraph(
        tensors=[each.tensor(f"t{n}") for n, each in enumerate(tensors)],
        inputs=inputs,
        outputs=(len(tensors) - 1,),
        operators=nodes,
    )
    return Graph(subgraphs=[main], metadata=[], signatures=[])


def ints(*value: int) -> Given:
    return known(np.array(value, np.int32))


def operations(program: Program) -> list[str]:
    return [call.operation for call in program.calls]


def test_shapes_are_computed_now() -> None:
    """What Keras makes of a reshape that keeps the batch: shape, its first item, a new shape of that and the rest."""
    number = Given((), TensorType.INT32)
    graph = chain(
        [
            Given((2, 3, 4)),
            Given((3,), TensorType.INT32),
            ints(0),
            ints(1),
            ints(1),
            number,
            known(np.array(12, np.int32)),
            Given((2,), TensorType.INT32),
            Given((2, 12)),
        ],
        ("SHAPE", [0], [1], shape.ShapeOptions(out_type=TensorType.INT32)),
        ("STRIDED_SLICE", [1, 2, 3, 4], [5], selection.StridedSliceOptions(shrink_axis_mask=1)),
        ("PACK", [5, 6], [7], shape.PackOptions(values_count=2)),
        ("RESHAPE", [0, 7], [8], shape.ReshapeOptions()),
    )
    program = from_model.lower(graph)
    assert operations(program) == ["reshape"]
    assert program.operands[program.outputs["t8"]].shape == (2, 12)


def test_large_fills_are_expanded() -> None:
    graph = chain(
        [ints(100, 100), known(np.array(3, np.float32)), Given((100, 100)), Given((100, 100)), Given((100, 100))],
        ("FILL", [0, 1], [2], None),
        ("ADD", [2, 3], [4], elementwise.AddOptions()),
    )
    program = from_model.lower(graph)
    assert operations(program) == ["expand", "add"]
    assert max(array.size for array in program.constants.values()) == 1


def test_half_weights_are_widened() -> None:
    graph = chain(
        [known(np.array([[1, 2]], np.float16)), Given((1, 2)), Given((1, 2)), Given((1, 2))],
        ("DEQUANTIZE", [0], [1], None),
        ("MUL", [1, 2], [3], elementwise.MulOptions()),
    )
    program = from_model.lower(graph)
    assert operations(program) == ["mul"]
    assert [array.dtype.name for array in program.constants.values()] == ["float32"]


def test_a_region_has_the_names_of_its_tensors() -> None:
    graph = chain(
        [Given((2,)), Given((2,)), Given((2,)), Given((2,))],
        ("ABS", [0], [1], None),
        ("NEG", [1], [2], None),
        ("EXP", [2], [3], None),
    )
    program = from_model.lower(graph, 0, [1])
    assert (list(program.inputs), list(program.outputs)) == (["t1"], ["t2"])
    assert from_model.edges(graph, 0, [1]) == ({"t1": 1}, {"t2": 2})
    assert operations(program) == ["neg"]


def test_what_is_known_or_given_goes_through_an_identity() -> None:
    """Builders take nothing else as an output; here it is an input, and what is known of its shape."""
    graph = chain([Given((2, 3)), Given((2,), TensorType.INT32)], ("SHAPE", [0], [1], shape.ShapeOptions()))
    graph.main.outputs = (1, 0)
    program = from_model.lower(graph)
    assert operations(program) == ["identity", "identity"]
    x = np.ones((2, 3), np.float32)
    answer = round_trip(program, {"t0": x})
    np.testing.assert_array_equal(answer["t1"], [2, 3])
    np.testing.assert_array_equal(answer["t0"], x)


def test_inputs_that_nothing_needs_are_left_out() -> None:
    graph = chain([Given((2,)), Given((2,)), Given((2,))], ("NEG", [1], [2], None))
    program = from_model.lower(graph)
    assert list(program.inputs) == ["t1"]


def test_a_cut_that_changes_nothing_is_left_out() -> None:
    """Of a quantized activation: its range says as much."""
    narrow = Result(TensorType.INT8, 6 / 255, -128)
    wide = Result(TensorType.INT8, 0.1, 0)
    inputs = (Given((2, 3), TensorType.INT8, scale=(0.02,)),)
    assert "clamp" not in operations(from_model.lower(model("RELU6", inputs, (narrow,))))
    assert "clamp" in operations(from_model.lower(model("RELU6", inputs, (wide,))))


@st.composite
def cuts(draw: st.DrawFn) -> tuple[list[int], list[int], list[int], dict[str, int]]:
    rank = draw(st.integers(1, 3))
    numbers = [draw(st.lists(st.integers(-6, 6), min_size=rank, max_size=rank)) for _ in range(2)]
    steps = draw(st.lists(st.sampled_from([-2, -1, 1, 2, 3]), min_size=rank, max_size=rank))
    masks = {name: draw(st.integers(0, 7)) for name in ("begin_mask", "end_mask")}
    special = draw(st.sampled_from(["", "new_axis_mask", "shrink_axis_mask", "ellipsis_mask"]))
    return numbers[0], numbers[1], steps, {**masks, **({special: 1} if special else {})}


@given(cuts())
@settings(max_examples=150, deadline=None)
def test_strided_slices_are_litert_s(cut: tuple[list[int], list[int], list[int], dict[str, int]]) -> None:
    begin, end, steps, masks = cut
    if masks.get("shrink_axis_mask"):
        begin[0], steps[0] = begin[0] % 4, 1
    options = selection.StridedSliceOptions().replaced(**masks)
    inputs = (Given((4, 5, 3)), ints(*begin), ints(*end), ints(*steps))
    graph = model("STRIDED_SLICE", inputs, (Result(),), options)
    given_values = values(inputs)
    wanted = litert(graph, given_values)
    if not wanted["y0"].size:
        (found,) = from_model.explain(graph, own_limits())
        assert found.reason == "its slice is empty"
        return
    np.testing.assert_array_equal(round_trip(from_model.lower(graph), given_values)["y0"], wanted["y0"])


CONSTANTS = [
    ("ADD", ([7, -3], [2]), elementwise.AddOptions()),
    ("SUB", ([7, -3], [2]), elementwise.SubOptions()),
    ("MUL", ([7, -3], [2]), elementwise.MulOptions()),
    ("DIV", ([7, -7, 6], [2]), elementwise.DivOptions()),
    ("FLOOR_DIV", ([7, -7, 6], [2]), None),
    ("FLOOR_MOD", ([7, -7, 6], [-4]), None),
    ("MAXIMUM", ([7, -3], [2]), None),
    ("MINIMUM", ([7, -3], [2]), None),
    ("NEG", ([7, -3],), None),
    ("CONCATENATION", ([7, -3], [2]), shape.ConcatenationOptions()),
    ("GATHER", ([7, -3, 5], [2, 0]), selection.GatherOptions()),
    ("EXPAND_DIMS", ([7, -3], [0]), shape.ExpandDimsOptions()),
    ("RESHAPE", ([7, -3], [2, 1]), shape.ReshapeOptions()),
    ("SLICE", ([7, -3, 5], [1], [-1]), selection.SliceOptions()),
    ("SUM", ([7, -3, 5], [0]), ReducerOptions()),
    ("REDUCE_PROD", ([7, -3, 5], [0]), ReducerOptions()),
    ("TRANSPOSE", ([[7, -3, 5]], [1, 0]), shape.TransposeOptions()),
    ("SQUEEZE", ([[7, -3, 5]],), shape.SqueezeOptions()),
    ("UNPACK", ([[7], [8]],), shape.UnpackOptions(num=2)),
    ("SPLIT", (0, [7, 8]), shape.SplitOptions(num_splits=2)),
    ("RANGE", (3, 11, 2), None),
    ("FILL", ([2, 3], 7), None),
]


@pytest.mark.parametrize(("name", "inputs", "options"), CONSTANTS, ids=[name for name, _, _ in CONSTANTS])
def test_constants_are_folded_as_litert_computes(name: str, inputs: tuple[Any, ...], options: Any) -> None:
    """All that is left of an operator on constants is its value."""
    arrays = [np.array(value, np.int32) for value in inputs]
    outputs = (Result(TensorType.INT32),) * (2 if name in ("UNPACK", "SPLIT") else 1)
    graph = model(name, [known(array) for array in arrays], outputs, options)
    program = from_model.lower(graph)
    assert set(operations(program)) == {"identity"}
    wanted = litert(graph, {})
    for output, operand in program.outputs.items():
        (call,) = (call for call in program.calls if operand in call.outputs)
        source = call.arguments["input"]
        np.testing.assert_array_equal(program.constants[source.operand], wanted[output])  # type: ignore[union-attr]


def test_an_unnamed_tensor_gets_a_name() -> None:
    graph = chain([Given((2,)), Given((2,))], ("NEG", [0], [1], None))
    graph.main.tensors = [Tensor(name="", shape=(2,), type=TensorType.FLOAT32) for _ in range(2)]
    assert from_model.edges(graph) == ({"input_0": 0}, {"output_0": 1})
    assert from_model.edges(graph, 0, [0]) == ({"input_0": 0}, {"output_0": 1})
