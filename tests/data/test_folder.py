"""Folders of pictures: what is found, how it is labelled, what is skipped."""

from __future__ import annotations

import os
import sys
from itertools import islice
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from littoral.data import Contract, Dataset, ImageFolder, InputContract, find_pictures, prepare
from littoral.errors import ContractError, DataError

CONTRACT = Contract((InputContract(8, 8, "x"),))


def picture(path: Path, value: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((9, 9, 3), value, np.uint8)).save(path)
    return path


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    for index in range(6):
        picture(tmp_path / "cat" / f"{index}.png", index)
    for index in range(3):
        picture(tmp_path / "dog" / "puppies" / f"{index}.JPEG", 100 + index)
    return tmp_path


def labels_of(folder: ImageFolder, contract: Contract = CONTRACT) -> dict[str, int | None]:
    return {sample.origin: sample.label for sample in folder.samples(contract)}


def test_sub_folders_are_labels_in_sorted_order(animals: Path) -> None:
    folder = ImageFolder(animals)
    assert isinstance(folder, Dataset)
    assert folder.labels == ("cat", "dog")
    assert len(folder) == 9
    samples = list(folder.samples(CONTRACT))
    assert {(sample.origin.split("/")[0], sample.label) for sample in samples} == {("cat", 0), ("dog", 1)}
    assert all(sample.inputs["x"].shape == (8, 8, 3) for sample in samples)
    assert all(sample.picture == animals / sample.origin for sample in samples)


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    picture(tmp_path / "a.bmp")
    folder = ImageFolder(tmp_path)
    assert folder.labels == ()
    assert labels_of(folder) == {"a.bmp": None}


def test_labels_are_indices_of_the_models_output(animals: Path) -> None:
    contract = Contract(CONTRACT.inputs, ("dog", "bird", "cat"))
    assert set(labels_of(ImageFolder(animals), contract).values()) == {0, 2}
    unknown = Contract(CONTRACT.inputs, ("dog", "bird"))
    assert set(labels_of(ImageFolder(animals), unknown).values()) == {0, None}


def test_folders_named_by_numbers_are_those_outputs(tmp_path: Path) -> None:
    for name in ("2", "10"):
        picture(tmp_path / name / "a.png")
    folder = ImageFolder(tmp_path)
    assert folder.labels == ("2", "10")
    assert labels_of(folder) == {"2/a.png": 2, "10/a.png": 10}


def test_a_text_file_gives_the_order_of_the_classes(animals: Path) -> None:
    (animals / "labels.txt").write_text("bird\ndog\ncat\n")
    folder = ImageFolder(animals)
    assert folder.labels == ("bird", "dog", "cat")
    assert set(labels_of(folder).values()) == {1, 2}
    (animals / "labels.txt").write_text("bird\ndog\n")
    with pytest.raises(DataError, match=r"labels\.txt does not name 'cat'"):
        ImageFolder(animals)


@pytest.mark.parametrize("head", ["", "picture,label\n"])
def test_a_csv_file_gives_labels(tmp_path: Path, head: str) -> None:
    for name in ("a", "b", "sub/c"):
        picture(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text(head + 'a.png,dog\nsub/c.png,"cat, wild"\n\n', encoding="utf-8-sig")
    folder = ImageFolder(tmp_path)
    assert folder.labels == ("cat, wild", "dog")
    assert labels_of(folder) == {"a.png": 1, "sub/c.png": 0}
    elsewhere = tmp_path / "other.csv"
    elsewhere.write_text("b.png,7\na.png,3\n")
    assert labels_of(ImageFolder(tmp_path, elsewhere)) == {"a.png": 3, "b.png": 7}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png,dog\nz.png,cat\n", r"names 'z\.png', which is not a picture"),
        ("a.png\n", r"has the line 'a\.png'. Accepted: picture,label"),
        ("name,label\n", "is empty"),
        ("", "is empty"),
    ],
)
def test_a_csv_file_that_does_not_fit(tmp_path: Path, text: str, message: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        ImageFolder(tmp_path)


def test_an_absent_labels_file(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    for name in ("absent.csv", "absent.txt"):
        with pytest.raises(DataError, match=f"{name} cannot be read"):
            ImageFolder(tmp_path, tmp_path / name)


def test_an_unreadable_photo_among_good_ones_is_named_and_skipped(animals: Path) -> None:
    broken = animals / "cat" / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    folder = ImageFolder(animals)
    for _ in range(2):  # each pass counts anew
        assert len(list(folder.samples(CONTRACT))) == 9
        [(path, reason)] = folder.skipped
        assert path == broken
        assert "cannot be read as a picture" in reason
    assert len(list(folder.samples(CONTRACT, limit=9))) == 9  # another one takes its place


def test_a_folder_of_unreadable_photos(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"none of the 2 pictures .* can be read"):
        list(ImageFolder(tmp_path).samples(CONTRACT))


def test_deep_pictures_are_an_error_and_not_skipped(animals: Path) -> None:
    Image.fromarray(np.full((9, 9), 60000, np.uint16)).save(animals / "cat" / "deep.png")
    with pytest.raises(ContractError, match=r"deep\.png has values of 60000 to 60000"):
        list(ImageFolder(animals).samples(CONTRACT))


def test_what_is_no_folder_of_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no pictures in .* Accepted: \.bmp, \.gif, \.jpeg, \.jpg"):
        ImageFolder(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        ImageFolder(tmp_path / "absent")
    with pytest.raises(DataError, match="is not a folder"):
        ImageFolder(picture(tmp_path / "a.png"))


def test_hidden_files_are_ignored_and_links_followed_once(tmp_path: Path) -> None:
    outside = picture(tmp_path / "outside" / "b.png").parent
    folder = picture(tmp_path / "in" / "a.png").parent
    picture(folder / ".hidden.png")
    picture(folder / ".thumbs" / "t.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "again").symlink_to(folder)
    (folder / "more").symlink_to(outside)
    (folder / "dangling").symlink_to(tmp_path / "absent")
    (folder / "dangling.png").symlink_to(tmp_path / "absent.png")
    os.mkfifo(folder / "pipe.png")  # opening it would wait for ever
    assert find_pictures(folder) == [folder / "a.png", folder / "more" / "b.png"]


def test_a_contract_is_needed(animals: Path) -> None:
    two = Contract((InputContract(8, 8, "a"), InputContract(8, 8, "b")))
    for contract, has in ((None, "there is none"), (Contract(), "it has 0"), (two, "it has 2")):
        with pytest.raises(ContractError, match=f"need a contract of one input, and {has}"):
            ImageFolder(animals).samples(contract)


def test_drawing_is_seeded_stratified_and_a_prefix(animals: Path) -> None:
    folder = ImageFolder(animals)

    def origins(limit: int | None, seed: int = 0) -> list[str]:
        return [sample.origin for sample in folder.samples(CONTRACT, limit=limit, seed=seed)]

    everything = origins(None)
    assert len(set(everything)) == 9
    for limit in range(11):
        assert origins(limit) == everything[:limit]
    assert origins(None, seed=1) != everything
    assert sum(origin.startswith("dog") for origin in origins(3)) == 1


def test_samples_are_read_one_by_one(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = Mock(wraps=prepare)
    monkeypatch.setattr(sys.modules[ImageFolder.__module__], "prepare", prepared)
    samples = ImageFolder(flowers / "images").samples(CONTRACT)
    assert len(list(islice(samples, 3))) == 3
    assert prepared.call_count == 3
