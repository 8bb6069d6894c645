"""The builder records calls as a program, once, and only what its outputs need."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from littoral import webnn
from littoral.webnn import Call, Descriptor, Ref
from littoral.webnn.program import Value

PAIR = {"dataType": "float32", "shape": [2]}


@pytest.fixture
def builder() -> webnn.MLGraphBuilder:
    return webnn.MLGraphBuilder(webnn.MLContext("cpu", None, True))


def test_calls_are_recorded_with_their_defaults(builder: webnn.MLGraphBuilder) -> None:
    x = builder.input("x", {"dataType": "float32", "shape": [1, 4, 4, 1]})
    w = builder.constant(np.ones((2, 3, 3, 1), np.float32))
    y = builder.conv2d(x, w, {"inputLayout": "nhwc", "label": "first"}, filter_layout="ohwi")
    program = builder.record({"y": y})
    options: dict[str, Value] = {
        "padding": (0, 0, 0, 0),
        "strides": (1, 1),
        "dilations": (1, 1),
        "groups": 1,
        "inputLayout": "nhwc",
        "filterLayout": "ohwi",
    }
    assert program.calls == (Call("conv2d", {"input": Ref(0), "filter": Ref(1)}, options, (2,), "first"),)
    assert program.operands[2] == Descriptor("float32", (1, 2, 2, 2))
    assert (program.inputs, program.outputs) == ({"x": 0}, {"y": 2})
    assert repr(y) == "MLOperand(float32, [1, 2, 2, 2])"
    assert (y.dataType, y.data_type, y.shape) == ("float32", "float32", (1, 2, 2, 2))


def test_only_what_outputs_need_is_kept(builder: webnn.MLGraphBuilder) -> None:
    x, unused = builder.input("x", PAIR), builder.input("unused", PAIR)
    one, _ = builder.constant("float32", 1), builder.constant("float32", 2)
    builder.add(unused, one)
    halves = builder.split(builder.mul(x, one), 2)
    program = builder.record({"half": halves[1], "twice": halves[1]})
    assert [call.operation for call in program.calls] == ["mul", "split"]
    assert list(program.inputs) == ["x"]
    assert [array.tolist() for array in program.constants.values()] == [1.0]
    assert program.outputs["half"] == program.outputs["twice"]


def test_a_long_chain_is_recorded_in_order(builder: webnn.MLGraphBuilder) -> None:
    x = builder.input("x", PAIR)
    for _ in range(5000):
        x = builder.relu(x)
    program = builder.record({"y": x})
    assert [call.outputs[0] for call in program.calls] == list(range(1, 5001))


@pytest.mark.parametrize(
    ("data_type", "value", "stored"),
    [
        ("float32", 1.5, np.array(1.5, np.float32)),
        ("int8", 1000, np.array(127, np.int8)),
        ("uint8", -0.5, np.array(0, np.uint8)),
        ("uint64", 2**64 - 1, np.array(2**64 - 1, np.uint64)),
        ("float16", float("inf"), np.array(np.inf, np.float16)),
    ],
)
def test_constants_of_numbers_are_cast(
    builder: webnn.MLGraphBuilder, data_type: str, value: float, stored: Any
) -> None:
    program = builder.record({"y": builder.identity(builder.constant(data_type, value))})
    np.testing.assert_array_equal(program.constants[0], stored, strict=True)


def test_constants_of_buffers_stay_as_they_were(builder: webnn.MLGraphBuilder) -> None:
    array = np.array([1, 2], np.float32)
    kept = [builder.constant(PAIR, array), builder.constant(array), builder.constant(PAIR, array.tobytes())]
    array[:] = 9
    program = builder.record({str(n): builder.identity(each) for n, each in enumerate(kept)})
    assert [value.tolist() for value in program.constants.values()] == [[1, 2]] * 3
    assert not any(value.flags.writeable for value in program.constants.values())


def test_what_nobody_can_change_is_not_copied(builder: webnn.MLGraphBuilder) -> None:
    array = np.frombuffer(bytes(8), np.float32)
    program = builder.record({"y": builder.identity(builder.constant(array))})
    assert np.shares_memory(program.constants[0], array)


def test_bool_arrays_are_uint8(builder: webnn.MLGraphBuilder) -> None:
    assert builder.constant(np.array([True, False])).data_type == "uint8"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("float64", 1), "constant: the data type is 'float64'. Accepted: float32"),
        (("float32", "1"), "constant: the value is of type str, and must be a number"),
        (("float32", None), "constant: the value is of type NoneType, and must be a number"),
        (("float32", True), "constant: the value is of type bool, and must be a number"),
        (("float32", 1 + 2j), "constant: the value is of type complex, and must be a number"),
        ((np.zeros(2),), "constant: the data type is 'float64'. Accepted: float32"),
        ((np.zeros(2, np.float32), np.zeros(2)), "constant: the descriptor is of type ndarray, and must be a mapping"),
        ((PAIR, np.zeros(3, np.float32)), "constant: the buffer has 12 bytes, and [2] takes 8"),
        ((PAIR,), "constant: the tensor is of type dict, and must be an MLTensor"),
    ],
)
def test_other_constants_are_refused(builder: webnn.MLGraphBuilder, arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(TypeError) as raised:
        builder.constant(*arguments)
    assert words in str(raised.value)


def test_names_of_inputs_are_their_own(builder: webnn.MLGraphBuilder) -> None:
    builder.input("x", PAIR)
    with pytest.raises(TypeError, match="there is an input 'x' already"):
        builder.input("x", PAIR)
    with pytest.raises(TypeError, match="the name is '', and must be a string that is not empty"):
        builder.input("", PAIR)


def test_operands_of_another_builder_are_refused(builder: webnn.MLGraphBuilder) -> None:
    x = builder.input("x", PAIR)
    other = webnn.MLGraphBuilder(webnn.MLContext("cpu", None, True)).input("x", PAIR)
    with pytest.raises(TypeError, match="add: b is an MLOperand of another builder"):
        builder.add(x, other)
    with pytest.raises(TypeError, match=r"concat: inputs\[1\] is an MLOperand of another builder"):
        builder.concat([x, other], 0)
    with pytest.raises(TypeError, match="build: output 'y' is an MLOperand of another builder"):
        builder.record({"y": other})


def test_outputs_are_computed_and_named(builder: webnn.MLGraphBuilder) -> None:
    x, one = builder.input("x", PAIR), builder.constant("float32", 1)
    for outputs, words in [
        ({}, "there are no outputs"),
        ([x], "there are no outputs"),
        ({"y": x}, "output 'y' is an input or a constant"),
        ({"y": one}, "output 'y' is an input or a constant"),
        ({"": builder.relu(x)}, "the output's name is ''"),
        ({"y": 3}, "output 'y' is of type int, and must be an MLOperand"),
    ]:
        with pytest.raises(TypeError) as raised:
            builder.record(outputs)  # type: ignore[arg-type]
        assert words in str(raised.value)


def test_a_call_that_breaks_a_rule_changes_nothing(builder: webnn.MLGraphBuilder) -> None:
    x = builder.input("x", PAIR)
    with pytest.raises(TypeError):
        builder.reshape(x, [3])
    assert len(builder.record({"y": builder.relu(x)}).operands) == 2


def test_a_builder_builds_once(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    x = builder.input("x", PAIR)
    outputs = {"y": builder.add(x, x)}
    with pytest.raises(TypeError):
        builder.build({"y": x})  # a wrong output is no build
    builder.build(outputs)
    for again in (
        lambda: builder.build(outputs),
        lambda: builder.add(x, x),
        lambda: builder.input("z", PAIR),
        lambda: builder.constant("float32", 1),
        lambda: asyncio.run(builder.build_async(outputs)),
    ):
        with pytest.raises(webnn.InvalidStateError, match="this MLGraphBuilder has built its graph"):
            again()


def test_it_builds_while_other_coroutines_go_on(context: webnn.MLContext) -> None:
    async def build() -> webnn.MLGraph:
        builder = webnn.MLGraphBuilder(context)
        x = builder.input("x", PAIR)
        return await builder.build_async({"y": builder.add(x, x)})

    graph = asyncio.run(build())
    assert graph.run({"x": np.ones(2, np.float32)})["y"].tolist() == [2, 2]


def test_a_lost_context_builds_nothing(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    context.destroy()
    with pytest.raises(webnn.InvalidStateError, match="the context is lost: the context was destroyed"):
        builder.input("x", PAIR)
    with pytest.raises(webnn.InvalidStateError, match="the context is lost"):
        webnn.MLGraphBuilder(context)


def test_constants_may_be_tensors(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    tensor = context.create_constant_tensor(PAIR, np.array([1, 2], np.float32))
    x = builder.input("x", PAIR)
    graph = builder.build({"y": builder.add(x, builder.constant(tensor))})
    tensor.destroy()  # the graph keeps the value
    assert graph.run({"x": np.ones(2, np.float32)})["y"].tolist() == [2, 3]


def test_tensors_that_are_no_constants_are_refused(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    with pytest.raises(TypeError, match="constant: the tensor is not constant"):
        builder.constant(context.create_tensor(PAIR))
    with webnn.create_context() as other, pytest.raises(TypeError, match="constant: the tensor is of another context"):
        builder.constant(other.create_constant_tensor(PAIR, bytes(8)))
    tensor = context.create_constant_tensor(PAIR, bytes(8))
    y = builder.identity(builder.constant(tensor))
    tensor.destroy()
    with pytest.raises(TypeError, match="constant: the tensor is destroyed"):
        builder.constant(tensor)
    with pytest.raises(TypeError, match="build, a constant: the tensor is destroyed"):
        builder.build({"y": y})


def test_replaying_a_program_records_it_again(builder: webnn.MLGraphBuilder) -> None:
    x = builder.input("x", {"dataType": "float32", "shape": [4, 4]})
    w = builder.constant(np.eye(4, dtype=np.float32))
    low, high = builder.split(builder.gemm(x, w, c=builder.constant("float32", 2), alpha=0.5, label="mix"), [1, 3])
    both = builder.concat([builder.clamp(high, maxValue=6), builder.softmax(low, axis=1)], 0)
    program = builder.record({"y": builder.pad(both, [1, 0], [0, 2], mode="edge"), "low": low})

    again = webnn.MLGraphBuilder(webnn.MLContext("cpu", None, True))
    second = again.record(webnn.replay(program, again))
    assert [call.operation for call in second.calls] == [call.operation for call in program.calls]
    assert [call.options for call in second.calls] == [call.options for call in program.calls]
    assert [call.label for call in second.calls] == [call.label for call in program.calls]
    for first, copied in zip(program.outputs.items(), second.outputs.items(), strict=True):
        assert first[0] == copied[0]
        assert program.operands[first[1]] == second.operands[copied[1]]
    kept = [sorted(value.tobytes() for value in each.constants.values()) for each in (program, second)]
    assert kept[0] == kept[1]
