"""Arrays in files and in memory, and streams of them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.data import Arrays, Contract, Dataset, Generator, ImageFolder, InputContract, open_dataset
from littoral.errors import ContractError, DataError

UNIT = Contract((InputContract(4, 4, "x", scale=1 / 127.5, mean=127.5),))
PICTURES = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3), np.uint8)


def test_an_npy_file_stays_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    large = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(2000, 100, 100))
    large[:] = 1
    large.flush()
    del large
    tracemalloc.start()
    count = sum(1 for _ in Arrays(file).samples(None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2000
    assert peak < 8e6 < file.stat().st_size


def test_the_name_of_a_single_array_is_the_contracts(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", PICTURES)
    data = Arrays(tmp_path / "x.npy")
    assert isinstance(data, Dataset)
    assert len(data) == 10
    assert data.labels == ()
    samples = list(data.samples(UNIT))
    assert all(sample.inputs.keys() == {"x"} and sample.label is None for sample in samples)
    assert {sample.origin for sample in samples} == {f"x.npy[{index}]" for index in range(10)}
    assert [list(sample.inputs) for sample in data.samples(None, limit=1)] == [[""]]


@pytest.mark.parametrize("key", ["labels", "y"])
def test_an_npz_file_names_its_inputs_and_labels(tmp_path: Path, key: str) -> None:
    arrays: dict[str, Any] = {"images": PICTURES, "state": np.arange(10), key: np.arange(10) % 3}
    np.savez(tmp_path / "x.npz", **arrays)
    for sample in Arrays(tmp_path / "x.npz").samples(None):
        index = int(sample.origin[6:-1])
        assert sample.inputs["state"] == index
        assert sample.label == index % 3
        np.testing.assert_array_equal(sample.inputs["images"], PICTURES[index])


def test_labels_by_name() -> None:
    data = Arrays(PICTURES, ["cat", "dog"] * 5)
    assert data.labels == ("cat", "dog")
    contract = Contract(UNIT.inputs, ("dog", "cat"))
    for sample in data.samples(contract):
        assert sample.label == (1 if int(sample.origin[8:-1]) % 2 == 0 else 0)
    assert {sample.label for sample in data.samples(UNIT)} == {0, 1}


def test_a_column_of_labels_is_taken() -> None:
    data = Arrays(PICTURES, np.arange(10).reshape(10, 1))
    assert sorted(sample.label or 0 for sample in data.samples(None)) == list(range(10))


def test_drawing_is_seeded_stratified_and_a_prefix() -> None:
    data = Arrays(PICTURES, [0] * 8 + [1] * 2)
    everything = [sample.origin for sample in data.samples(UNIT, seed=3)]
    assert len(set(everything)) == 10
    assert [sample.origin for sample in data.samples(UNIT, limit=5, seed=3)] == everything[:5]
    assert sum(sample.label or 0 for sample in data.samples(UNIT, limit=5)) == 1


def test_a_contradiction_names_the_sample(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", PICTURES.astype(np.float32))
    with pytest.raises(ContractError, match=r"x\.npy\[\d\]: values of .* pixels become values of -1 to 1"):
        list(Arrays(tmp_path / "x.npy").samples(UNIT))


@pytest.mark.parametrize(
    ("source", "labels", "message"),
    [
        (np.zeros((0, 4)), None, "no samples"),
        (np.float32(3), None, "no samples"),
        ({}, None, "no samples"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, None, "lengths differ: {'a': 3, 'b': 4}"),
        (np.zeros((3, 4)), [1, 2], "lengths differ"),
        (np.array(["a", "b"]), None, "type <U1"),
        (np.zeros((2, 4)), [0.5, 1], "labels are of type float64"),
    ],
)
def test_arrays_that_do_not_fit(source: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Arrays(source, labels)


def test_python_objects_in_a_file_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DataError, match=f"{name} cannot be read: .*without Python objects"):
            Arrays(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00v\x00{'descr': broken"])
def test_files_that_are_no_arrays(tmp_path: Path, content: bytes) -> None:
    for name in ("x.npy", "x.npz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} cannot be read"):
            Arrays(tmp_path / name)


def test_a_truncated_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", PICTURES)
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:300])
    with pytest.raises(DataError, match=r"x\.npy cannot be read"):
        Arrays(tmp_path / "x.npy")


def test_a_generator_is_read_anew_each_time() -> None:
    def stream() -> Iterator[Any]:
        yield {"x": PICTURES[0], "state": np.ones(2)}, 4
        yield {"x": PICTURES[1], "state": np.ones(2)}

    data = Generator(stream)
    assert isinstance(data, Dataset)
    assert len(data) == 2
    for _ in range(2):
        samples = list(data.samples(UNIT))
        assert [sample.label for sample in samples] == [4, None]
        assert [sample.origin for sample in samples] == ["sample 0", "sample 1"]
        assert samples[0].inputs.keys() == {"x", "state"}
    assert len(list(data.samples(UNIT, limit=1))) == 1


def test_a_stream_without_end_can_be_limited() -> None:
    def stream() -> Iterator[Any]:
        while True:
            yield PICTURES[0]

    assert len(list(Generator(stream).samples(UNIT, limit=5))) == 5


def test_an_iterator_that_runs_out_is_refused() -> None:
    with pytest.raises(DataError, match=r"can be read only once\. Give the function that makes it"):
        Generator(iter([PICTURES[0]]))
    once = iter([PICTURES[0]])
    data = Generator(lambda: once)
    assert len(list(data.samples(UNIT))) == 1
    with pytest.raises(DataError, match="yields nothing the second time"):
        list(data.samples(UNIT))
    with pytest.raises(DataError, match=r"yields nothing\. Give"):
        list(Generator([]).samples(UNIT))


def test_a_label_that_is_no_index() -> None:
    with pytest.raises(DataError, match="sample 0 has the label 'cat'"):
        list(Generator([(PICTURES[0], "cat")]).samples(UNIT))  # type: ignore[list-item]


def test_what_is_given_decides_the_data_set(tmp_path: Path, flowers: Path) -> None:
    np.save(tmp_path / "x.npy", PICTURES)
    assert isinstance(open_dataset(flowers / "images"), ImageFolder)
    arrays = open_dataset(tmp_path / "x.npy")
    assert isinstance(arrays, Arrays)
    assert open_dataset(arrays) is arrays
    assert isinstance(open_dataset(PICTURES), Arrays)
    assert isinstance(open_dataset({"x": PICTURES}), Arrays)
    assert isinstance(open_dataset(lambda: iter(PICTURES)), Generator)
    for path, message in ((tmp_path / "absent", "does not exist"), (Path(__file__), "is no data set")):
        with pytest.raises(DataError, match=message):
            open_dataset(path)
