"""Programs of several calls: what is left out, joined and moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.webnn.to_model.conftest import run
from tests.webnn.to_model.test_convolution import convolved, values

from littoral import webnn
from littoral.webnn.errors import NotSupportedError
from littoral.webnn.program import Call, Descriptor, Program, Ref
from littoral.webnn.to_model import lower


@pytest.fixture
def builder() -> webnn.MLGraphBuilder:
    return webnn.MLGraphBuilder(webnn.create_context())


def names(program: Program) -> list[str]:
    """Its operators."""
    return [operator.name for operator in lower(program).main.operators]


def given(builder: webnn.MLGraphBuilder, *shape: int, name: str = "x", data_type: str = "float32") -> Any:
    """An input."""
    return builder.input(name, {"dataType": data_type, "shape": shape})


def test_a_network_in_channels_first_is_transposed_once_each_way(builder: webnn.MLGraphBuilder) -> None:
    first, second = values(1, (4, 3, 3, 3)), values(2, (4, 4, 1, 1))
    x = given(builder, 1, 3, 6, 6)
    y = builder.conv2d(x, builder.constant(first), padding=[1, 1, 1, 1])
    z = builder.conv2d(builder.relu(y), builder.constant(second), bias=builder.constant(values(3, (4,))))
    z = builder.concat([builder.add(y, builder.mul(z, builder.constant(values(4, (4, 1, 1))))), y], 1)
    z = builder.maxPool2d(z, windowDimensions=[2, 2], strides=[2, 2])
    program = builder.record({"output0": builder.softmax(z, 1)})
    found = names(program)
    assert found.count("TRANSPOSE") == 2
    assert sorted(found) == sorted(
        [
            "TRANSPOSE",
            "CONV_2D",
            "RELU",
            "CONV_2D",
            "MUL",
            "ADD",
            "CONCATENATION",
            "MAX_POOL_2D",
            "SOFTMAX",
            "TRANSPOSE",
        ]
    )
    picture = values(0, (1, 3, 6, 6))
    y0 = convolved(picture, first, (1,) * 4, (1, 1), (1, 1), 1)
    z0 = convolved(np.maximum(y0, 0), second, (0,) * 4, (1, 1), (1, 1), 1) + values(3, (4,))[:, None, None]
    z0 = np.concatenate([y0 + z0 * values(4, (4, 1, 1)), y0], 1).reshape(1, 8, 3, 2, 3, 2).max((3, 5))
    wanted = np.exp(z0) / np.exp(z0).sum(1, keepdims=True)
    np.testing.assert_allclose(run(program, {"x": picture})[0], wanted, rtol=2e-5)


@pytest.mark.parametrize("keep", [False, True])
def test_what_is_reduced_need_not_be_transposed(builder: webnn.MLGraphBuilder, keep: bool) -> None:
    x = builder.transpose(given(builder, 2, 3, 4, 5), permutation=[0, 3, 1, 2])
    program = builder.record({"output0": builder.reduceSum(x, axes=[2, 3], keepDimensions=keep)})
    assert "TRANSPOSE" not in names(program)
    picture = values(0, (2, 3, 4, 5))
    wanted = picture.transpose(0, 3, 1, 2).sum((2, 3), keepdims=keep)
    np.testing.assert_allclose(run(program, {"x": picture})[0], wanted, rtol=1e-5)


def test_transposes_that_undo_each_other_are_left_out(builder: webnn.MLGraphBuilder) -> None:
    x = given(builder, 2, 3, 4)
    y = builder.transpose(builder.abs(builder.transpose(x, permutation=[2, 0, 1])), permutation=[1, 2, 0])
    program = builder.record({"output0": y})
    assert names(program) == ["ABS"]
    value = values(0, (2, 3, 4))
    assert np.array_equal(run(program, {"x": value})[0], np.abs(value))


def test_a_transpose_of_single_elements_is_a_reshape(builder: webnn.MLGraphBuilder) -> None:
    program = builder.record({"output0": builder.transpose(given(builder, 1, 3, 1, 4), permutation=[2, 1, 3, 0])})
    assert names(program) == ["RESHAPE"]


@pytest.mark.parametrize("limits", [{"minValue": 0}, {"minValue": 0, "maxValue": 6}, {"minValue": -1, "maxValue": 1}])
def test_activations_are_applied_by_what_is_before(builder: webnn.MLGraphBuilder, limits: dict[str, Any]) -> None:
    x, weights = given(builder, 1, 4, 4, 2), values(1, (2, 1, 1, 2))
    y = builder.conv2d(x, builder.constant(weights), inputLayout="nhwc", filterLayout="ohwi")
    program = builder.record({"output0": builder.clamp(builder.add(builder.clamp(y, limits), x), limits)})
    assert names(program) == ["CONV_2D", "ADD"]
    picture = 3 * values(0, (1, 4, 4, 2))
    low, high = limits["minValue"], limits.get("maxValue", np.inf)
    wanted = np.clip(np.clip(picture @ weights[:, 0, 0].T, low, high) + picture, low, high)
    np.testing.assert_allclose(run(program, {"x": picture})[0], wanted, rtol=1e-5, atol=1e-6)


def test_an_activation_of_what_is_used_elsewhere_is_by_itself(builder: webnn.MLGraphBuilder) -> None:
    x = given(builder, 4)
    y = builder.add(x, x)
    program = builder.record({"sum": y, "positive": builder.relu(y)})
    assert names(program) == ["ADD", "RELU"]
    found = run(program, {"x": np.array([1, -1, 2, -2], np.float32)})
    assert found[0].tolist() == [2, -2, 4, -4]
    assert found[1].tolist() == [2, 0, 4, 0]


def test_booleans_between_operations_stay_booleans(builder: webnn.MLGraphBuilder) -> None:
    x = given(builder, 4)
    zero = builder.constant("float32", 0)
    inside = builder.logicalAnd(builder.greater(x, zero), builder.lesser(x, builder.constant("float32", 2)))
    program = builder.record({"output0": builder.where(inside, x, zero)})
    assert names(program) == ["GREATER", "LESS", "LOGICAL_AND", "SELECT_V2"]
    assert run(program, {"x": np.array([1, -1, 3, 1.5], np.float32)})[0].tolist() == [1, 0, 0, 1.5]


def test_scalars_go_in_and_come_out(builder: webnn.MLGraphBuilder) -> None:
    a, b = given(builder, name="a"), given(builder, name="b")
    found = run(builder.record({"output0": builder.mul(a, b)}), {"a": np.float32(3), "b": np.float32(4)})[0]
    assert (found.shape, found.tolist()) == ((), 12.0)


def test_outputs_may_be_inputs_constants_or_the_same(builder: webnn.MLGraphBuilder) -> None:
    x = given(builder, 2)
    y = builder.identity(builder.constant(np.array([5, 6], np.float32)))
    z = builder.neg(x)
    program = builder.record({"same": builder.identity(x), "known": y, "one": z, "two": builder.identity(z)})
    found = run(program, {"x": np.array([1, 2], np.float32)})
    assert [one.tolist() for one in found] == [[1, 2], [5, 6], [-1, -2], [-1, -2]]


def test_names_and_types_are_those_of_the_program(builder: webnn.MLGraphBuilder) -> None:
    x = given(builder, 2, 3, name="picture", data_type="float16")
    main = lower(builder.record({"answer": builder.exp(x)})).main
    inside, outside = main.tensors[main.inputs[0]], main.tensors[main.outputs[0]]
    assert (inside.name, inside.type.name, inside.shape) == ("picture", "FLOAT16", (2, 3))
    assert (outside.name, outside.type.name, outside.shape) == ("answer", "FLOAT16", (2, 3))


def test_weights_are_not_copied(builder: webnn.MLGraphBuilder) -> None:
    weights = np.ones((64, 3, 3, 64), np.float32)
    weights.flags.writeable = False
    x = given(builder, 1, 8, 8, 64)
    y = builder.conv2d(x, builder.constant(weights), inputLayout="nhwc", filterLayout="ohwi")
    graph = lower(builder.record({"output0": y}))
    constants = [tensor.data for tensor in graph.main.tensors if tensor.is_constant]
    assert any(data is not None and np.shares_memory(data, weights) for data in constants)


def test_what_has_no_lowering_is_named() -> None:
    one = Descriptor("float32", (1,))
    call = Call("fly", {"input": Ref(0)}, {}, (1,))
    with pytest.raises(NotSupportedError, match="fly"):
        lower(Program((one, one), {"x": 0}, {}, (call,), {"y": 1}))
