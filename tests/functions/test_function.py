"""Requests: what guests do wrong is an error of that request, and nothing is left of it."""

from __future__ import annotations

import gc
import os
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.functions.conftest import Doubler, Make, guest, imported

from littoral.errors import ClosedError
from littoral.functions import manifest, native
from littoral.functions.compiled import compile as compile_module
from littoral.functions.engine import ticker
from littoral.functions.errors import FunctionError, ManifestError, ModuleError
from littoral.functions.function import Function

ECHO = """
  (func (export "handle") (result i32) (local $n i32)
    (local.set $n (call $body (i32.const 1024) (i32.const 60000)))
    (call $say (i32.const 1) (i32.const 1024) (local.get $n))
    (i32.load8_u (i32.const 1024)))"""


def handle(code: str) -> str:
    return f'(func (export "handle") (result i32) {code})'


LOOP = handle("(loop $l (br $l)) (i32.const 0)")
EXIT = imported("wasi_snapshot_preview1", "proc_exit", "i32", "")
GROWS = """(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable"""


def test_the_body_goes_in_and_the_answer_comes_out(make: Make) -> None:
    function = make(guest(ECHO))
    answer = function.invoke(b"\0hello")
    assert (answer.status, answer.body, answer.log) == (0, b"\0hello", "")
    assert 0 < answer.timing.instance <= answer.timing.total
    assert function.invoke(bytearray(b"\7")).status == 7
    assert function.invoke(np.arange(3, dtype=np.int16).data).body == b"\0\0\1\0\2\0"


def test_requests_share_nothing(make: Make) -> None:
    code = handle(
        "(i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1))) (i32.load (i32.const 64))"
    )
    function = make(guest(code))
    assert [function.invoke().status for _ in range(5)] == [1] * 5


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (handle("unreachable"), "trap", "stopped itself"),
        (handle("(i32.load (i32.const 65536))"), "trap", "outside of its memory"),
        (handle("(i32.div_s (i32.const 1) (i32.load (i32.const 64)))"), "trap", "divided by zero"),
        (handle("(i32.div_s (i32.const 0x80000000) (i32.const -1))"), "trap", "smallest integer"),
        (handle("(i32.trunc_f32_s (f32.const nan))"), "trap", "no integer"),
        (f"(func $r (result i32) (i32.add (call $r) (call $r))) {handle('(call $r)')}", "trap", "endless recursion"),
        (f"(table 1 funcref) {handle('(call_indirect (result i32) (i32.const 0))')}", "trap", "is null"),
        (handle("(call $proc_exit (i32.const 3)) (i32.const 0)"), "exit", "exit code 3"),
        (handle(GROWS), "memory", "128 KiB of its memory of 128 KiB"),
        (LOOP, "time", "ran longer than 0.05 s"),
        (
            handle("(call $say (i32.const 1) (i32.const 64) (i32.const 5000)) (i32.const 0)"),
            "output",
            "more than 4 KiB",
        ),
    ],
)
def test_what_a_guest_does_wrong_is_said(make: Make, code: str, kind: str, says: str) -> None:
    function = make(guest(code, EXIT), '[limits]\ntime = 0.05\nmemory = "128 KiB"\noutput = "4 KiB"')
    for _ in range(2):
        with pytest.raises(FunctionError, match=says) as caught:
            function.invoke()
        assert caught.value.kind == kind
        assert "guest" in str(caught.value)


def test_the_log_of_a_failure_says_where(make: Make) -> None:
    function = make(guest('(func $deep unreachable) (data (i32.const 64) "before")' + handle(
        "(call $say (i32.const 2) (i32.const 64) (i32.const 6)) (call $deep) (i32.const 0)")))  # fmt: skip
    with pytest.raises(FunctionError) as caught:
        function.invoke()
    assert caught.value.log.startswith("before\n")
    assert "deep" in caught.value.log


def test_exit_code_0_is_a_good_end(make: Make) -> None:
    code = handle("(call $say (i32.const 1) (i32.const 64) (i32.const 2)) (call $proc_exit (i32.const 0)) unreachable")
    answer = make(guest(f'(data (i32.const 64) "ok") {code}', EXIT)).invoke()
    assert (answer.status, answer.body) == (0, b"ok")


def test_a_wrong_pointer_is_a_number_for_the_guest_and_a_remark(make: Make) -> None:
    function = make(guest(handle("(call $fd_write (i32.const 1) (i32.const 65530) (i32.const 1) (i32.const 8))")))
    answer = function.invoke()
    assert answer.status == 21
    assert "fd_write: 8 bytes at 65530 are not in its memory of 65536 bytes" in answer.log


def test_a_list_of_4_gb_pieces_is_refused_before_anything_is_copied(make: Make) -> None:
    write = "(call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))"
    code = handle(f"(i32.store (i32.const 4) (i32.const -1)) {write}")
    assert make(guest(code)).invoke().status == 21


def test_memory_that_grows_is_seen_by_the_host(make: Make) -> None:
    code = handle(
        "(drop (memory.grow (i32.const 1))) (i32.store8 (i32.const 70000) (i32.const 65))"
        "(call $say (i32.const 1) (i32.const 70000) (i32.const 1)) (i32.const 0)"
    )
    answer = make(guest(code)).invoke()
    assert (answer.body, answer.memory) == (b"A", 2 << 16)


def test_a_command_starts_anew_for_each_request(make: Make) -> None:
    code = '(data (i32.const 64) "ran") (func (export "_start") (call $say (i32.const 1) (i32.const 64) (i32.const 3)))'
    function = make(guest(code), 'entry = "_start"')
    assert [function.invoke().body for _ in range(2)] == [b"ran", b"ran"]


def test_as_many_requests_as_the_limit_says(make: Make) -> None:
    inside, go_on = threading.Event(), threading.Event()

    class Waiting(Doubler):
        def __call__(self, a: Any, b: Any, raw: bool = False) -> Any:
            inside.set()
            assert go_on.wait(30)
            return super().__call__(a, b, raw)

    function = make(guest(NN_CALLS, NN_IMPORTS), "[limits]\nconcurrency = 1", {"double": Waiting()})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(function.invoke)
        assert inside.wait(30)
        with pytest.raises(FunctionError, match="answers 1 requests already") as caught:
            function.invoke()
        assert (caught.value.kind, function.running) == ("busy", 1)
        go_on.set()
        assert first.result(30).status == 0
    assert function.invoke().status == 0


NN = "wasi_ephemeral_nn"
NN_IMPORTS = "".join(
    imported(NN, name, types)
    for name, types in {
        "load_by_name": "i32 i32 i32",
        "init_execution_context": "i32 i32",
        "set_input": "i32 i32 i32",
        "compute": "i32",
        "get_output": "i32 i32 i32 i32 i32",
    }.items()
)
NN_CALLS = """
  (data (i32.const 64) "double")
  (data (i32.const 128) "\\01\\00\\00\\00\\02\\00\\00\\00\\00\\00\\80\\3f\\00\\00\\00\\40")
  (data (i32.const 160) "\\80\\00\\00\\00\\02\\00\\00\\00\\01\\00\\00\\00\\88\\00\\00\\00\\08\\00\\00\\00")
  (func (export "handle") (result i32)
    (if (call $load_by_name (i32.const 64) (i32.const 6) (i32.const 200)) (then (return (i32.const 1))))
    (if (call $init_execution_context (i32.load (i32.const 200)) (i32.const 204)) (then (return (i32.const 2))))
    (if (call $set_input (i32.load (i32.const 204)) (i32.const 0) (i32.const 160)) (then (return (i32.const 3))))
    (if (call $set_input (i32.load (i32.const 204)) (i32.const 1) (i32.const 160)) (then (return (i32.const 4))))
    (if (call $compute (i32.load (i32.const 204))) (then (return (i32.const 5))))
    (if (call $get_output (i32.load (i32.const 204)) (i32.const 0) (i32.const 300) (i32.const 64) (i32.const 208))
      (then (return (i32.const 6))))
    (call $say (i32.const 1) (i32.const 300) (i32.load (i32.const 208)))
    (i32.const 0))"""


def test_a_guest_calls_a_model(make: Make) -> None:
    answer = make(guest(NN_CALLS, NN_IMPORTS), models={"double": Doubler()}).invoke()
    assert (answer.status, struct.unpack("<ff", answer.body)) == (0, (2.0, 4.0))


def test_a_fault_of_the_host_is_said_to_be_one(make: Make) -> None:
    class Broken(Doubler):
        def __call__(self, a: Any, b: Any, raw: bool = False) -> Any:
            raise ZeroDivisionError("oops")

    function = make(guest(NN_CALLS, NN_IMPORTS), models={"double": Broken()})
    with pytest.raises(FunctionError, match="ZeroDivisionError: oops") as caught:
        function.invoke()
    assert caught.value.kind == "host"


def test_an_interrupt_of_the_program_goes_through(make: Make) -> None:
    class Interrupted(Doubler):
        def __call__(self, a: Any, b: Any, raw: bool = False) -> Any:
            raise KeyboardInterrupt

    function = make(guest(NN_CALLS, NN_IMPORTS), models={"double": Interrupted()})
    with pytest.raises(KeyboardInterrupt):
        function.invoke()
    assert ticker.running == 0


def test_threads_share_a_function(make: Make) -> None:
    function = make(guest(ECHO), "[limits]\nconcurrency = 8")
    bodies = [b"\0" + str(number).encode() for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert [answer.body for answer in pool.map(function.invoke, bodies)] == bodies


def test_hostile_guests_beside_honest_ones(make: Make) -> None:
    honest = make(guest(ECHO))
    hostile = [
        make(guest(code, EXIT), '[limits]\ntime = 0.03\nmemory = "1 MiB"')
        for code in (LOOP, handle("unreachable"), handle(GROWS), handle("(i32.load (i32.const -4))"))
    ]
    done = threading.Event()

    def attack(function: Function) -> int:
        failures = 0
        while not done.is_set():
            with pytest.raises(FunctionError):
                function.invoke()
            failures += 1
        return failures

    with ThreadPoolExecutor(4) as pool:
        attacks = [pool.submit(attack, function) for function in hostile]
        try:
            for number in range(300):
                assert honest.invoke(b"\0%d" % number).body == b"\0%d" % number
        finally:
            done.set()
        assert all(attack.result() for attack in attacks)


NO_TIME = '[limits]\ntime = 0.05\nmemory = "1 MiB"\noutput = "4 KiB"'


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_modules_are_refused_or_run_in_their_box(make: Make, data: st.DataObject) -> None:
    module = bytearray(guest(ECHO))
    for _ in range(data.draw(st.integers(1, 3))):
        module[data.draw(st.integers(8, len(module) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ModuleError, ManifestError, FunctionError):  # any other error fails
        assert isinstance(make(bytes(module), NO_TIME).invoke(b"hello").body, bytes)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_is_left_of_requests(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    library, alive = native.native(), [0, 0]
    new, delete = library.store_new, library.store_delete

    def counted_new(*arguments: Any) -> Any:
        alive[0] += 1
        return new(*arguments)

    def counted_delete(*arguments: Any) -> Any:
        alive[1] += 1
        return delete(*arguments)

    monkeypatch.setattr(library, "store_new", counted_new)
    monkeypatch.setattr(library, "store_delete", counted_delete)
    good = make(guest(NN_CALLS, NN_IMPORTS), models={"double": Doubler()})
    fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 900000))"
    bad = make(guest(handle(f"(drop (memory.grow (i32.const 15))) {fill} unreachable")))

    def requests(count: int) -> None:
        for _ in range(count):
            assert good.invoke().status == 0
            with pytest.raises(FunctionError):
                bad.invoke()

    requests(200)
    gc.collect()
    before, maps = resident(), len(Path("/proc/self/maps").read_text().splitlines())
    requests(1500)
    gc.collect()
    assert alive == [3400, 3400]
    assert resident() - before < 4 << 20  # one instance of the second kind that was left each time would be 1.3 GB
    assert len(Path("/proc/self/maps").read_text().splitlines()) - maps < 20
    assert ticker.running == 0


FORKS = """
import os, sys, wasmtime
from littoral.functions import manifest
from littoral.functions.compiled import compile
from littoral.functions.errors import FunctionError
from littoral.functions.function import Function
described = manifest.parse('name = "loop"\\n[limits]\\ntime = 0.05')
text = '(module (memory (export "memory") 1) (func (export "handle") (loop $l (br $l))))'
function = Function(compile(bytes(wasmtime.wat2wasm(text)), described), described)
def kind():
    try:
        function.invoke()
    except FunctionError as error:
        return error.kind
assert kind() == "time"
child = os.fork()
if child == 0:
    os._exit(0 if kind() == "time" else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


ENDS = """
import atexit
from littoral.functions.engine import engine
from littoral.functions.link import linker
def look():
    for handle in (engine(), linker(()), function._linked.pre):
        try:
            handle.ptr()
        except ValueError:
            print("let go")
atexit._run_exitfuncs()  # as the interpreter does before it takes itself apart
look()
"""


def test_a_program_may_end_with_functions_open() -> None:
    code = FORKS.partition("child = ")[0] + ENDS
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "let go\n" * 3)


def test_time_limits_hold_in_a_forked_process() -> None:
    assert subprocess.run([sys.executable, "-c", FORKS], timeout=60).returncode == 0


def test_a_closed_function_refuses(make: Make) -> None:
    function = make(guest(ECHO))
    function.close()
    function.close()
    with pytest.raises(ClosedError, match="the function guest is closed"):
        function.invoke()


def test_what_a_function_lacks_is_said_when_it_is_made() -> None:
    described = manifest.parse('name = "guest"\n[models.double]')
    compiled = compile_module(guest(ECHO), described)
    with pytest.raises(ManifestError, match="needs the model 'double'"):
        Function(compiled, described)
    with pytest.raises(ManifestError, match="exports no function 'other'"):
        Function(compiled, manifest.parse('name = "guest"\nentry = "other"'))
    with pytest.raises(ManifestError, match="begins with 64 KiB of memory"):
        Function(compiled, manifest.parse('name = "guest"\n[limits]\nmemory = "1 KiB"'))
