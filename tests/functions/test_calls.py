"""Host calls: functions of the owner's that guests import."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from tests.functions.conftest import Make, guest, imported

from littoral.errors import LittoralError
from littoral.functions import F32, I64, calls, host_call
from littoral.functions.errors import FunctionError, ManifestError, ModuleError
from littoral.functions.function import Function


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_registry", {})


def test_numbers_of_every_type_go_there_and_back(make: Make) -> None:
    seen: list[Any] = []

    @host_call("mix")
    def mix(a: int, b: I64, c: float, d: F32) -> float:
        seen.append((a, b, c, d))
        return a + c

    @host_call("wide")
    def wide(a: I64) -> I64:
        return I64(a * 2)

    @host_call("single")
    def single(a: F32) -> F32:
        return F32(a / 2)

    @host_call("plain")
    def plain(a: int) -> int:
        return -a

    @host_call("quiet")
    def quiet() -> None:
        seen.append("quiet")

    imports = (
        imported("littoral", "mix", "i32 i64 f64 f32", "(result f64)")
        + imported("littoral", "wide", "i64", "(result i64)")
        + imported("littoral", "single", "f32", "(result f32)")
        + imported("littoral", "plain", "i32")
        + '(import "littoral" "quiet" (func $quiet))'
    )
    code = """(func (export "handle") (result i32) (call $quiet)
      (f64.store (i32.const 64) (call $mix (i32.const -2) (i64.const -5000000000) (f64.const 1.25) (f32.const 0.5)))
      (i64.store (i32.const 72) (call $wide (i64.const -3000000000)))
      (f32.store (i32.const 80) (call $single (f32.const 3)))
      (i32.store (i32.const 84) (call $plain (i32.const 7)))
      (call $say (i32.const 1) (i32.const 64) (i32.const 24)) (i32.const 0))"""
    names = '"mix", "wide", "single", "plain", "quiet"'
    body = make(guest(code, imports), f"host_calls = [{names}]").invoke().body
    assert struct.unpack("<dqfi", body) == (-0.75, -6000000000, 1.5, -7)
    assert seen == ["quiet", (-2, -5000000000, 1.25, 0.5)]


def upper(make: Make, room: int, place: int = 200) -> Function:
    @host_call("upper")
    def shout(text: bytes) -> bytes:
        return text.upper()

    code = f"""(data (i32.const 64) "hello") (func (export "handle") (result i32)
      (i32.store (i32.const 100) (call $upper (i32.const 64) (i32.const 5) (i32.const {place}) (i32.const {room})))
      (call $say (i32.const 1) (i32.const 200) (i32.const 5)) (i32.load (i32.const 100)))"""
    return make(guest(code, imported("littoral", "upper", "i32 i32 i32 i32")), 'host_calls = ["upper"]')


def test_bytes_go_there_and_back(make: Make) -> None:
    answer = upper(make, room=5).invoke()
    assert (answer.status, answer.body) == (5, b"HELLO")


def test_too_little_room_leaves_memory_and_says_how_much_it_takes(make: Make) -> None:
    answer = upper(make, room=4).invoke()
    assert (answer.status, answer.body) == (5, b"\0" * 5)


def test_a_wrong_pointer_ends_the_request(make: Make) -> None:
    with pytest.raises(FunctionError, match="upper was given a wrong pointer: 5 bytes at 65534"):
        upper(make, room=5, place=65534).invoke()


def test_an_exception_ends_the_request_and_is_said(make: Make) -> None:
    @host_call("fails")
    def fails() -> None:
        raise ValueError("no such row")

    code = '(func (export "handle") (call $fails))'
    function = make(guest(code, '(import "littoral" "fails" (func $fails))'), 'host_calls = ["fails"]')
    with pytest.raises(FunctionError, match="the host call fails failed: ValueError: no such row") as caught:
        function.invoke()
    assert caught.value.kind == "host"


def test_a_host_call_may_run_another_function(make: Make) -> None:
    inner = make(guest('(func (export "handle") (result i32) (i32.const 5))'))

    @host_call("inner")
    def run_inner() -> int:
        return inner.invoke().status

    code = """(func (export "handle") (result i32) (local $got i32) (local.set $got (call $inner))
      (call $say (i32.const 1) (i32.const 64) (i32.const 1)) (local.get $got))"""
    answer = make(
        guest(code, '(import "littoral" "inner" (func $inner (result i32)))'), 'host_calls = ["inner"]'
    ).invoke()
    assert (answer.status, answer.body) == (5, b"\0")


def test_what_the_manifest_does_not_list_is_not_there(make: Make) -> None:
    @host_call("secret")
    def secret() -> int:
        return 1

    code = '(func (export "handle") (result i32) (call $secret))'
    module = guest(code, '(import "littoral" "secret" (func $secret (result i32)))')
    with pytest.raises(ModuleError, match=r"imports littoral\.secret.*List it in host_calls"):
        make(module)
    with pytest.raises(ManifestError, match=r"'other' is not offered here\. Offered: secret"):
        make(module, 'host_calls = ["other"]')
    with pytest.raises(ModuleError, match=r"as \(i32\) -> \(i32\); it is \(\) -> \(i32\)"):
        make(guest(HANDLE, imported("littoral", "secret", "i32")), 'host_calls = ["secret"]')


HANDLE = '(func (export "handle"))'


def test_types_and_names_are_checked_when_it_is_offered() -> None:
    def takes_text(text: str) -> None: ...

    def gives_text() -> str: ...  # type: ignore[empty-body]

    with pytest.raises(LittoralError, match=r"text has the type str.*Accepted: int"):
        host_call("takes")(takes_text)
    with pytest.raises(LittoralError, match="its result has the type str"):
        host_call("gives")(gives_text)
    host_call("name")(test_bytes_of_nothing)
    with pytest.raises(LittoralError, match="there is a host call 'name' already"):
        host_call("name")(test_bytes_of_nothing)


def test_bytes_of_nothing() -> None:
    assert calls.find(()) == ()
