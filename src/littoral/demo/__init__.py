"""The main job on real data: train on handwritten digits, convert to every recipe, prove each, classify a few."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from littoral.errors import MissingExtraError

if TYPE_CHECKING:
    from littoral.check import Progress, Report

TEST_SHARE = 4  # every fourth digit is kept from training
CONTRACT = {"inputs": [{"width": 8, "height": 8, "colour": "gray", "scale": 1 / 255, "mean": 0.0}]}


@dataclass(frozen=True)
class Demo:
    """What the demo leaves behind.

    Attributes:
        folder: Holds digits.keras, contract.json, pictures/train and pictures/test (a sub-folder a class), converted/.
        report: Every recipe, measured on the digits kept from training.
        shown: A few pictures of the test set.
    """

    folder: Path
    report: Report
    shown: tuple[Path, ...]


def run(folder: Path, progress: Progress | None = None) -> Demo:
    """Train, convert and prove in `folder`, which is made where it is missing. About two minutes on two cores.

    The digits are scikit-learn's 1,797 real ones (UCI, Optical Recognition of Handwritten Digits), 8x8 gray.
    """
    import littoral
    from littoral.convert import RECIPES

    pictures = folder / "pictures"
    _write_pictures(pictures)
    contract = _write_contract(folder / "contract.json")
    model = folder / "digits.keras"
    train(pictures / "train", model, progress)
    report = littoral.convert(
        model,
        recipes=list(RECIPES),
        calibrate=pictures / "train",
        evaluate=pictures / "test",
        contract=contract,
        output=folder / "converted",
        samples=500,
        progress=progress,
    )
    shown = tuple(sorted(pictures.glob("test/*/*.png"))[::90])
    return Demo(folder, report, shown)


def train(pictures: Path, model: Path, progress: Progress | None = None) -> None:
    """Train the demo's network on a folder of digits and write a Keras 3 file. TensorFlow runs in a child process."""
    from littoral.convert.process import run_child

    with tempfile.TemporaryDirectory() as work:
        arrays = Path(work) / "digits.npz"
        _write_arrays(pictures, arrays)
        request = {"name": model.name, "arrays": str(arrays), "model": str(model)}
        say = None if progress is None else (lambda words: progress(f"digits: {words}", 0, None))
        run_child("littoral.demo.train", request, work=Path(work), progress=say)


def _write_pictures(folder: Path) -> None:
    """The digits as PNG files, folder/train/7/0042.png: a folder of labelled photos like anybody's."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError("scikit-learn, which brings the digits,", "demo") from None
    from PIL import Image

    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16)).astype(np.uint8)  # 0..16 in the data
    for index, (picture, label) in enumerate(zip(pixels, digits.target, strict=True)):
        place = folder / ("test" if index % TEST_SHARE == 0 else "train") / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{index:04}.png")


def _write_contract(path: Path) -> Path:
    path.write_text(json.dumps(CONTRACT, indent=2) + "\n")
    return path


def _write_arrays(pictures: Path, path: Path) -> None:
    from littoral.data import Contract, ImageFolder

    contract = Contract.from_json(json.dumps(CONTRACT))
    samples = list(ImageFolder(pictures).samples(contract))
    x = np.stack([next(iter(sample.inputs.values())) for sample in samples])
    np.savez(path, x=x, y=np.array([sample.label for sample in samples]))
