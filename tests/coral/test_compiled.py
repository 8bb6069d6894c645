"""Compiled models are read: all of the data, the table of facts exactly, and hostile ones refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coral.packages import L, X, caching_pair, executable, graph, one, options, package

from littoral import check, tflite
from littoral.coral.compiled import Compiled, Traffic, is_compiled, read_compiled
from littoral.coral.rules import ONE_SUBGRAPH, STATUSES
from littoral.errors import ModelFileError

# Parameters cached and streamed, instructions, input, output: bytes, from the project's facts.
TABLE = {
    "mobilenet_v1_0.25_128_quant_edgetpu": (566_912, 0, 170_032, 49_152, 1_008),
    "cocompilation/mobilenet_v1_0.25_128_quant_cocompiled_with_3quant_edgetpu": (
        315_840,
        251_072,
        182_928,
        49_152,
        1_008,
    ),
    "deeplabv3_mnv2_pascal_quant_edgetpu": (2_337_216, 0, 398_768, 789_512, 279_040),
    "pipeline/ssd_mobilenet_v1_coco_quant_postprocess_segment_0_of_2_edgetpu": (3_363_072, 0, 98_048, 270_000, 287_232),
}


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[Path]:
    return sorted(shared_data.rglob("*_edgetpu.tflite"))


def compiled(coral: Path, name: str) -> Compiled:
    return read_compiled(tflite.read(coral / f"{name}.tflite"))


@pytest.mark.parametrize("name", TABLE)
def test_the_table_of_facts(coral: Path, name: str) -> None:
    (segment,) = compiled(coral, name).segments
    cached, streamed, instructions, taken, given_ = TABLE[name]
    assert segment.cached_bytes == cached
    assert segment.streamed_bytes == streamed
    assert segment.instruction_bytes == instructions
    assert (segment.input_bytes, segment.output_bytes) == (taken, given_)


def test_every_compiled_model_of_the_data_is_read(files: list[Path]) -> None:
    assert len(files) == 22
    for file in files:
        model = tflite.read(file)
        found = read_compiled(model, file.name)
        (segment,) = found.segments
        assert len(found.on_cpu) == len(model.main.operators) - 1
        assert [one.type for one in segment.executables] == ["execution-only", "parameter-caching"]
        assert {one.chip for one in segment.executables} == {"beagle"}
        assert 10 <= found.min_runtime_version <= 13
        assert segment.token == segment.executables[1].token != ""
        traffic = segment.main.traffic
        assert traffic.parameters == segment.streamed_bytes
        assert traffic.instructions == segment.instruction_bytes
        assert traffic.outputs == segment.output_bytes
        assert traffic.inputs >= segment.input_bytes
        # The package is parameters and instructions, and little else: padding to 4 KB, layouts of tiles.
        carried = sum(one.parameter_bytes + one.instruction_bytes for one in segment.executables)
        package = len(model.main.operators[segment.operator].custom_options or b"")
        assert carried < package < 1.05 * carried + (64 << 10)


def test_compiled_is_told_by_operators_and_not_by_names(coral: Path) -> None:
    trap = coral / "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite"
    assert not is_compiled(tflite.read(trap))
    with pytest.raises(ModelFileError, match=f"{trap.name} is not compiled for the Edge TPU.*littoral compile"):
        read_compiled(tflite.read(trap), trap.name)


def test_layers_are_in_the_terms_of_the_model_file(files: list[Path]) -> None:
    """Names, sizes, types, scales and zero points are those of the operator's tensors, int8 and int16 among them."""
    types = set()
    for file in files:
        main = tflite.read(file).main
        (segment,) = read_compiled(tflite.read(file)).segments
        operator = main.operators[segment.operator]
        for indices, layers in ((operator.inputs, segment.main.inputs), (operator.outputs, segment.main.outputs)):
            for index, layer in zip(indices, layers, strict=False):
                tensor = main.tensors[index]
                assert tensor.quantization is not None
                assert layer.name == tensor.name
                assert np.float32(layer.scale) == tensor.quantization.scale[0]
                assert layer.zero_point == tensor.quantization.zero_point[0]
                assert np.prod(layer.shape) * layer.executions == np.prod(tensor.shape)
                types.add(layer.type)
    assert types == {"uint8", "int8", "int16"}


def test_scratch_memory_crosses_too(coral: Path) -> None:
    (segment,) = compiled(coral, "deeplab_mobilenet_edgetpu_slim_cityscapes_quant_edgetpu").segments
    assert segment.scratch_bytes == 1_393_920
    traffic = segment.main.traffic
    assert (traffic.scratch_from_chip, traffic.scratch_to_chip) == (1_393_920, 8_363_520)
    assert traffic.to_chip == 365_664 + 789_512 + 8_363_520
    assert traffic.from_chip == 1_393_920 + 21_784


def test_state_of_an_lstm(coral: Path) -> None:
    (segment,) = compiled(coral, "keras_lstm_mnist_ptq_edgetpu").segments
    assert not segment.main.traffic.exact
    assert segment.main.traffic.scratch_to_chip == 672
    assert (segment.cached_bytes, segment.streamed_bytes) == (43_968, 576)
    assert [layer.type for layer in segment.main.inputs] == ["uint8", "int8", "int16"]
    assert len(segment.main.outputs) == 3


def test_estimated_cycles_where_the_compiler_made_them(files: list[Path]) -> None:
    cycles = {file.stem: read_compiled(tflite.read(file)).segments[0].main.estimated_cycles for file in files}
    assert {name: count for name, count in cycles.items() if count} == {
        "voice_commands_v0.8_edgetpu": 170_853,
        "model_full_integer_edgetpu": 18_075,
    }


def test_operators_on_the_processor(coral: Path) -> None:
    found = compiled(coral, "deeplabv3_mnv2_pascal_quant_edgetpu").on_cpu
    assert [one.name for one in found][:3] == ["RESIZE_BILINEAR", "QUANTIZE", "CONCATENATION"]
    assert [one.operator for one in found] == list(range(1, 9))
    assert "33 times" in found[0].change
    assert found[1].status == ONE_SUBGRAPH
    assert sum(one.macs for one in found) == 148_591_872
    assert {one.status for one in found} <= set(STATUSES)
    decoder = compiled(coral, "posenet/posenet_mobilenet_v1_075_353_481_16_quant_decoder_edgetpu").on_cpu
    assert [(one.name, one.change) for one in decoder] == [("PosenetDecoderOp", "")]


def test_scripts_get_all_of_it(coral: Path) -> None:
    encoded = check.encode(compiled(coral, "mobilenet_v1_0.25_128_quant_edgetpu"))
    assert encoded["min_runtime_version"] == 12
    assert encoded["segments"][0]["cached_bytes"] == 566_912
    assert encoded["segments"][0]["executables"][0]["traffic"]["to_chip"] == 170_032 + 49_152
    assert len(encoded["segments"][0]["digest"]) == 64


# Made for tests


def test_a_standalone_executable_streams_all() -> None:
    (segment,) = read_compiled(one(X(parameters=b"p" * 50))).segments
    assert (segment.cached_bytes, segment.streamed_bytes, segment.token) == (0, 50, "")
    assert segment.main.type == "standalone"
    assert segment.main.traffic == Traffic(32, 16, 50, 0, 16, 0, exact=False)


def test_of_three_executables_the_standalone_one_runs() -> None:
    (segment,) = read_compiled(one(*caching_pair(b"p" * 90), X(parameters=b"p" * 50))).segments
    assert (segment.main.type, segment.cached_bytes, segment.streamed_bytes) == ("standalone", 0, 50)


def test_transfers_are_summed() -> None:
    hints = ((1, 0, 10), (1, 0, 30), (0, 1, 16), (2, 0, 5), (3, 0, 7), (3, 1, 9))
    (segment,) = read_compiled(one(X(instructions=(b"a" * 32, b"b" * 64), hints=hints, scratch=9))).segments
    assert segment.main.traffic == Traffic(96, 40, 5, 7, 16, 9, exact=True)
    assert (segment.main.traffic.to_chip, segment.main.traffic.from_chip) == (148, 25)


def test_several_segments_and_versions() -> None:
    first = options(package([executable(x) for x in caching_pair(b"p" * 100, token=7)], runtime=12))
    inputs, outputs = (L("out"),), (L("out1"),)
    second = options(
        package([executable(x) for x in caching_pair(b"p" * 10, b"q", 9, inputs=inputs, outputs=outputs)], runtime=14)
    )
    found = read_compiled(graph(first, second, behind=["RELU"]))
    assert [segment.operator for segment in found.segments] == [0, 1]
    assert found.min_runtime_version == 14
    assert (found.cached_bytes, found.streamed_bytes, found.parameter_bytes) == (110, 1, 111)
    assert found.tokens == ("0000000000000007", "0000000000000009")
    assert [one.name for one in found.on_cpu] == ["RELU"]


def test_layers_that_run_several_times() -> None:
    layer = L("in", (1, 1, 5), 8, executions=2)
    (segment,) = read_compiled(one(X(inputs=(layer,)))).segments
    assert (segment.input_bytes, segment.main.inputs[0].executions) == (16, 2)


IN, OUT = L("in"), L("out")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"inputs": ()}, "takes 0 tensors, and the model has 1 there"),
        (
            {"outputs": (dataclasses.replace(OUT, shape=(1, 1, 11)),)},
            "gives 11 x uint8 for the tensor 'out', .* 10 x uint8",
        ),
        ({"outputs": (dataclasses.replace(OUT, shape=(1, 0, 10)),)}, "gives 1x0x10, 1 times"),
        ({"outputs": (dataclasses.replace(OUT, shape=(-1, -1, 10)),)}, "gives -1x-1x10, 1 times"),
        ({"outputs": (dataclasses.replace(OUT, executions=-1),)}, "gives 1x1x10, -1 times"),
        ({"outputs": (dataclasses.replace(OUT, type=8),)}, "gives 10 x int8 for the tensor 'out', .* 10 x uint8"),
        ({"outputs": (dataclasses.replace(OUT, type=7),)}, "'out' .* has the unknown type 7"),
        ({"inputs": (dataclasses.replace(IN, bytes=9),)}, "takes the 10 values of 'in' in 9 bytes"),
        ({"inputs": (dataclasses.replace(IN, bytes=-16),)}, "takes the 10 values of 'in' in -16 bytes"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(changes: dict[str, object], why: str) -> None:
    model = one(X(**changes))  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match=why):
        read_compiled(model, "m.tflite")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "at least 3 bytes"),
        (b"nonsense", "a value of kind 28"),
        (b"\1\4\1", "not a map"),
        (options(b"short"), "DWN1"),
        (options(package([executable(X())]))[:-1], "m.tflite"),
    ],
)
def test_options_that_hold_no_package_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(ModelFileError, match=why) as caught:
        read_compiled(graph(data), "m.tflite")
    assert "the Edge TPU's part of m.tflite (operator 0)" in str(caught.value)


@settings(max_examples=300)
@given(st.data())
def test_altered_options_are_read_or_refused(data: st.DataObject) -> None:
    altered = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        altered[data.draw(st.integers(0, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_compiled(graph(bytes(altered)))
    except ModelFileError:
        return
    check.encode(found)


GOOD = options(package([executable(x) for x in caching_pair(b"p" * 64, b"q" * 8, hints=((1, 0, 16), (0, 1, 16)))]))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_real_packages_cut_short_are_refused(coral: Path, share: float) -> None:
    model = tflite.read(coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite")
    operator = model.main.operators[0]
    assert operator.custom_options is not None
    operator.custom_options = operator.custom_options[: int(share * len(operator.custom_options))]
    with pytest.raises(ModelFileError):
        read_compiled(model)


def test_any_byte_of_a_package_at_its_highest_is_read_or_refused() -> None:
    """Nearly all of this package is structure, so that most such bytes are refused."""
    refused = 0
    for place in range(len(GOOD)):
        try:
            read_compiled(graph(GOOD[:place] + b"\xff" + GOOD[place + 1 :]))
        except ModelFileError:
            refused += 1
    assert len(GOOD) / 4 < refused < len(GOOD)
