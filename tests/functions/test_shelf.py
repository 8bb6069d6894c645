"""The shelf: what is loaded, for whom, and when it is let go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.functions.gateway_stage import put

from littoral.errors import ClosedError, LittoralError
from littoral.functions.errors import StoreError
from littoral.functions.experiment_stage import deploy_guest
from littoral.functions.shelf import Models, NotDeployedError, Shelf
from littoral.functions.store import Store
from littoral.runtime import load, memory

OTHER = "(call $say (i32.const 1) (i32.const 16) (i32.const 4)) (i32.const 0)"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    put(store, "echo", tmp_path / "echo")
    return store


@pytest.fixture
def shelf(store: Store) -> Iterator[Shelf]:
    shelf = Shelf(store, most=3)
    yield shelf
    shelf.close()


def ask(shelf: Shelf, name: str = "echo", number: int | None = None) -> bytes:
    with shelf.lease(name, number) as lease:
        return lease.function.invoke(b"hello").body


def test_the_first_lease_loads_and_the_next_do_not(shelf: Shelf) -> None:
    with shelf.lease("echo") as first, shelf.lease("echo") as second:
        assert (first.cold, second.cold) == (True, False)
        assert first.load > second.load
        assert first.function is second.function


def test_a_deploy_is_seen_by_the_next_lease(shelf: Shelf, store: Store, tmp_path: Path) -> None:
    assert ask(shelf) == b"hello"
    with shelf.lease("echo") as old:
        put(store, "echo", tmp_path / "echo", code=OTHER)
        assert ask(shelf) == b"lost"
        assert old.function.invoke(b"still here").body == b"still here"
    with pytest.raises(ClosedError):  # nobody uses it any more
        old.function.invoke(b"")
    assert ask(shelf, number=1) == b"hello"
    store.rollback("echo")
    assert ask(shelf) == b"hello"
    with pytest.raises(StoreError, match="no version 7"):
        ask(shelf, number=7)


def test_what_is_removed_is_gone_and_may_come_back(shelf: Shelf, store: Store, tmp_path: Path) -> None:
    ask(shelf)
    store.remove("echo")
    with pytest.raises(NotDeployedError, match="no function 'echo'"):
        ask(shelf)
    assert len(shelf) == 0
    put(store, "echo", tmp_path / "echo", code=OTHER)  # it is version 1 again
    assert ask(shelf) == b"lost"


@pytest.mark.parametrize("name", ["nothing", "../echo", "", "a" * 65])
def test_names_of_nothing(shelf: Shelf, name: str) -> None:
    with pytest.raises(NotDeployedError):
        ask(shelf, name)


def test_what_was_not_used_for_longest_is_dropped(shelf: Shelf, store: Store, tmp_path: Path) -> None:
    for name in ("odd", "refuse", "trap"):
        put(store, name, tmp_path / name)
    ask(shelf)
    ask(shelf, "odd")
    ask(shelf)
    ask(shelf, "refuse")
    with shelf.lease("trap") as lease:
        assert lease.cold
    assert len(shelf) == 3
    with shelf.lease("echo") as lease:
        assert not lease.cold
    with shelf.lease("odd") as lease:
        assert lease.cold


def test_threads_that_come_together_load_it_once(shelf: Shelf) -> None:
    barrier = threading.Barrier(8)

    def one(_: int) -> tuple[bool, bytes]:
        barrier.wait()
        with shelf.lease("echo") as lease:
            return lease.cold, lease.function.invoke(b"hello").body

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))
    assert sum(cold for cold, _ in found) == 1
    assert {body for _, body in found} == {b"hello"}


def test_what_cannot_be_loaded_is_tried_again(shelf: Shelf, store: Store) -> None:
    path = store.objects.path(store.record("echo").version().manifest)
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(b"damaged")
    with pytest.raises(LittoralError, match="damaged"):
        ask(shelf)
    path.write_bytes(content)
    assert ask(shelf) == b"hello"


def test_functions_share_models_and_the_last_one_closes_them(coral: Path, tmp_path: Path) -> None:
    file = coral / "mobilenet_v1_0.25_128_quant.tflite"
    store = Store(tmp_path / "store")
    with load(file, threads=1) as model:
        for name in ("one", "two"):
            deploy_guest(store, tmp_path / name, file, model, name)
    before = memory().models
    shelf = Shelf(store, threads=1)
    with shelf.lease("one") as one, shelf.lease("two") as two:
        body = bytes(128 * 128 * 3)
        assert one.function.invoke(body).body == two.function.invoke(body).body
        assert memory().models == before + 1
    shelf.drop("one")
    assert memory().models == before + 1
    shelf.close()
    assert memory().models == before


def test_a_model_that_is_missing_is_not_kept(store: Store) -> None:
    from littoral.functions.manifest import ModelUse

    models = Models(store)
    for _ in range(2):
        with pytest.raises(StoreError, match="missing"):
            models.take("0" * 64, ModelUse())
