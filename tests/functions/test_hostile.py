"""Guests that do what they may not, beside an honest one: each ends for its own reason, and nothing stays."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path

import pytest
import wasmtime
from tests.functions.conftest import Doubler, Make, guest

from littoral.functions.engine import ticker
from littoral.functions.errors import FunctionError
from littoral.functions.function import Function

LIMITS = '[limits]\ntime = 0.05\nmemory = "4 MiB"\noutput = "64 KiB"\nconcurrency = 64\n'

NN = """
  (import "wasi_ephemeral_nn" "load" (func $bytes (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context" (func $context (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output" (func $get (param i32 i32 i32 i32 i32) (result i32)))
"""
MODEL = '(data (i32.const 100) "model")'
LOAD = "(drop (call $load (i32.const 100) (i32.const 5) (i32.const 200)))"

HOSTILE = {
    "loop": ("(loop $again (br $again))", "time"),
    "trap": ("unreachable", "trap"),
    "recursion": ("(call $handle)", "trap"),
    "division": ("(i32.store (i32.const 0) (i32.div_u (i32.const 1) (i32.load (i32.const 0))))", "trap"),
    "null pointer far away": ("(i32.store (i32.const -4) (i32.const 1))", "trap"),
    "memory hog": (
        """(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536))) unreachable""",
        "memory",
    ),
    "endless output": (
        "(loop $again (call $say (i32.const 1) (i32.const 1024) (i32.const 9000)) (br $again))",
        "output",
    ),
    "endless log": ("(loop $again (call $say (i32.const 2) (i32.const 1024) (i32.const 9000)) (br $again))", "time"),
    "contexts without end": (
        f"(loop $again {LOAD} (drop (call $context (i32.load (i32.const 200)) (i32.const 204))) (br $again))",
        "time",
    ),
}


def enemy(make: Make, code: str) -> Function:
    module = guest(f'{MODEL} (func $handle (export "handle") {code})', NN)
    return make(module, LIMITS, {"model": Doubler()})


@pytest.mark.parametrize("name", HOSTILE)
def test_each_ends_for_its_own_reason(make: Make, name: str) -> None:
    code, kind = HOSTILE[name]
    function = enemy(make, code)
    for _ in range(3):
        with pytest.raises(FunctionError) as caught:
            function.invoke(b"body")
        assert caught.value.kind == kind
        assert caught.value.cause.startswith("guest ")
    assert function.running == 0


def test_output_of_four_gigabytes_is_a_pointer_out_of_memory(make: Make) -> None:
    """The guest asks to write more than it has: an error number for it, and nothing is written."""
    code = """(func (export "handle") (result i32)
        (i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const -1))
        (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"""
    answer = make(guest(code), LIMITS).invoke()
    assert answer.status == 21  # errno fault
    assert answer.body == b""


ADDRESSES = [0, 1, 3, 65_530, 65_536, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFC, 0xFFFF_FFFF]


@pytest.mark.parametrize("address", ADDRESSES)
def test_pointers_to_anywhere_are_error_numbers(make: Make, address: int) -> None:
    """Every host function with every argument the same wild number: none traps the host, none succeeds silently."""
    at = f"(i32.const {address})"
    calls = [("bytes", 5), ("load", 3), ("context", 2), ("set", 3), ("compute", 1), ("get", 5)]
    calls += [("fd_write", 4), ("fd_read", 4)]
    code = " ".join(
        f"(i32.store8 (i32.const {1000 + place}) (call ${name} {' '.join([at] * count)}))"
        for place, (name, count) in enumerate(calls)
    )
    shown = "(call $say (i32.const 1) (i32.const 1000) (i32.const 8))"
    answer = make(guest(f'{MODEL} (func (export "handle") {code} {shown})', NN), LIMITS, {"model": Doubler()}).invoke()
    errors = dict(zip([name for name, _ in calls], answer.body, strict=True))
    assert all(errors[name] for name in ("bytes", "load", "set", "compute", "get")), errors


def held() -> int:
    """Bytes of memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_honest_requests_between_hostile_ones_are_answered_and_nothing_is_left(make: Make) -> None:
    enemies = [
        enemy(make, HOSTILE[name][0]) for name in ("trap", "memory hog", "endless output", "division", "recursion")
    ]
    echo = """(func (export "handle")
        (call $say (i32.const 1) (i32.const 1024) (call $body (i32.const 1024) (i32.const 60000))))"""
    honest = make(guest(echo), "[limits]\nconcurrency = 64\n")
    wrong: list[bytes] = []

    def work(caller: int, rounds: int) -> None:
        for turn in range(rounds):
            body = f"{caller} {turn}".encode() * 100
            if honest.invoke(body).body != body:
                wrong.append(body)
            with pytest.raises(FunctionError):
                enemies[turn % len(enemies)].invoke(body)

    def crowd(rounds: int) -> None:
        threads = [threading.Thread(target=work, args=(caller, rounds)) for caller in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    crowd(50)
    before, threads = held(), threading.active_count()
    crowd(250)
    assert not wrong
    assert ticker.running == honest.running == sum(each.running for each in enemies) == 0
    assert threading.active_count() == threads
    assert held() - before < 4 << 20  # one leaked instance of a thousand hostile ones would be 4 MiB


def test_a_module_that_asks_for_the_network_is_refused_by_name(make: Make) -> None:
    text = """(module (import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "handle")))"""
    with pytest.raises(Exception, match="sock_open"):
        make(bytes(wasmtime.wat2wasm(text)))
