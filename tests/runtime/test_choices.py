"""What tuning found is remembered for a model, a machine and versions; what is damaged is not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from littoral.devices import survey
from littoral.runtime import choices
from littoral.runtime.choices import Winner, fingerprint, recall, remember


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    return tmp_path / "tuned"


def test_a_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "m.tflite").write_bytes(content)
    assert fingerprint(tmp_path / "m.tflite") == fingerprint(content) == hashlib.sha256(content).hexdigest()


def test_what_was_never_tuned_is_not_there() -> None:
    assert recall("ab" * 32, 1) is None


def test_the_nearest_number_of_threads_is_recalled(home: Path) -> None:
    remember("ab" * 32, Winner("openvino:bf16", 1))
    remember("ab" * 32, Winner("cpu:fp16", 8))
    assert recall("ab" * 32, 1) == Winner("openvino:bf16", 1)
    assert recall("ab" * 32, 2) == Winner("openvino:bf16", 1)
    assert recall("ab" * 32, 16) == Winner("cpu:fp16", 8)
    remember("ab" * 32, Winner("cpu", 8))
    assert recall("ab" * 32, 8) == Winner("cpu", 8)
    assert recall("cd" * 32, 8) is None
    assert [path.suffix for path in home.iterdir()] == [".json"]  # nothing temporary is left


def test_another_machine_or_version_is_another_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    remember("ab" * 32, Winner("openvino", 1))
    machine = survey()
    more = replace(machine, processor=replace(machine.processor, cores=machine.processor.cores + 1))
    with monkeypatch.context() as patch:
        patch.setattr(choices, "survey", lambda: more)
        assert recall("ab" * 32, 1) is None
    with monkeypatch.context() as patch:
        patch.setattr(choices, "_versions", lambda: {"littoral": "99"})
        assert recall("ab" * 32, 1) is None
    assert recall("ab" * 32, 1) is not None


def spoiled(change: Callable[[dict[str, object]], object]) -> Callable[[str], str]:
    def spoil(text: str) -> str:
        kept = json.loads(text)
        return json.dumps(change(kept) or kept)

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda _: "[" * 100_000,
        lambda _: "\x00\xff",
        lambda _: "[]",
        lambda _: "{}",
        spoiled(lambda kept: kept.update(devices={"one": "cpu"})),
        spoiled(lambda kept: kept.update(devices={"1": 5})),
        spoiled(lambda kept: kept.update(devices=[])),
        spoiled(lambda kept: kept.update(model="cd" * 32)),
    ],
    ids=["empty", "cut", "deep", "binary", "list", "keys", "threads", "device", "devices", "model"],
)
def test_a_damaged_entry_is_not_there_and_is_replaced(home: Path, spoil: Callable[[str], str]) -> None:
    remember("ab" * 32, Winner("openvino", 1))
    (path,) = home.iterdir()
    path.write_text(spoil(path.read_text()), encoding="latin-1")
    assert recall("ab" * 32, 1) is None
    remember("ab" * 32, Winner("cpu", 2))
    assert recall("ab" * 32, 1) == Winner("cpu", 2)


def test_a_folder_that_cannot_be_written_is_an_error(home: Path) -> None:
    home.write_text("in the way")
    with pytest.raises(OSError, match="tuned"):
        remember("ab" * 32, Winner("cpu", 1))
    assert recall("ab" * 32, 1) is None
