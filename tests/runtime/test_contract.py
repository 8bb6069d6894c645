"""The contract in a model file: the entry, TFLite Metadata, or what the tensors suggest."""

from __future__ import annotations

from pathlib import Path

import pytest

from littoral.data import Calibration, Contract, InputContract
from littoral.errors import ContractError
from littoral.runtime import contract_of, contract_or_default, embed, load, main_inputs
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType, read, write
from littoral.tflite.legacy import LegacyInput, LegacyMetadata


def picture(kind: TensorType, like: Tensor | None = None) -> Tensor:
    quantization = like.quantization if like else None
    return Tensor(name="x", shape=(1, 16, 16, 3), type=kind, quantization=quantization)


def graph_of(*tensors: Tensor, operator: str = "RELU") -> Graph:
    operators = [Operator(code=OperatorCode.of(operator), inputs=(0,), outputs=(1,))]
    main = Subgraph(tensors=list(tensors), inputs=(0,), outputs=(1,), operators=operators)
    return Graph(subgraphs=[main], metadata=[], signatures=[])


def test_the_contract_travels_in_the_file(subtract: Graph, tmp_path: Path) -> None:
    contract = Contract((InputContract(8, 8, "a"),), ("kat", "größer"), "int8", Calibration(3), "ab")
    embed(subtract, Contract())
    embed(subtract, contract)
    write(subtract, tmp_path / "m.tflite")
    graph = read(tmp_path / "m.tflite")
    assert contract_of(graph) == contract
    assert contract_or_default(graph) == (contract, False)
    assert [entry.name for entry in graph.metadata] == ["littoral"]


def test_a_malformed_entry_is_named(subtract: Graph) -> None:
    subtract.set_metadata("littoral", b'{"version": 9}')
    with pytest.raises(ContractError, match="the metadata entry 'littoral': version is 9"):
        load(subtract)


@pytest.mark.parametrize(
    ("kind", "mean", "scale"),
    [(TensorType.FLOAT32, 0, 1), (TensorType.UINT8, 0, 1), (TensorType.INT8, 128, 1)],
)
def test_unquantized_inputs_take_pixels(kind: TensorType, mean: float, scale: float) -> None:
    contract, derived = contract_or_default(graph_of(picture(kind), picture(kind)))
    assert derived
    assert contract == Contract((InputContract(16, 16, "x", mean=mean, scale=scale),))


def test_quantized_inputs_take_all_of_the_stored_range(relu_int8: Graph) -> None:
    like = relu_int8.main.tensors[0]  # scale 0.5, zero point -3
    for kind, low in ((TensorType.INT8, -128), (TensorType.UINT8, 0)):
        graph = graph_of(picture(kind, like), picture(kind, like))
        [entry] = contract_or_default(graph)[0].inputs
        [info] = main_inputs(graph)
        assert entry.value_range == (0.5 * (low + 3), 0.5 * (low + 255 + 3))
        assert info.quantize(info.dequantize(info.quantize(entry.value_range[0]))) == low  # type: ignore[arg-type]


def test_a_quantize_operator_behind_a_float_input_tells(relu_int8: Graph) -> None:
    inside = picture(TensorType.INT8, relu_int8.main.tensors[0])
    graph = graph_of(picture(TensorType.FLOAT32), inside, operator="QUANTIZE")
    assert contract_or_default(graph)[0].inputs == (InputContract(16, 16, "x", mean=125.0, scale=0.5),)


def test_a_contract_of_another_model_is_refused() -> None:
    graph = graph_of(picture(TensorType.FLOAT32), picture(TensorType.FLOAT32))
    for entry, message in (
        (InputContract(17, 16), r"shape \[16, 17, 3\], but input 'x' \(float32\[1, 16, 16, 3\]\) takes others"),
        (InputContract(16, 16, "x", layout="NCHW"), r"shape \[3, 16, 16\]"),
        (InputContract(16, 16, "x", colour="gray", layout="NHW"), r"shape \[16, 16\]"),
        (InputContract(16, 16, "image"), "an input 'image', which the model lacks. Accepted: 'x'"),
    ):
        with pytest.raises(ContractError, match=message):
            load(graph, contract=Contract((entry,)))
    for entry in (InputContract(16, 16), InputContract(16, 16, "x")):
        load(graph, contract=Contract((entry,))).close()


def test_inputs_that_are_no_pictures(subtract: Graph, counter: Graph) -> None:
    for graph in (subtract, counter):
        assert contract_of(graph) is None
        assert contract_or_default(graph) == (Contract(), True)


def legacy(monkeypatch: pytest.MonkeyPatch, found: LegacyMetadata | None) -> None:
    monkeypatch.setattr("littoral.runtime.contract.legacy_metadata", lambda graph: found)


def test_tflite_metadata_gives_normalisation_and_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(picture(TensorType.FLOAT32), picture(TensorType.FLOAT32))
    found = LegacyMetadata(labels=("a", "b"), inputs=(LegacyInput(name="image", mean=(127.5,), std=(127.5,)),))
    legacy(monkeypatch, found)
    want = Contract((InputContract(16, 16, "x", mean=127.5, scale=1 / 127.5),), ("a", "b"))
    assert contract_of(graph) == want
    assert contract_or_default(graph) == (want, False)


def test_tflite_metadata_without_normalisation_leaves_it_to_the_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(picture(TensorType.FLOAT32), picture(TensorType.FLOAT32))
    legacy(monkeypatch, LegacyMetadata(labels=("a", "b"), inputs=(LegacyInput(name="image"),)))
    assert contract_of(graph) == Contract((), ("a", "b"))
    assert contract_or_default(graph) == (Contract((InputContract(16, 16, "x"),), ("a", "b")), True)
    legacy(monkeypatch, LegacyMetadata(name="model"))
    assert contract_of(graph) is None


def test_a_deviation_of_zero_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    legacy(monkeypatch, LegacyMetadata(inputs=(LegacyInput(name="image", mean=(0.0,), std=(0.0,)),)))
    with pytest.raises(ContractError, match="standard deviation of 0"):
        contract_of(graph_of(picture(TensorType.FLOAT32), picture(TensorType.FLOAT32)))


@pytest.mark.parametrize(
    ("file", "mean", "scale", "labels", "derived"),
    [
        ("coral/mobilenet_v2_1.0_224_quant.tflite", 128, 0.0078125, 1001, False),
        ("coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", 127, 0.007843137718737125, 1001, False),
        ("coral/mobilenet_v2_1.0_224_inat_bird_quant.tflite", 128, 0.0078125, 965, False),
        ("coral/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite", 128, 0.0078125, 0, True),
        ("coral/movenet_single_pose_lightning_ptq.tflite", 0, 1, 0, True),
        ("flowers/models/model_full_integer.tflite", 0, 1.0000054836273193, 0, True),
        ("flowers/models/model_integer.tflite", 0, 1.0000054836273193, 0, True),
        ("flowers/models/model.tflite", 0, 1, 0, True),
    ],
)
def test_real_models(shared_data: Path, file: str, mean: float, scale: float, labels: int, derived: bool) -> None:
    contract, worked_out = contract_or_default(read(shared_data / file))
    assert worked_out is derived
    assert (contract.inputs[0].mean, contract.inputs[0].scale) == (mean, scale)
    assert len(contract.labels) == labels
