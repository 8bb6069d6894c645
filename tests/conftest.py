"""What every test may use: the shared data, found through LITTORAL_TEST_DATA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browsers import WITH_WEBNN, WITHOUT_WEBNN, There, browser_of, playwright_there

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def littoral_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What littoral keeps goes into a folder of this run, in child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("LITTORAL_HOME", str(home))
        patch.delenv("COLUMNS", raising=False)  # pages are as wide as where nobody looks: xdist says 80
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


@pytest.fixture(scope="session")
def playwright() -> Iterator[There]:
    """Playwright, which drives the browsers of all tests in this process."""
    with playwright_there() as started:
        yield started


@pytest.fixture(scope="session")
def webnn_browser(playwright: There) -> Iterator[Any]:
    """Chromium with a WebNN backend (playwright's Browser)."""
    with browser_of(playwright, WITH_WEBNN) as browser:
        yield browser


@pytest.fixture(scope="session")
def plain_browser(playwright: There) -> Iterator[Any]:
    """Debian's Chromium, which has navigator.ml and no backend behind it."""
    with browser_of(playwright, WITHOUT_WEBNN) as browser:
        yield browser
