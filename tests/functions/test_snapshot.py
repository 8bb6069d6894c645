"""What initialisation leaves is what each request starts from."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st
from tests.functions.conftest import Make, guest, imported, wasi

from littoral.functions import manifest, snapshot
from littoral.functions.compiled import prepare
from littoral.functions.errors import FunctionError, ModuleError
from littoral.functions.wasm import Module

PLAIN = manifest.parse('name = "guest"')
COUNTS = """
  (func (export "handle") (result i32)
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (call $say (i32.const 1) (i32.const 64) (i32.const 4))
    (i32.const 0))
"""


def test_each_request_starts_from_what_init_left(make: Make) -> None:
    init = '(func (export "init") (i32.store (i32.const 64) (i32.const 41)))'
    function = make(guest(COUNTS + init))
    assert [function.invoke().body for _ in range(3)] == [struct.pack("<i", 42)] * 3


def test_start_initialize_and_init_run_once_in_this_order(make: Make) -> None:
    def digit(number: int) -> str:
        shifted = "(i32.mul (i32.load (i32.const 64)) (i32.const 10))"
        return f"(i32.store (i32.const 64) (i32.add {shifted} (i32.const {number})))"

    function = make(
        guest(
            f'{COUNTS} (func $s {digit(1)}) (start $s) (func (export "init") (result i32) {digit(3)} (i32.const 0))'
            f'(func (export "_initialize") {digit(2)})'
        )
    )
    assert function.invoke().body == struct.pack("<i", 124)


def test_globals_of_every_type_are_kept_bit_by_bit(make: Make) -> None:
    nan = "(f32.reinterpret_i32 (i32.const 0x7fa00001))"
    code = f"""
  (global $a (mut i32) (i32.const 0)) (global $b (mut i64) (i64.const 0)) (global $c (mut f32) (f32.const 0))
  (global $d (mut f64) (f64.const 0)) (global $e (mut v128) (v128.const i64x2 0 0)) (global $k i32 (i32.const 9))
  (func (export "init")
    (global.set $a (i32.const -5)) (global.set $b (i64.const -6000000000)) (global.set $c {nan})
    (global.set $d (f64.const -1.5)) (global.set $e (v128.const i64x2 -3 4)))
  (func (export "handle") (result i32)
    (i32.store (i32.const 64) (global.get $a)) (i64.store (i32.const 72) (global.get $b))
    (f32.store (i32.const 80) (global.get $c)) (f64.store (i32.const 88) (global.get $d))
    (v128.store (i32.const 96) (global.get $e)) (i32.store (i32.const 112) (global.get $k))
    (call $say (i32.const 1) (i32.const 64) (i32.const 52))
    (i32.const 0))"""
    body = make(guest(code)).invoke().body
    assert struct.unpack("<i4xqI4xdqqi", body) == (-5, -6000000000, 0x7FA00001, -1.5, -3, 4, 9)


def test_memory_that_init_grew_stays_as_large(make: Make) -> None:
    code = """
  (func (export "init") (drop (memory.grow (i32.const 40))) (i32.store (i32.const 2686972) (i32.const 7)))
  (func (export "handle") (result i32)
    (i32.store (i32.const 64) (memory.size))
    (i32.store (i32.const 68) (i32.load (i32.const 2686972)))
    (call $say (i32.const 1) (i32.const 64) (i32.const 8)) (i32.const 0))"""
    assert struct.unpack("<ii", make(guest(code, pages="1 60")).invoke().body) == (41, 7)


def test_passive_data_can_still_be_asked_for(make: Make) -> None:
    code = """
  (data (i32.const 64) "active") (data $p "passive")
  (func (export "init") (i32.store8 (i32.const 64) (i32.const 65)))
  (func (export "handle") (result i32)
    (memory.init $p (i32.const 70) (i32.const 0) (i32.const 7))
    (call $say (i32.const 1) (i32.const 64) (i32.const 13)) (i32.const 0))"""
    assert make(guest(code)).invoke().body == b"Activepassive"


def test_tables_of_functions_work_as_before(make: Make) -> None:
    code = """
  (table 3 funcref) (elem (i32.const 1) $four) (func $four (result i32) (i32.const 4))
  (func (export "init"))
  (func (export "handle") (result i32) (call_indirect (result i32) (i32.const 1)))"""
    assert make(guest(code)).invoke().status == 4


HANDLE = '(func (export "handle") (result i32) (i32.const 0))'
OPENS = """(data (i32.const 64) "note") (func (export "init") (drop (call $path_open (i32.const 3) (i32.const 0)
  (i32.const 64) (i32.const 4) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 80))))"""
SETS = """(table 2 funcref) (func $f) (elem declare func $f)
  (func (export "init") (table.set (i32.const 0) (ref.func $f)))"""
GROWS = '(table 2 funcref) (func (export "init") (drop (table.grow (ref.null func) (i32.const 1))))'


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (SETS, "changes a table"),
        (GROWS, "changes a table"),
        ('(table 2 externref) (func (export "init"))', "external references"),
        ('(global (mut funcref) (ref.null func)) (func (export "init"))', "a global that is a reference"),
        ('(func (export "init") (result i32) (i32.const 3))', "init of guest.wasm gave 3"),
        ('(func (export "init") (call $proc_exit (i32.const 0)))', "ends the program"),
        ('(func (export "init") (drop (call $fd_close (i32.const 1))))', "closes a standard stream"),
        (OPENS, "leaves files open.*note"),
    ],
)
def test_what_cannot_be_kept_is_refused(code: str, says: str) -> None:
    opens = wasi("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32") + wasi("fd_close", "i32")
    exits = imported("wasi_snapshot_preview1", "proc_exit", "i32", "")
    with pytest.raises(ModuleError, match=says):
        prepare(guest(code + HANDLE, opens + exits), PLAIN, {"note": b"x"})


def test_an_init_that_fails_is_an_error_with_its_log() -> None:
    says = "(call $say (i32.const 2) (i32.const 64) (i32.const 5))"
    code = f'{HANDLE} (data (i32.const 64) "oh no") (func (export "init") {says} unreachable)'
    with pytest.raises(FunctionError, match="stopped itself") as caught:
        prepare(guest(code), PLAIN)
    assert caught.value.log.startswith("oh no\n")


def test_a_snapshot_is_a_module_that_has_nothing_left_to_run() -> None:
    prepared = prepare(guest(COUNTS + '(func $s) (start $s) (func (export "init"))'), PLAIN)
    assert not snapshot.needed(Module.read(prepared))
    wasmtime.Module.validate(wasmtime.Engine(), prepared)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 9)), max_size=12))
def test_runs_hold_all_that_is_not_zero(stains: list[tuple[int, int]]) -> None:
    memory = np.zeros(256 * 4096, np.uint8)
    for page, length in stains:
        memory[page * 4096 + 17 : page * 4096 + 17 + length * 1000] = 1
    copy = np.zeros_like(memory)
    runs = snapshot._runs(memory.tobytes())
    for start, end in runs:
        copy[start:end] = memory[start:end]
    assert (copy == memory).all()
    assert all(first[1] + snapshot._LARGEST_GAP < second[0] for first, second in pairwise(runs))


def test_a_large_sparse_memory_is_filled_up_so_that_it_can_be_mapped() -> None:
    memory = np.zeros(32 << 20, np.uint8)
    memory[:: 1 << 20] = 1  # a page in each MiB
    runs = snapshot._runs(memory.tobytes())
    assert 2 * sum(end - start for start, end in runs) >= runs[-1][1] - runs[0][0]
