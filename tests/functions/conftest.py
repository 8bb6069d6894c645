"""Small guests in the text form of WebAssembly, and models of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wasmtime

from littoral.functions import manifest
from littoral.functions.compiled import compile as compile_module
from littoral.functions.function import Function
from littoral.runtime import TensorInfo

GUESTS = Path(__file__).parent / "guests"
PREAMBLE = """
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  {imports}
  (memory (export "memory") {pages})
  (func $say (param $descriptor i32) (param $start i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $start))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (local.get $descriptor) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $body (param $start i32) (param $room i32) (result i32)
    (i32.store (i32.const 0) (local.get $start))
    (i32.store (i32.const 4) (local.get $room))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))
"""


def guest(code: str, imports: str = "", pages: str = "1") -> bytes:
    """A module of this code, $say(descriptor, start, size) and $body(start, room) -> size: bytes 0 to 15 are theirs."""
    return bytes(wasmtime.wat2wasm(f"(module {PREAMBLE.format(imports=imports, pages=pages)} {code})"))


def wasi(name: str, types: str) -> str:
    """The import of a function of WASI, as in wasi("fd_close", "i32"); it is called $name."""
    return imported("wasi_snapshot_preview1", name, types)


def imported(module: str, name: str, types: str, result: str = "(result i32)") -> str:
    """The import of a function, called $name."""
    return f'(import "{module}" "{name}" (func ${name} (param {types}) {result}))'


class Doubler:
    """A model: two inputs of any float32 [n, 2]; gives their sum, and twice the first."""

    def __init__(self) -> None:
        self.inputs = tuple(TensorInfo(name, name, i, (-1, 2), np.dtype(np.float32)) for i, name in enumerate("ab"))
        self.outputs = tuple(TensorInfo(name, name, i, (-1, 2), np.dtype(np.float32)) for i, name in enumerate("cd"))

    def __call__(self, a: Any, b: Any, raw: bool = False) -> Any:
        return {"c": a + b, "d": a * 2}


Make = Callable[..., Function]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes functions of modules and lines of a manifest; they are closed when the test ends."""
    made = []

    def function(
        module: bytes,
        lines: str = "",
        models: Mapping[str, Any] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Function:
        used = "".join(f"[models.{name}]\n" for name in models or {})
        described = manifest.parse(f'name = "guest"\n{lines}\n{used}')
        made.append(Function(compile_module(module, described, files), described, models, files))
        return made[-1]

    yield function
    for each in made:
        each.close()
