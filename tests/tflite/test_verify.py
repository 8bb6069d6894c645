"""Graphs that are well formed and make no sense."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.errors import ModelFileError
from littoral.tflite import (
    Buffer,
    Graph,
    Metadata,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
    TensorMap,
    TensorType,
    check,
    read,
)
from littoral.tflite.edit import copied
from littoral.tflite.enums import DimensionType
from littoral.tflite.graph import BlockwiseQuantization, DimensionMetadata, Int32Vector, Sparsity, Uint8Vector
from littoral.tflite.options.control import WhileOptions
from littoral.tflite.options.convolution import Conv2DOptions, DepthwiseConv2DOptions, Pool2DOptions
from littoral.tflite.options.dense import FullyConnectedOptions
from littoral.tflite.options.elementwise import AddOptions
from littoral.tflite.wire import Record


def refused(graph: Graph, what: str) -> None:
    with pytest.raises(ModelFileError, match=f"^the graph cannot be used: .*{what}"):
        check(graph)


def put(record: Record, **changes: Any) -> None:
    for name, value in changes.items():
        assert hasattr(record, name)
        setattr(record, name, value)


def test_good_graphs_pass(adder: Graph, counter: Graph, quantized: Graph) -> None:
    for graph in (adder, counter, quantized):
        check(graph)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"shape": (-4,)}, "negative size"),
        ({"shape": (1 << 16, 1 << 16)}, "more than can be computed with"),
        ({"shape": (1,) * 33}, "33 dimensions"),
        ({"shape_signature": (1, 4)}, "do not go together"),
        ({"shape_signature": (-2,)}, "do not go together"),
        ({"external_buffer": 1}, "in another file"),
        ({"buffer": Buffer(data=bytes(15))}, "has 15 bytes, and FLOAT32 of shape (4,) needs 16"),
        ({"buffer": Buffer(data=b""), "type": TensorType.INT4}, "has 0 bytes, and INT4 of shape (4,) needs 2"),
        ({"buffer": Buffer(data=bytes(2)), "type": TensorType.INT2}, "has 2 bytes, and INT2 of shape (4,) needs 1"),
        ({"buffer": Buffer(data=bytes(16)), "is_variable": True}, "variable with a value"),
    ],
)
def test_tensors(adder: Graph, changes: dict[str, Any], what: str) -> None:
    adder.main.tensors.append(Tensor(**{"name": "odd", "shape": (4,), **changes}))
    refused(adder, rf"tensor 3 \(odd\): .*{re.escape(what)}")


@pytest.mark.parametrize(
    "data",
    [b"", b"\1\0\0\0", b"\xff\xff\xff\xff", b"\1\0\0\0\x0c\0\0\0\xff\0\0\0a", b"\1\0\0\0\x00\0\0\0\x0d\0\0\0a"],
)
def test_strings(adder: Graph, data: bytes) -> None:
    tensor = Tensor(shape=(1,), type=TensorType.STRING, buffer=Buffer(data=b"\1\0\0\0\x0c\0\0\0\x0d\0\0\0a"))
    adder.main.tensors.append(tensor)
    check(adder)
    tensor.buffer = Buffer(data=data)
    refused(adder, "strings")


def floats(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, "<f4")


def longs(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, "<i8")


@pytest.mark.parametrize(
    ("quantization", "what"),
    [
        (Quantization(scale=floats(1, 2), zero_point=longs(0)), "2 scales and 1 zero points"),
        (Quantization(scale=floats(1, 2, 3), zero_point=longs(0, 0, 0)), "3 scales along dimension 0"),
        (Quantization(scale=floats(1), zero_point=longs(0), quantized_dimension=1), "along dimension 1, and has 1"),
        (Quantization(scale=floats(1), zero_point=longs(0), quantized_dimension=-1), "along dimension -1"),
        (Quantization(scale=floats(0), zero_point=longs(0)), "not a positive number"),
        (Quantization(scale=floats(-1), zero_point=longs(0)), "not a positive number"),
        (Quantization(scale=floats(np.nan), zero_point=longs(0)), "not a positive number"),
        (Quantization(scale=floats(np.inf), zero_point=longs(0)), "not a positive number"),
        (Quantization(scale=floats(1), zero_point=longs(128)), "zero point that INT8 cannot hold"),
        (Quantization(scale=floats(1), zero_point=longs(2**62)), "zero point that INT8 cannot hold"),
        (Quantization(details=BlockwiseQuantization(scales=99)), "a tensor that is not there"),
        (Quantization(details=BlockwiseQuantization(scales=0, zero_points=-2)), "a tensor that is not there"),
        (Quantization(details=BlockwiseQuantization(block_size=-1)), "blocks have -1 elements"),
    ],
)
def test_quantization(quantized: Graph, quantization: Quantization, what: str) -> None:
    quantized.main.tensors[0].quantization = quantization
    refused(quantized, what)


def sparse() -> Tensor:
    """[[0, 5, 0], [6, 7, 0]] with only 5, 6 and 7 stored."""
    columns = DimensionMetadata(
        format=DimensionType.SPARSE_CSR,
        array_segments=Uint8Vector(values=np.array([0, 1, 3], "u1")),
        array_indices=Int32Vector(values=np.array([1, 0, 1], "<i4")),
    )
    sparsity = Sparsity(traversal_order=(0, 1), dim_metadata=[DimensionMetadata(dense_size=2), columns])
    values = np.array([5, 6, 7], "<f4").tobytes()
    return Tensor(name="sparse", shape=(2, 3), buffer=Buffer(data=values), sparsity=sparsity)


def segments(*values: int) -> Callable[[Sparsity], None]:
    return lambda sparsity: put(sparsity.dim_metadata[1], array_segments=Uint8Vector(values=np.array(values, "u1")))


def indices(*values: int) -> Callable[[Sparsity], None]:
    return lambda sparsity: put(sparsity.dim_metadata[1], array_indices=Int32Vector(values=np.array(values, "<i4")))


def test_sparse_tensors_pass(adder: Graph) -> None:
    adder.main.tensors.append(sparse())
    check(adder)
    data = adder.main.tensors[3].data
    assert data is not None
    assert data.tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    "change",
    [
        segments(0, 1),
        segments(1, 1, 3),
        segments(0, 3, 1),
        segments(0, 1, 9),
        indices(1, 0, 3),
        indices(1, 0, -1),
        indices(1, 0),
        lambda sparsity: put(sparsity, traversal_order=(0, 0)),
        lambda sparsity: put(sparsity, traversal_order=(0, 2)),
        lambda sparsity: put(sparsity, dim_metadata=sparsity.dim_metadata[:1]),
        lambda sparsity: put(sparsity, block_map=(7,), traversal_order=(0, 1, 2)),
        lambda sparsity: put(sparsity.dim_metadata[0], dense_size=3),
        lambda sparsity: put(sparsity.dim_metadata[1], array_indices=None),
    ],
)
def test_sparsity(adder: Graph, change: Callable[[Sparsity], None]) -> None:
    tensor = sparse()
    assert tensor.sparsity is not None
    change(tensor.sparsity)
    adder.main.tensors.append(tensor)
    refused(adder, "sparsity")


def test_blocks_of_sparse_tensors(adder: Graph) -> None:
    """[2, 4] in blocks of two columns, of which the second of the first row is stored."""
    blocks = DimensionMetadata(
        format=DimensionType.SPARSE_CSR,
        array_segments=Uint8Vector(values=np.array([0, 1, 1], "u1")),
        array_indices=Uint8Vector(values=np.array([1], "u1")),
    )
    dense = DimensionMetadata(dense_size=2)
    sparsity = Sparsity(traversal_order=(0, 1, 2), block_map=(1,), dim_metadata=[dense, blocks, dense])
    tensor = Tensor(shape=(2, 4), buffer=Buffer(data=bytes(8)), sparsity=sparsity)
    adder.main.tensors.append(tensor)
    check(adder)
    tensor.buffer = Buffer(data=bytes(12))
    refused(adder, "3 values stored, and its sparsity speaks of 2")
    sparsity.dim_metadata[2] = DimensionMetadata(dense_size=3)
    refused(adder, "do not fill a dimension")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"inputs": (0, 99)}, "operator 0 .ADD.: it reads tensor 99, and there are 3"),
        ({"inputs": (0, -1)}, "input 1 is absent"),
        ({"inputs": (0, -2)}, "reads tensor -2"),
        ({"outputs": (3,)}, "writes tensor 3"),
        ({"outputs": (-1,)}, "writes tensor -1"),
        ({"intermediates": (5,)}, "keeps tensor 5"),
        ({"inputs": (0, 2)}, "reads tensor 2 before any operator writes it"),
        ({"outputs": (1,)}, "writes tensor 1, which is a constant or an input"),
        ({"outputs": (0,)}, "writes tensor 0, which is a constant or an input"),
        ({"outputs": (2, 2)}, "another output has written already"),
        ({"inputs": (0,)}, "has 1 inputs, and needs 2"),
        ({"outputs": ()}, "has 0 outputs, and needs 1"),
        ({"code": OperatorCode(builtin_code=4711)}, "operator 4711 is unknown: the file may be newer"),
        ({"code": OperatorCode(builtin_code=-3, deprecated_builtin_code=-3)}, "operator -3 is unknown"),
    ],
)
def test_operators(adder: Graph, changes: dict[str, Any], what: str) -> None:
    adder.main.operators[0] = adder.main.operators[0].replaced(**changes)
    refused(adder, what)


def test_operators_in_a_circle(adder: Graph) -> None:
    code, options = OperatorCode.of("ADD"), AddOptions()
    adder.main.tensors.append(Tensor(shape=(4,)))
    adder.main.operators = [
        Operator(code=code, inputs=(0, 3), outputs=(2,), options=options),
        Operator(code=code, inputs=(2, 0), outputs=(3,), options=options),
    ]
    refused(adder, r"operator 0 .ADD. reads tensor 3 before any operator writes it")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"inputs": (7,)}, "its inputs name tensor 7"),
        ({"outputs": (-1,)}, "its outputs name tensor -1"),
        ({"operators": []}, "nothing writes tensor 2, which is an output"),
    ],
)
def test_subgraphs(adder: Graph, changes: dict[str, Any], what: str) -> None:
    put(adder.main, **changes)
    refused(adder, what)


def test_graphs(adder: Graph) -> None:
    refused(adder.replaced(version=4), "version 4")
    refused(adder.replaced(subgraphs=[]), "no subgraph")
    refused(adder.replaced(metadata=[Metadata()]), "metadata entry has no name")


@pytest.mark.parametrize(
    ("signature", "what"),
    [
        (Signature(inputs=[], outputs=[]), "has no name"),
        (Signature(key="run", inputs=[], outputs=[], subgraph_index=1), "names subgraph 1, and there are 1"),
        (Signature(key="run", inputs=[TensorMap(name="x", tensor_index=3)], outputs=[]), "names tensor 3"),
        (Signature(key="run", inputs=[TensorMap(tensor_index=0)], outputs=[]), "tensor 0 has no name in it"),
    ],
)
def test_signatures(adder: Graph, signature: Signature, what: str) -> None:
    refused(adder.replaced(signatures=[signature]), what)


def test_calls_of_subgraphs_that_are_not_there(counter: Graph) -> None:
    counter.main.operators[0] = counter.main.operators[0].replaced(
        options=WhileOptions(cond_subgraph_index=1, body_subgraph_index=3)
    )
    refused(counter, "runs subgraph 3, and there are 3")


@pytest.mark.parametrize("body", [0, 2])
def test_subgraphs_that_run_themselves(counter: Graph, body: int) -> None:
    options = WhileOptions(cond_subgraph_index=1, body_subgraph_index=body)
    loop = Operator(code=OperatorCode.of("WHILE"), inputs=(0,), outputs=(2,), options=options)
    put(counter.subgraphs[2], operators=[loop])
    refused(counter, "runs itself")


def convolution(name: str, options: Any, filter_shape: tuple[int, ...] = (1, 1, 1, 1)) -> Graph:
    """One operator over a picture of 1 x 4 x 4 x 1, with a filter and a bias."""
    count = int(np.prod(filter_shape))
    tensors = [
        Tensor(shape=(1, 4, 4, 1)),
        Tensor(shape=filter_shape, buffer=Buffer(data=bytes(4 * count))),
        Tensor(shape=(1, 4, 4, 1)),
        Tensor(shape=(1,), buffer=Buffer(data=bytes(4))),
    ]
    operator = Operator(code=OperatorCode.of(name), inputs=(0, 1, 3), outputs=(2,), options=options)
    main = Subgraph(tensors=tensors, operators=[operator], inputs=(0,), outputs=(2,))
    return Graph(subgraphs=[main], metadata=[], signatures=[])


STEPS = {"stride_w": 1, "stride_h": 1}
WINDOW = {**STEPS, "filter_width": 2, "filter_height": 2}


@pytest.mark.parametrize(
    ("name", "options", "fields"),
    [
        ("CONV_2D", Conv2DOptions, {**STEPS, "dilation_w_factor": 1, "dilation_h_factor": 1}),
        ("DEPTHWISE_CONV_2D", DepthwiseConv2DOptions, {**STEPS, "dilation_w_factor": 1, "dilation_h_factor": 1}),
        ("MAX_POOL_2D", Pool2DOptions, WINDOW),
        ("AVERAGE_POOL_2D", Pool2DOptions, WINDOW),
    ],
)
def test_numbers_that_kernels_divide_by(name: str, options: Any, fields: dict[str, int]) -> None:
    check(convolution(name, options(**fields)))
    for field in fields:
        for value in (0, -1, 2**30):
            refused(convolution(name, options(**{**fields, field: value})), f"its {field} is {value}")
    refused(convolution(name, None), f"lacks its {options.__name__}")
    refused(convolution(name, AddOptions()), f"lacks its {options.__name__}")


STEP = Conv2DOptions(stride_w=1, stride_h=1)


@pytest.mark.parametrize("shape", [(1, 1, 1, 0), (1, 1, 1), ()])
def test_filters_of_other_shapes(shape: tuple[int, ...]) -> None:
    refused(convolution("CONV_2D", STEP, shape), "should have 4 dimensions, none of them 0")


def test_biases_that_do_not_fit() -> None:
    """XNNPACK reads as many biases as the filter has channels, whatever the bias says: LiteRT 2.3.0."""
    refused(convolution("CONV_2D", STEP, (8, 1, 1, 1)), r"bias of shape \(1,\) should have 8 values")
    steps = DepthwiseConv2DOptions(stride_w=1, stride_h=1)
    refused(convolution("DEPTHWISE_CONV_2D", steps, (1, 1, 1, 8)), "should have 8 values")
    refused(convolution("FULLY_CONNECTED", FullyConnectedOptions(), (8, 1)), "should have 8 values")


def test_depthwise_convolutions_without_a_bias() -> None:
    """LiteRT 2.3.0 dies of them."""
    graph = convolution("DEPTHWISE_CONV_2D", DepthwiseConv2DOptions(stride_w=1, stride_h=1))
    graph.main.operators[0].inputs = (0, 1)
    refused(graph, "has 2 inputs, and needs 3")
    graph.main.operators[0].inputs = (0, 1, -1)
    refused(graph, "input 2 is absent")


def test_pictures_without_elements() -> None:
    graph = convolution("CONV_2D", STEP)
    graph.main.tensors[0].shape = (1, 4, 4, 0)
    refused(graph, "input 0 has no elements")


def test_constants_that_grow_when_dequantized(adder: Graph) -> None:
    """XNNPACK reads as much of the constant as the result has: LiteRT 2.3.0."""
    half = Tensor(shape=(4,), type=TensorType.FLOAT16, buffer=Buffer(data=bytes(8)))
    adder.main.tensors += [half, Tensor(shape=(4,))]
    adder.main.operators.append(Operator(code=OperatorCode.of("DEQUANTIZE"), inputs=(3,), outputs=(4,)))
    check(adder)
    adder.main.tensors[4].shape = (4000,)
    refused(adder, r"makes \(4000,\) of a constant of \(4,\)")


def test_biases_may_be_absent() -> None:
    graph = convolution("FULLY_CONNECTED", FullyConnectedOptions(), (1, 1))
    graph.main.operators[0].inputs = (0, 1, -1)
    check(graph)
    graph.main.operators[0].inputs = (0, -1, 1)
    refused(graph, "input 1 is absent")


def test_custom_operators_may_have_anything(adder: Graph) -> None:
    adder.main.operators[0] = Operator(code=OperatorCode.of("mine"), inputs=(-1, 0, -1), outputs=(2,))
    check(adder)


@pytest.mark.parametrize("options", [None, b"", b"\x00", b"\xff" * 40])
def test_detection_post_processing_needs_options_that_can_be_read(coral: Path, options: bytes | None) -> None:
    graph = copied(read(coral / "automl_video_ondevice" / "traffic_model.tflite"))
    operators = graph.main.operators
    place = next(i for i, operator in enumerate(operators) if operator.name == "TFLite_Detection_PostProcess")
    check(graph)
    operators[place] = operators[place].replaced(custom_options=options)
    refused(graph, "custom options")
