"""Twins: the pairs of the data are told apart from one that is none, and from pairs that are mixed up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.coral.packages import L, X, caching_pair, executable, graph, one, options, package

from littoral import check, tflite
from littoral.coral.twins import compare, compare_compiled
from littoral.errors import ModelFileError
from littoral.tflite import Buffer, Graph

PAIRS = {
    "cocompilation/mobilenet_v1_0.25_128_quant_cocompiled_with_3quant_edgetpu": "mobilenet_v1_0.25_128_quant",
    "cocompilation/mobilenet_v1_0.25_128_quant_cocompiled_with_mobilenet_v1_0.5_160_quant_edgetpu": (
        "mobilenet_v1_0.25_128_quant"
    ),
    "cocompilation/mobilenet_v1_0.5_160_quant_cocompiled_with_3quant_edgetpu": "mobilenet_v1_0.5_160_quant",
    "cocompilation/mobilenet_v1_0.5_160_quant_cocompiled_with_mobilenet_v1_0.25_128_quant_edgetpu": (
        "mobilenet_v1_0.5_160_quant"
    ),
    **{
        f"{name}_edgetpu": name
        for name in (
            "deeplabv3_mnv2_pascal_quant",
            "keras_lstm_mnist_ptq",
            "mobilenet_v1_0.25_128_quant",
            "mobilenet_v1_0.5_160_quant",
            "mobilenet_v1_1.0_224_quant_embedding_extractor",
            "movenet_single_pose_lightning_ptq",
            "posenet/posenet_mobilenet_v1_075_353_481_16_quant_decoder",
            "tools/split_concat",
            "../flowers/models/model_full_integer",
            "deeplab_mobilenet_edgetpu_slim_cityscapes_quant",
        )
    },
}
BODYPIX = "posenet/bodypix_mobilenet_v1_075_512_512_16_quant_decoder"


@pytest.fixture(scope="module")
def read(coral: Path) -> Callable[[str], Graph]:
    return lambda name: tflite.read(coral / f"{name}.tflite")


@pytest.mark.parametrize("name", PAIRS)
def test_the_pairs_of_the_data_are_twins(read: Callable[[str], Graph], name: str) -> None:
    twins = compare(read(PAIRS[name]), read(name))
    assert twins.differences == ()
    assert twins.same
    beside = len(read(name).main.operators) > 1
    assert len(twins.evidence) == 3 + beside


def test_bodypix_is_no_twin(read: Callable[[str], Graph]) -> None:
    twins = compare(read(BODYPIX), read(f"{BODYPIX}_edgetpu"))
    assert not twins.same
    assert twins.differences[0] == (
        "output 6 'float_part_heatmaps': quantization scale 0.08016497 zero point 77 | scale 0.0873417 zero point 71"
    )
    assert len(twins.differences) == 3
    assert "'float_heatmaps'" in twins.differences[1]  # inside of the model: only the segment's layers show it


def test_mixed_up_pairs_are_no_twins(read: Callable[[str], Graph]) -> None:
    """Every compiled file against every other model: all that are not listed as pairs differ."""
    models = {name: read(name) for name in sorted(set(PAIRS.values()))}
    for file, name in PAIRS.items():
        made = read(file)
        for other, model in models.items():
            assert compare(model, made).same == (other == name), (file, other)


def test_one_segment_of_a_pipeline_is_no_twin(read: Callable[[str], Graph]) -> None:
    segment = read("pipeline/ssd_mobilenet_v1_coco_quant_postprocess_segment_0_of_2_edgetpu")
    assert "the number of outputs: 1 | 2" in compare(read("mobilenet_v1_0.25_128_quant"), segment).differences


def test_other_constants_on_the_processor(read: Callable[[str], Graph]) -> None:
    model, made = read("deeplabv3_mnv2_pascal_quant"), read("deeplabv3_mnv2_pascal_quant_edgetpu")
    filters = made.main.tensors[made.main.operators[4].inputs[1]]
    data = np.array(filters.data)
    data.flat[5] ^= 1
    filters.buffer = Buffer(data=data.tobytes())
    (difference,) = compare(model, made).differences
    assert difference.startswith("CONV_2D with the output ")
    assert difference.endswith(" has other constants")


def test_an_operator_that_only_one_has(read: Callable[[str], Graph]) -> None:
    model, made = read("movenet_single_pose_lightning_ptq"), read("movenet_single_pose_lightning_ptq_edgetpu")
    gone = model.main.operators.pop()
    name = model.main.tensors[gone.outputs[0]].name
    assert f"{gone.name} with the output {name!r} is on one side only" in compare(model, made).differences


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "other"}, "input 0 'other': name other | input"),
        ({"shape": (1, 64, 64, 3)}, "input 0 'input': shape 1x64x64x3 | 1x128x128x3"),
        ({"type": tflite.TensorType.INT8}, "input 0 'input': type int8 | uint8"),
        ({"quantization": None}, "input 0 'input': quantization not quantized | scale 0.0078125 zero point 128"),
    ],
)
def test_each_thing_that_differs_is_named(read: Callable[[str], Graph], change: dict[str, object], words: str) -> None:
    model, made = read("mobilenet_v1_0.25_128_quant"), read("mobilenet_v1_0.25_128_quant_edgetpu")
    index = model.main.inputs[0]
    model.main.tensors[index] = model.main.tensors[index].replaced(**change)
    twins = compare(model, made)
    assert words in twins.differences
    assert not twins.same


def test_parameters_that_cannot_be_the_weights(read: Callable[[str], Graph]) -> None:
    """A wider model of the same edges has more weights than the chip has parameters; a smaller one far fewer."""
    wide = read("mobilenet_v1_1.0_224_quant_embedding_extractor")
    model = one(X(parameters=bytes(100)))
    (words,) = [text for text in compare(wide, model).differences if text.startswith("bytes of weights")]
    assert words == "bytes of weights | of parameters on the chip: 3,228,864 | 100"
    empty = one(X(parameters=bytes(70_000)))
    plain = graph(behind=["RELU"])
    assert "bytes of weights | of parameters on the chip: 0 | 70,000" in compare(plain, empty).differences


def test_a_model_that_is_not_compiled(read: Callable[[str], Graph]) -> None:
    model = read("mobilenet_v1_0.25_128_quant")
    with pytest.raises(ModelFileError, match=r"b\.tflite is not compiled"):
        compare(model, model, "b.tflite")
    with pytest.raises(ModelFileError, match=r"a\.tflite is not compiled"):
        compare_compiled(model, model, ("a.tflite", "b.tflite"))


def test_the_same_compiled_model(read: Callable[[str], Graph]) -> None:
    a = read("deeplabv3_mnv2_pascal_quant_edgetpu")
    twins = compare_compiled(a, read("deeplabv3_mnv2_pascal_quant_edgetpu"))
    assert twins.same
    assert "what runs on the chip is the same, byte for byte" in twins.evidence
    assert check.encode(twins)["same"] is True


def test_alone_and_compiled_together(read: Callable[[str], Graph]) -> None:
    together = read("cocompilation/mobilenet_v1_0.25_128_quant_cocompiled_with_3quant_edgetpu")
    twins = compare_compiled(read("mobilenet_v1_0.25_128_quant_edgetpu"), together)
    assert not twins.same
    assert "segment 0: cached parameter bytes 566,912 | 315,840" in twins.differences
    assert "segment 0: streamed parameter bytes 0 | 251,072" in twins.differences


def test_other_bytes_of_the_same_sizes() -> None:
    a, b = one(*caching_pair(b"a" * 64)), one(*caching_pair(b"b" * 64))
    assert compare_compiled(a, b).differences == ("segment 0: other instructions or parameters, of the same sizes",)


def test_segments_and_operators_that_only_one_has() -> None:
    first = one(X(), behind=["RELU", "TANH"])
    second = one(X(), behind=["RELU", "LOGISTIC"])
    differences = compare_compiled(first, second).differences
    assert "LOGISTIC with the output 'out2' is on one side only" in differences
    assert "TANH with the output 'out2' is on one side only" in differences
    assert "segments on the chip: 1 | 2" in compare_compiled(first, _two_segments()).differences
    assert compare_compiled(_two_segments(), _two_segments()).same


def _two_segments() -> Graph:
    second = X(inputs=(L("out"),), outputs=(L("out1"),))
    return graph(options(package([executable(X())])), options(package([executable(second)])))


def test_a_layer_that_the_model_does_not_have() -> None:
    model, made = graph(behind=["RELU"]), one(X(inputs=(L("elsewhere"),)))
    assert "the chip's tensor 'elsewhere' is not in the model" in compare(model, made).differences
