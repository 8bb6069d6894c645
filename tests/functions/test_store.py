"""The store: versions, rollback, damage, several writers, a writer that is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from littoral.functions.errors import StoreError
from littoral.functions.store import Store, Version


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def deploy(store: Store, name: str, text: bytes = b"module", route: str = "") -> Version:
    """A version of three objects."""
    with store.writing():
        digest = store.objects.put(text)
        manifest = store.objects.put(b"manifest of " + text)
        fresh = Version(
            0, "2026-01-01", route or name, manifest, digest, digest, {"m": store.objects.put(b"a model")}, {}
        )
        return store.commit(name, fresh)


def test_versions_are_numbered_and_the_last_answers(store: Store) -> None:
    assert [deploy(store, "f", text).number for text in (b"one", b"two", b"three")] == [1, 2, 3]
    record = store.record("f")
    assert record.current == 3
    assert store.objects.read(record.version().module) == b"three"
    assert store.objects.read(record.version(1).module) == b"one"
    assert store.names() == ["f"]


def test_rollback_goes_back_one_by_one_or_to_a_number(store: Store) -> None:
    for text in (b"one", b"two", b"three"):
        deploy(store, "f", text)
    assert store.rollback("f").number == 2
    assert store.rollback("f").number == 1
    with pytest.raises(StoreError, match="no version before 1"):
        store.rollback("f")
    assert store.rollback("f", 3).number == 3
    with pytest.raises(StoreError, match=r"has no version 9\. Versions: 1, 2, 3"):
        store.rollback("f", 9)
    assert deploy(store, "f", b"four").number == 4


def test_what_is_not_there_is_named_beside_what_is(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no function 'f'\. Deployed: none yet"):
        store.record("f")
    deploy(store, "g")
    with pytest.raises(StoreError, match=r"no function 'f'\. Deployed: g"):
        store.remove("f")
    store.remove("g")
    assert store.names() == []
    for name in ("", "../f", "-f", "a/b", "x" * 65):
        with pytest.raises(StoreError, match="is no name of a function"):
            store.record(name)


def test_a_stamp_changes_with_the_function_only(store: Store) -> None:
    assert store.stamp("f") is None
    deploy(store, "f", b"one")
    before = store.stamp("f")
    deploy(store, "g")
    assert store.stamp("f") == before
    deploy(store, "f", b"two")
    changed = store.stamp("f")
    assert changed != before
    store.rollback("f")
    assert store.stamp("f") != changed


def test_a_route_is_that_of_one_function(store: Store) -> None:
    deploy(store, "f")
    deploy(store, "g", route="pictures")
    assert store.routes() == {"f": "f", "pictures": "g"}
    with pytest.raises(StoreError, match="the route 'f' is that of function 'f'"):
        deploy(store, "g", route="f")
    deploy(store, "g", route="photos")
    assert store.routes() == {"f": "f", "photos": "g"}
    store.rollback("g")
    assert store.routes() == {"f": "f", "pictures": "g"}
    store.remove("f")
    assert store.routes() == {"pictures": "g"}


def test_a_flipped_bit_is_noticed(store: Store) -> None:
    version = deploy(store, "f")
    path = store.objects.path(version.module)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        store.objects.path(version.module)
    path.unlink()
    with pytest.raises(StoreError, match="is missing"):
        store.objects.read(version.module)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format": 1}', b'{"format": 1, "versions": [3]}'])
def test_a_damaged_record_is_an_error_and_not_an_empty_function(store: Store, tmp_path: Path, content: bytes) -> None:
    deploy(store, "f")
    path = tmp_path / "store/functions/f.json"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        store.record("f")
    with pytest.raises(StoreError, match="is damaged"):
        deploy(store, "f")


def test_a_record_of_a_newer_littoral_is_left_alone(store: Store, tmp_path: Path) -> None:
    deploy(store, "f")
    path = tmp_path / "store/functions/f.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(StoreError, match="newer littoral"):
        store.record("f")


def test_objects_that_no_version_names_are_thrown_away(store: Store) -> None:
    kept, gone = deploy(store, "f", b"kept"), deploy(store, "g", b"gone")
    store.remove("g")
    assert store.collect() == len(b"gone") + len(b"manifest of gone")
    assert store.objects.read(kept.module) == b"kept"
    assert store.objects.read(kept.models["m"]) == b"a model"
    with pytest.raises(StoreError, match="is missing"):
        store.objects.read(gone.module)


def test_throwing_away_waits_for_who_writes(store: Store) -> None:
    done = threading.Event()

    def collect() -> None:
        store.collect()
        done.set()

    with store.writing():
        digest = store.objects.put(b"not yet committed")
        thread = threading.Thread(target=collect)
        thread.start()
        assert not done.wait(0.2)
        assert store.objects.read(digest) == b"not yet committed"
        store.commit("f", Version(0, "", "f", digest, digest, digest, {}, {}))
    thread.join(10)
    assert done.is_set()
    assert store.objects.read(digest) == b"not yet committed"


def test_nothing_is_left_of_what_could_not_be_written(store: Store, tmp_path: Path) -> None:
    deploy(store, "f")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileNotFoundError):
        store.objects.put(tmp_path / "nothing")
    assert sorted(tmp_path.rglob("*")) == before


_WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store import deploy
from littoral.functions.store import Store
store = Store(Path({folder!r}))
print("ready", flush=True)
for number in range({count}):
    deploy(store, {name!r}, b"%d of %d" % (number, {seed}))
    print(number, flush=True)
"""


def writer(folder: Path, name: str, count: int, seed: int) -> subprocess.Popen[bytes]:
    """A process that deploys, and says so."""
    tests = str(Path(__file__).parent)
    code = _WRITER.format(tests=tests, folder=str(folder), name=name, count=count, seed=seed)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def test_processes_share_it(tmp_path: Path) -> None:
    for process in [writer(tmp_path, name, 10, seed) for seed, name in enumerate(("f", "f", "g"))]:
        with process:
            assert process.wait(60) == 0
    store = Store(tmp_path)
    assert [version.number for version in store.record("f").versions] == list(range(1, 21))
    assert store.record("g").current == 10
    assert all(store.objects.read(version.module) for name in "fg" for version in store.record(name).versions)


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: list[bytes] = []
    for kill in range(5):
        marker = seed * 100 + kill
        with writer(tmp_path, "f", 10**6, marker) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.05))
            os.kill(process.pid, signal.SIGKILL)
            acknowledged += [b"%d of %d" % (int(line), marker) for line in process.stdout if line.endswith(b"\n")]
    store = Store(tmp_path)
    present = []
    if acknowledged:
        record = store.record("f")
        assert record.current == len(record.versions)  # no half one
        present = [store.objects.read(version.module) for version in record.versions]
    assert [text for text in present if text in set(acknowledged)] == acknowledged
    assert len(present) - len(acknowledged) <= 5  # at most one a kill was kept and not acknowledged any more
    store.collect()
    assert [
        store.objects.read(version.module) for version in (store.record("f").versions if present else ())
    ] == present
