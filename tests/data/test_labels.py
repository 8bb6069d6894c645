"""Label files as they are found, and which output a name stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from littoral.data import read_labels
from littoral.data.labels import label_indices, sort_names
from littoral.errors import DataError


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cat\ndog\n", ("cat", "dog")),
        ("\ufeffcat\r\n\r\ndog", ("cat", "dog")),
        ("0  background\n1 tench, Tinca tinca\n", ("background", "tench, Tinca tinca")),
        ("0:cat\n2: dog\n", ("cat", "", "dog")),
        ("1 dog\n0 cat", ("cat", "dog")),
        ("3 legged stool\nchair\n", ("3 legged stool", "chair")),
        ("0\n1\n2\n", ("0", "1", "2")),
    ],
)
def test_a_file_is_read(tmp_path: Path, text: str, labels: tuple[str, ...]) -> None:
    file = tmp_path / "labels.txt"
    file.write_text(text, encoding="utf-8")
    assert read_labels(file) == labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n\n", "is empty"),
        (b"caf\xe9\n", "not UTF-8"),
        (b"0 cat\n0 dog\n", "one number to two names"),
        (b"999999999 cat\n", "number 999999999"),
    ],
)
def test_what_is_no_labels_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_labels(file)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.txt cannot be read"):
        read_labels(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    ("name", "count", "index", "label"),
    [
        ("imagenet_labels.txt", 1001, 653, "military uniform"),
        ("inat_bird_labels.txt", 965, 923, "Ara macao (Scarlet Macaw)"),
        ("coco_labels.txt", 90, 0, "person"),
        ("pet_labels.txt", 37, 0, "Abyssinian"),
    ],
)
def test_real_label_files(coral: Path, name: str, count: int, index: int, label: str) -> None:
    labels = read_labels(coral / name)
    assert len(labels) == count
    assert labels[index] == label


def test_names_are_sorted_and_numbers_by_value() -> None:
    assert sort_names({"b", "a", "10"}) == ("10", "a", "b")
    assert sort_names({"10", "9", "0"}) == ("0", "9", "10")


def test_names_find_their_output_in_the_model() -> None:
    assert label_indices(("a", "b"), ()) == {"a": 0, "b": 1}
    assert label_indices(("a", "x"), ("b", "a")) == {"a": 1, "x": None}
    assert label_indices(("2", "7"), ()) == {"2": 2, "7": 7}
    assert label_indices(("2", "7"), ("cat", "dog", "bird")) == {"2": 2, "7": None}
    assert label_indices(("1",), ("1", "0")) == {"1": 0}
    assert label_indices(("a",), ("a", "a")) == {"a": 0}
