"""The function of the experiments: the body is a model's only input as it is stored, the answer its first output.

It is made for a model, as text that wasmtime turns into a module: so an experiment needs no compiler.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np

from littoral.errors import LittoralError
from littoral.functions.limits import PAGE
from littoral.functions.nn import MODULE, TYPES

if TYPE_CHECKING:
    from littoral.runtime import TensorInfo

NAME = "model"
"""What the guest calls its model."""

_DATA = 256  # bytes 0 to 255 hold what is not there from the start

_TEXT = """
(module
  (import "{module}" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
  (import "{module}" "init_execution_context" (func $context (param i32 i32) (result i32)))
  (import "{module}" "set_input" (func $set (param i32 i32 i32) (result i32)))
  (import "{module}" "compute" (func $compute (param i32) (result i32)))
  (import "{module}" "get_output" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") {pages})
  (data (i32.const {data}) "{content}")
  (func (export "handle") (result i32) (local $error i32)
    (block $failed
      (br_if $failed (local.tee $error (call $read (i32.const 0) (i32.const {body}) (i32.const 1) (i32.const 0))))
      (br_if $failed (local.tee $error (call $load (i32.const {name}) (i32.const {name_size}) (i32.const 4))))
      (br_if $failed (local.tee $error (call $context (i32.load (i32.const 4)) (i32.const 8))))
      (br_if $failed (local.tee $error
        (call $set (i32.load (i32.const 8)) (i32.const 0) (i32.const {tensor}))))
      (br_if $failed (local.tee $error (call $compute (i32.load (i32.const 8)))))
      (br_if $failed (local.tee $error
        (call $get (i32.load (i32.const 8)) (i32.const 0) (i32.const {output}) (i32.const {room}) (i32.const 20))))
      (i32.store (i32.const 16) (i32.const {output}))
      (return (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0))))
    (local.get $error)))
"""


class ExperimentError(LittoralError):
    """A model cannot be used in an experiment."""


def module(inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...]) -> bytes:
    """The module of the function.

    Args:
        inputs: Of the model; there must be one.
        outputs: Of the model.

    Raises:
        ExperimentError: wasi-nn has no such tensor, or there are several inputs.
    """
    import wasmtime

    if len(inputs) != 1:
        raise ExperimentError(f"the model has {len(inputs)} inputs", "Experiments are made with models of one input")
    given, taken = _size(inputs[0]), _size(outputs[0])
    dimensions = [max(size, 1) for size in inputs[0].shape]
    at = _DATA
    places = struct.pack(f"<{len(dimensions)}I", *dimensions)
    tensor = at + len(places)
    name = tensor + 28
    start = (name + len(NAME) + 63) // 64 * 64
    output = (start + given + 63) // 64 * 64
    # wasi-nn's tensor: its dimensions, how many, its type, its bytes, how many; then a part for fd_read
    described = struct.pack("<IIIIIII", at, len(dimensions), _type(inputs[0]), start, given, start, given)
    content = places + described + NAME.encode()
    text = _TEXT.format(
        module=MODULE,
        pages=math.ceil((output + taken) / PAGE),
        data=at,
        content="".join(f"\\{byte:02x}" for byte in content),
        body=tensor + 20,
        name=name,
        name_size=len(NAME),
        tensor=tensor,
        output=output,
        room=taken,
    )
    return bytes(wasmtime.wat2wasm(text))


def body(info: TensorInfo) -> bytes:
    """An input of a model: numbers without meaning, always the same."""
    random = np.random.default_rng(0)
    shape = [max(size, 1) for size in info.shape]
    if info.dtype.kind in "iu":
        return random.integers(0, 100, shape).astype(info.dtype).tobytes()
    return random.uniform(-1, 1, shape).astype(info.dtype).tobytes()


def _size(info: TensorInfo) -> int:
    return math.prod(max(size, 1) for size in info.shape) * info.dtype.itemsize


def _type(info: TensorInfo) -> int:
    dtype = np.dtype("uint8") if info.dtype == np.int8 else info.dtype  # as the standard lacks int8
    if dtype not in TYPES:
        raise ExperimentError(
            f"the model's input is {info.dtype}, which wasi-nn lacks", "Convert it with float32 or int8 inputs"
        )
    return TYPES.index(dtype)
