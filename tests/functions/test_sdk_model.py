"""Pictures to tensors in the C SDK, held against `littoral.data.prepare`; and stored values to real ones."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from littoral.data import Contract, InputContract, prepare
from littoral.functions import compiled, manifest
from littoral.functions.build import build
from littoral.functions.described import describe, path_of
from littoral.functions.errors import FunctionError
from littoral.functions.function import Function
from littoral.runtime import TensorInfo

pytest.importorskip("ziglang")

GUESTS = Path(__file__).parent / "guests"
Make = Callable[..., Function]


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Builds a guest once, and prepares it with files."""
    built: dict[str, bytes] = {}
    with ExitStack() as stack:

        def make(name: str, files: dict[str, bytes], memory: str = "64 MiB") -> Function:
            folder = tmp_path_factory.getbasetemp() / name
            if name not in built:
                folder.mkdir()
                shutil.copy(GUESTS / f"{name}.c", folder)
                (folder / "function.toml").write_text(f'name = "{name}"\n')
                built[name] = build(folder).module.read_bytes()
            described = manifest.parse(f'name = "{name}"\n[limits]\nmemory = "{memory}"\n')
            return stack.enter_context(Function(compiled.compile(built[name], described, files), described, {}, files))

        yield make


def info(dtype: str, shape: tuple[int, ...], scale: float = 0.0, zero_point: int = 0) -> TensorInfo:
    return TensorInfo("x", "x", 0, shape, np.dtype(dtype), scale, zero_point)


def files_of(contract: InputContract, tensor: TensorInfo) -> dict[str, bytes]:
    return {path_of("m"): describe([tensor], [tensor], Contract(inputs=(contract,)))}


def photo(width: int = 90, height: int = 61) -> Image.Image:
    rng = np.random.default_rng(2)
    small = Image.fromarray(rng.integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


BASE = InputContract(40, 30)


@pytest.mark.parametrize(
    "contract",
    [
        BASE,
        replace(BASE, width=200, height=170),
        replace(BASE, width=90, height=61),
        replace(BASE, resize="letterbox"),
        replace(BASE, resize="letterbox", width=30, height=64),
        replace(BASE, resize="nearest"),
        replace(BASE, colour="bgr", mean=(103.94, 116.78, 123.68), scale=(0.017, 0.018, 0.019)),
        replace(BASE, colour="gray", mean=127.5, scale=1 / 127.5),
        replace(BASE, colour="gray", layout="NHW"),
        replace(BASE, layout="NCHW", mean=(1.5, 2.5, 3.5), scale=0.0078125),
    ],
    ids=lambda contract: f"{contract.resize}-{contract.colour}-{contract.layout}-{contract.width}",
)
def test_a_picture_becomes_the_tensor_that_prepare_makes(guest: Make, contract: InputContract) -> None:
    function = guest("tensor", files_of(contract, info("float32", (1, *contract.shape))))
    answer = function.invoke(encoded(photo()))
    assert answer.status == 0, answer.log
    made = np.frombuffer(answer.body, np.float32).reshape(contract.shape)
    np.testing.assert_array_equal(made, prepare(photo(), contract))


def test_a_tall_picture_differs_by_a_step_at_most(guest: Make) -> None:
    tall = photo(60, 400)  # Pillow 13 brings such ones to their height first, older ones and we to their width
    function = guest("tensor", files_of(BASE, info("float32", (1, *BASE.shape))))
    made = np.frombuffer(function.invoke(encoded(tall)).body, np.float32).reshape(BASE.shape)
    assert np.abs(made - prepare(tall, BASE)).max() <= 1


def test_large_pictures_need_little_memory(guest: Make) -> None:
    large = photo(400, 300).resize((4000, 3000), Image.Resampling.BICUBIC)
    function = guest("tensor", files_of(BASE, info("float32", (1, *BASE.shape))), memory="8 MiB")
    answer = function.invoke(encoded(large, "JPEG"))
    assert answer.status == 0, answer.log
    refused = function.invoke(encoded(large, "JPEG", progressive=True))
    assert (refused.status, refused.log) == (
        400,
        "the picture is too large for the memory that this function may use\n",
    )


def test_area_is_the_mean_rounded_to_whole_pixels(guest: Make) -> None:
    contract = replace(BASE, resize="area", width=33, height=23)
    function = guest("tensor", files_of(contract, info("float32", (-1, *contract.shape))))
    made = np.frombuffer(function.invoke(encoded(photo())).body, np.float32).reshape(contract.shape)
    assert np.abs(made - prepare(photo(), contract)).max() <= 1  # rounded twice: rows, then columns


@pytest.mark.parametrize(("dtype", "scale", "zero_point"), [("uint8", 0.0078125, 128), ("int8", 0.0117, -3)])
def test_quantized_inputs_get_stored_values(guest: Make, dtype: str, scale: float, zero_point: int) -> None:
    contract = replace(BASE, mean=128.0, scale=0.0078125)
    tensor = info(dtype, (1, *contract.shape), scale, zero_point)
    answer = guest("tensor", files_of(contract, tensor)).invoke(encoded(photo()))
    made = np.frombuffer(answer.body, dtype).reshape(contract.shape)
    np.testing.assert_array_equal(made, tensor.quantize(prepare(photo(), contract)))


@pytest.mark.parametrize("resize", ["bilinear", "letterbox", "nearest"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(guest: Make, orientation: int, resize: str) -> None:
    contract = InputContract(40, 56, resize=resize)  # type: ignore[arg-type]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(photo(), exif=exif)
    answer = guest("tensor", files_of(contract, info("float32", (1, *contract.shape)))).invoke(content)
    made = np.frombuffer(answer.body, np.float32).reshape(contract.shape)
    with Image.open(io.BytesIO(content)) as image:
        difference = np.abs(made - prepare(image, contract))
    # It is turned after it was resized, which rounds rows before columns: where it lay on a side, a step may differ.
    assert difference.max() <= (1 if orientation >= 5 and resize != "nearest" else 0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int8", "int32", "int64"])
def test_outputs_become_real_values(guest: Make, dtype: str) -> None:
    quantized = dtype in ("uint8", "int8")
    tensor = info(dtype, (1, 5), 0.25 if quantized else 0.0, 3 if quantized else 0)
    stored = np.array([0, 1, 100, 5, 3] if dtype == "uint8" else [0, 1, -100, 5, 3], dtype)
    if dtype.startswith("float"):
        stored = np.array([0.5, -1.25, 2.0**-14, 6e-6, 3000], dtype)
    answer = guest("real", {path_of("m"): describe([], [tensor], Contract())}).invoke(stored.tobytes())
    expected = (stored.astype(np.float64) - tensor.zero_point) * (tensor.scale or 1)
    np.testing.assert_allclose(json.loads(answer.body)["values"], expected, rtol=0, atol=5.1e-7)  # six digits


def test_labels_are_those_of_the_contract_else_of_a_file(guest: Make) -> None:
    tensor = info("uint8", (1, 1))
    labels = ('a "b"\\c', "naïve 猫 😀", "tab\there", "")
    description = describe([], [tensor], Contract(labels=labels))
    there = {path_of("m"): description, "labels.txt": b"other\n"}
    assert tuple(json.loads(guest("real", there).invoke(b"\0").body)["labels"]) == labels
    plain = {path_of("m"): describe([], [tensor], Contract()), "labels.txt": "cat\r\ndog, puppy \n\nnaïve".encode()}
    assert json.loads(guest("real", plain).invoke(b"\0").body)["labels"] == ["cat", "dog, puppy", "", "naïve"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "the manifest has none of that name"),
        ({path_of("m"): describe([info("float32", (1, 4))], [], Contract())}, "no input that takes pictures"),
        (files_of(BASE, info("float32", (1, 30, 41, 3))), "another size than the contract"),
        (files_of(BASE, info("float16", (1, 30, 40, 3))), "of a type that pictures are not turned into"),
        (files_of(BASE, info("int16", (1, 30, 40, 3))), "of a type that wasi-nn does not have"),
    ],
)
def test_a_model_that_does_not_fit_stops_the_deployment(guest: Make, files: dict[str, bytes], says: str) -> None:
    with pytest.raises(FunctionError) as caught:
        guest("tensor", files)
    assert says in caught.value.log
