"""What every test may use: the shared data, found through LITTORAL_TEST_DATA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def littoral_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What littoral keeps goes into a folder of this run, in child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("LITTORAL_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real models and photos; tests that need it are skipped where it is not."""
    folder = Path(os.environ.get("LITTORAL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}: set LITTORAL_TEST_DATA to the folder that holds coral/ and flowers/")
    return folder


@pytest.fixture(scope="session")
def coral(shared_data: Path) -> Path:
    """Real TFLite models, pictures and labels from the Coral project."""
    return shared_data / "coral"


@pytest.fixture(scope="session")
def flowers(shared_data: Path) -> Path:
    """Photos of flowers, a Keras 2 model and the files once converted from it."""
    return shared_data / "flowers"
