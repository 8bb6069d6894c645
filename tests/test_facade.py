"""The facade is all that is public, costs nothing to import, and loads what it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import littoral

PUBLIC = [
    "Arrays",
    "Contract",
    "Generator",
    "ImageFolder",
    "LittoralError",
    "__version__",
    "convert",
    "load",
    "memory",
    "scope",
    "tune",
    "vision",
]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_the_public_names_are_pinned() -> None:
    assert sorted(littoral.__all__) == PUBLIC
    assert dir(littoral) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(littoral, name) is not None


def test_import_brings_nothing_but_itself_and_the_standard_library() -> None:
    code = "import sys; before = set(sys.modules); import littoral; print(*sorted(set(sys.modules) - before))"
    loaded = {name.partition(".")[0] for name in run(code).split()}
    assert loaded <= {"littoral", *sys.stdlib_module_names}


def test_convert_can_be_called_whichever_way_it_was_imported() -> None:
    for first in ("littoral.convert", "littoral.convert.sources"):
        assert run(f"import littoral as lt, {first}; print(callable(lt.convert))").split() == ["True"]


def test_loading_a_model_does_not_bring_tensorflow() -> None:
    code = "import sys, littoral as lt; lt.load, lt.ImageFolder, lt.vision; print('tensorflow' in sys.modules)"
    assert run(code).split() == ["False"]


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(AttributeError, match="ImageFolder"):
        _ = littoral.nonsense


def test_the_version_is_the_installed_one() -> None:
    assert run("import littoral; print(littoral.__version__)").strip() == littoral.__version__
    assert littoral.__version__[0].isdigit()
