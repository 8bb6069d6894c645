"""The image function of the templates, on real models and photos, in both languages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from littoral.functions import compiled, manifest
from littoral.functions.build import Built, Language, build
from littoral.functions.described import describe, path_of
from littoral.functions.function import Function
from littoral.functions.scaffold import new
from littoral.runtime import Model, load

pytest.importorskip("ziglang")


@pytest.fixture(scope="module", params=get_args(Language))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    if request.param == "assemblyscript" and shutil.which("npm") is None:
        pytest.skip("AssemblyScript needs Node.js")
    return build(new("look", request.param, tmp_path_factory.mktemp(request.param)))


@pytest.fixture(params=["mobilenet_v2_1.0_224_quant.tflite", "tf2_mobilenet_v2_1.0_224_ptq.tflite"])
def model(request: pytest.FixtureRequest, coral: Path) -> Iterator[Model]:
    with load(coral / request.param, threads=1) as loaded:
        yield loaded


def function_of(built: Built, model: Model, coral: Path) -> Function:
    described = manifest.read(built.module.with_name("function.toml"))
    about = describe(model.inputs, model.outputs, model.contract)
    files = {path_of("classifier"): about, "labels.txt": (coral / "imagenet_labels.txt").read_bytes()}
    module = compiled.compile(built.module.read_bytes(), described, files)
    return Function(module, described, {"classifier": model}, files)


def expected(model: Model, picture: npt.NDArray[np.uint8] | Path, coral: Path) -> list[dict[str, object]]:
    """What `littoral.vision.classify` says, which functions may not import."""
    from littoral.vision import classify

    labels = (coral / "imagenet_labels.txt").read_text().splitlines()
    found = classify(model, picture, labels=labels)
    return [
        {"index": entry.index, "label": entry.label, "score": pytest.approx(entry.score, abs=6e-7)} for entry in found
    ]


def test_the_module_exports_no_more_than_it_must(built: Built) -> None:
    from littoral.functions.wasm import Module

    exports = {export.name for export in Module.read(built.module.read_bytes(), "look").exports}
    assert exports == {"memory", "_initialize", "init", "handle"}
    assert built.size < 80_000
    assert built.warnings == ""


def test_answers_are_those_of_classify(built: Built, model: Model, coral: Path) -> None:
    photos = ["grace_hopper.bmp", "cat.bmp", "sunflower.bmp", "bird.bmp"]
    if built.language == "c":
        photos += ["parrot.jpg", "cat_720p.jpg", "pets.jpg"]
    tops = {}
    with function_of(built, model, coral) as function:
        for name in photos:
            answer = function.invoke((coral / name).read_bytes())
            assert answer.status == 0, answer.body
            found = json.loads(answer.body)
            # Pillow 13 resizes tall pictures columns first, others and we rows first: a pixel may differ by one step.
            count = 1 if name == "parrot.jpg" else 5
            assert found[:count] == expected(model, coral / name, coral)[:count], name
            assert len(found) == 5
            tops[name] = found[0]["label"]
    assert tops["grace_hopper.bmp"] == "military uniform"
    assert tops["cat.bmp"] == "Egyptian cat"
    if built.language == "c":
        assert tops["parrot.jpg"] == "macaw"


def test_what_is_no_picture_is_a_bad_request(built: Built, model: Model, coral: Path) -> None:
    with function_of(built, model, coral) as function:
        for body in (b"", b"BM", b"hello", (coral / "cat.bmp").read_bytes()[:-1]):
            answer = function.invoke(body)
            assert answer.status == 400
            assert "picture" in json.loads(answer.body)["error"]


def test_raw_pixels(built: Built, model: Model, coral: Path) -> None:
    with Image.open(coral / "parrot.jpg") as image:
        pixels = np.asarray(image.convert("RGB").resize((224, 224)))
    with function_of(built, model, coral) as function:
        answer = function.invoke(pixels.tobytes())
    if built.language == "assemblyscript":
        assert json.loads(answer.body) == expected(model, pixels, coral)
    else:  # it takes files only
        assert answer.status == 400


def test_self_tests_of_the_template_hold(built: Built, model: Model, coral: Path) -> None:
    folder = built.module.parent
    with function_of(built, model, coral) as function:
        for test in function.manifest.self_test:
            answer = function.invoke((folder / test.body).read_bytes() if test.body else b"")
            assert answer.status == test.status
            assert test.contains in answer.body.decode()
