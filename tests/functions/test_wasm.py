"""Modules are read, and hostile bytes give an error."""

from __future__ import annotations

from contextlib import suppress

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from littoral.functions import leb, wasm
from littoral.functions.errors import ModuleError
from littoral.functions.wasm import FunctionType, Module

RICH = bytes(
    wasmtime.wat2wasm(
        """(module
  (import "a" "f" (func $f (param i32 i64) (result f32)))
  (memory (export "memory") 1 3)
  (table (export "t") 2 5 funcref)
  (global $g (export "g") (mut i32) (i32.const -7))
  (global f64 (f64.const 1.5))
  (global v128 (v128.const i64x2 1 2))
  (global funcref (ref.null func))
  (elem (i32.const 0) $f $run)
  (data (i32.const 16) "active") (data "passive")
  (func $run (export "run") (result i32) (i32.const 3))
  (func $start (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 2)))
  (start $start))"""
    )
)


def test_all_that_matters_is_read() -> None:
    module = Module.read(RICH)
    (wanted,) = module.imports
    assert (str(wanted), wanted.kind, str(wanted.type)) == ("a.f", "function", "(i32, i64) -> (f32)")
    assert module.function_type("run") == FunctionType((), ("i32",))
    assert module.function_type("memory") is None
    assert (module.memories[0].least, module.memories[0].most) == (1, 3)
    assert [kind for kind, _ in module.tables] == [wasm.FUNCREF]
    assert [(each.type, each.mutable) for each in module.globals] == [
        (wasm.I32, True),
        (wasm.F64, False),
        (wasm.V128, False),
        (wasm.FUNCREF, False),
    ]
    assert [segment.passive for segment in module.data] == [False, True]
    assert module.start == 2


def test_writing_the_sections_gives_the_module_back() -> None:
    assert wasm.write(Module.read(RICH).sections) == RICH


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not begin"),
        (b"\x7fELF\2\1\1\0", "native code"),
        (b"(module)", "text form"),
        (b"\0asm\x0d\0\1\0", "component"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x01\x05\x01", "ends too early"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x0e\x00", "a section 14"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x03\x01\x00\x01\x01\x00", "out of order"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x01\x01\x00\x01\x01\x00", "twice"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x01\x02\x00\x00", "1 bytes too many"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x01\x03\x01\x5f\x00", "form 0x5f"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x03\x02\x01\x09", "type 9 of 0"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x08\x01\x00", "function 0 of 0"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x07\x09\x02\x01a\x04\x00\x01a\x04\x00", "'a' twice"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x07\x05\x01\x01\xff\x04\x00", "UTF-8"),
        (wasm.MAGIC + b"\1\0\0\0" + b"\x01\xff\xff\xff\xff\x7f", "more than 32 bits"),
    ],
)
def test_what_is_no_module_is_said(content: bytes, says: str) -> None:
    with pytest.raises(ModuleError, match=says):
        Module.read(content)


@given(st.data())
def test_damaged_modules_are_modules_or_errors(data: st.DataObject) -> None:
    content = bytearray(RICH)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(8, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(8, len(content)))
    with suppress(ModuleError):  # any other error fails
        Module.read(bytes(content[:cut]))


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_signed_numbers_are_as_the_standard_has_them(number: int) -> None:
    kind = "i64.const" if not -(1 << 31) <= number < 1 << 31 else "i32.const"
    text = f"(module (global {kind[:3]} ({kind} {number})))"
    (only,) = Module.read(bytes(wasmtime.wat2wasm(text))).globals
    assert only.start[1:-1] == leb.signed(number)


@given(st.integers(0, (1 << 32) - 1))
def test_unsigned_numbers_go_there_and_back(number: int) -> None:
    cursor = leb.Cursor(memoryview(leb.unsigned(number)))
    assert cursor.unsigned() == number
    cursor.finish("it")
