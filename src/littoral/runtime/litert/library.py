"""LiteRT's C interface through ctypes: the calls that we need, its structs, its errors.

Why not the Python class CompiledModel of the same package: for each model that binding makes two environments, loads
the GPU's library to run on the processor and prints dozens of lines, and it gives memory of ours no shape. The structs
of the C interface are declared stable (litert/c/*.h: "this concrete type is part of the public API and is ABI stable").

Calls release the GIL. A status that is not 0 becomes a `NativeError`.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Mapping
from ctypes import byref, c_bool, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint, c_uint64, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from littoral.errors import DeviceError

CPU, GPU = 1, 2  # LiteRtHwAccelerators
ELEMENTS = {
    np.dtype(name): code
    for name, code in {
        "float32": 1,
        "int32": 2,
        "uint8": 3,
        "int64": 4,
        "bool": 6,
        "int16": 7,
        "int8": 9,
        "float16": 10,
        "float64": 11,
        "uint64": 13,
        "uint32": 16,
        "uint16": 17,
    }.items()
}
"""LiteRtElementType of what numpy has."""

MAX_RANK = 8
_INT, _STRING = 2, 8  # LiteRtAnyType
_RUNTIME_FOLDER, _ACCELERATORS, _SEVERITY = 22, 24, 25  # LiteRtEnvOptionTag
_INFO, _SILENT = 1, 4  # LiteRtLogSeverity
_STATUS = {
    1: "an argument is not valid",
    2: "memory ran out",
    3: "it failed at run time",
    4: "an input is missing",
    5: "that is not supported",
    500: "the file cannot be read",
    501: "the file is not valid",
    502: "a library cannot be loaded",
    504: "it cannot be compiled",
}


class NativeError(Exception):
    """A call into LiteRT failed; the text says how, in its words where there are any."""


class _Value(ctypes.Union):
    _fields_ = (("flag", c_bool), ("whole", c_int64), ("real", c_double), ("text", c_char_p), ("pointer", c_void_p))


class _Any(ctypes.Structure):
    _fields_ = (("type", c_int), ("value", _Value))


class _EnvironmentOption(ctypes.Structure):
    _fields_ = (("tag", c_int), ("any", _Any))


class Layout(ctypes.Structure):
    """LiteRtLayout: rank in the first seven bits, then the sizes."""

    _fields_ = (
        ("rank", c_uint, 7),
        ("has_strides", c_uint, 1),
        ("sizes", ctypes.c_int32 * MAX_RANK),
        ("strides", ctypes.c_uint32 * MAX_RANK),
    )

    @property
    def shape(self) -> tuple[int, ...]:
        """As numpy has it."""
        return tuple(self.sizes[: self.rank])


class TensorType(ctypes.Structure):
    """LiteRtRankedTensorType."""

    _fields_ = (("element", c_int), ("layout", Layout))


class _Memory(ctypes.Structure):
    _fields_ = (("allocated", c_size_t), ("in_use", c_size_t), ("private", c_size_t))


class Event(ctypes.Structure):
    """ProfiledEventData: for an operator that ran, its index in its subgraph and the subgraph's."""

    OPERATOR = 2

    _fields_ = (
        ("tag", c_char_p),
        ("type", c_int),
        ("start", c_uint64),
        ("microseconds", c_uint64),
        ("memory_before", _Memory),
        ("memory_after", _Memory),
        ("operator", c_uint64),
        ("subgraph", c_uint64),
        ("source", c_int),
    )


_SIGNATURES: Mapping[str, tuple[Any, ...]] = {
    "LiteRtCreateEnvironment": (c_int, c_void_p, c_void_p),
    "LiteRtCreateModelFromFile": (c_void_p, c_char_p, c_void_p),
    "LiteRtCreateModelFromBuffer": (c_void_p, c_void_p, c_size_t, c_void_p),
    "LiteRtDestroyModel": (c_void_p,),
    "LiteRtGetNumModelSignatures": (c_void_p, c_void_p),
    "LiteRtGetModelSignature": (c_void_p, c_size_t, c_void_p),
    "LiteRtGetSignatureKey": (c_void_p, c_void_p),
    "LiteRtCreateOptions": (c_void_p,),
    "LiteRtDestroyOptions": (c_void_p,),
    "LiteRtSetOptionsHardwareAccelerators": (c_void_p, c_int),
    "LiteRtCreateOpaqueOptions": (c_char_p, c_void_p, c_void_p, c_void_p),
    "LiteRtAddOpaqueOptions": (c_void_p, c_void_p),
    "LiteRtCreateCompiledModel": (c_void_p, c_void_p, c_void_p, c_void_p),
    "LiteRtDestroyCompiledModel": (c_void_p,),
    "LiteRtCompiledModelResizeInputTensor": (c_void_p, c_size_t, c_size_t, c_void_p, c_size_t),
    "LiteRtGetCompiledModelOutputTensorLayouts": (c_void_p, c_size_t, c_size_t, c_void_p, c_bool),
    "LiteRtRunCompiledModel": (c_void_p, c_size_t, c_size_t, c_void_p, c_size_t, c_void_p),
    "LiteRtCompiledModelGetErrorMessages": (c_void_p, c_void_p),
    "LiteRtCompiledModelClearErrors": (c_void_p,),
    "LiteRtCompiledModelGetProfiler": (c_void_p, c_void_p),
    "LiteRtStartProfiler": (c_void_p,),
    "LiteRtStopProfiler": (c_void_p,),
    "LiteRtGetNumProfilerEvents": (c_void_p, c_void_p),
    "LiteRtGetProfilerEvents": (c_void_p, c_int, c_void_p),
    "LiteRtCreateTensorBufferFromHostMemory": (c_void_p, c_void_p, c_size_t, c_void_p, c_void_p),
    "LiteRtDestroyTensorBuffer": (c_void_p,),
}
_RETURN_NOTHING = {
    "LiteRtDestroyModel",
    "LiteRtDestroyOptions",
    "LiteRtDestroyCompiledModel",
    "LiteRtDestroyTensorBuffer",
}


class Library:
    """The loaded library: `library.call("LiteRtCreateOptions", ...)`."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        native = ctypes.CDLL(str(path))
        self._functions: dict[str, Any] = {}
        for name, arguments in _SIGNATURES.items():
            function = getattr(native, name)
            function.argtypes = arguments
            function.restype = None if name in _RETURN_NOTHING else c_int
            self._functions[name] = function
        libc = ctypes.CDLL(None)
        self._release = libc.free
        self._release.argtypes, self._release.restype = (c_void_p,), None
        self._strdup = libc.strdup
        self._strdup.argtypes, self._strdup.restype = (c_char_p,), c_void_p
        self.run = self._functions["LiteRtRunCompiledModel"]

    def call(self, name: str, *arguments: Any) -> None:
        """Calls a function by its name.

        Raises:
            NativeError: It returned another status than 0.
        """
        status = self._functions[name](*arguments)
        if status:
            raise NativeError(_STATUS.get(status, f"status {status} of {name}"))

    def free(self, name: str, handle: c_void_p) -> None:
        """Calls a function that frees what a handle stands for."""
        self._functions[name](handle)

    def make(self, name: str, *arguments: Any) -> c_void_p:
        """Calls a function whose last argument takes the handle that it makes."""
        handle = c_void_p()
        self.call(name, *arguments, byref(handle))
        return handle

    def count(self, name: str, *arguments: Any) -> int:
        """Calls a function whose last argument takes a number."""
        number = c_size_t()
        self.call(name, *arguments, byref(number))
        return number.value

    def text(self, name: str, *arguments: Any) -> str:
        """Calls a function whose last argument takes a string that stays LiteRT's."""
        pointer = c_char_p()
        self.call(name, *arguments, byref(pointer))
        return (pointer.value or b"").decode(errors="replace")

    def errors(self, model: c_void_p) -> str:
        """What a compiled model has complained of since this was asked last, in one line."""
        pointer = c_void_p()
        if self._functions["LiteRtCompiledModelGetErrorMessages"](model, byref(pointer)) or not pointer.value:
            return ""
        words = ctypes.string_at(pointer.value).decode(errors="replace")
        self._release(pointer)
        self._functions["LiteRtCompiledModelClearErrors"](model)
        return " ".join(words.split())

    def options(self, accelerators: int, payloads: Mapping[str, Mapping[str, object]]) -> c_void_p:
        """LiteRtOptions; each payload is TOML of an accelerator, as litert/c/options/*.cc write it."""
        options = self.make("LiteRtCreateOptions")
        self.call("LiteRtSetOptionsHardwareAccelerators", options, accelerators)
        for identifier, values in payloads.items():
            toml = "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())
            copy = self._strdup(toml.encode())
            payload = self.make("LiteRtCreateOpaqueOptions", identifier.encode(), copy, self._release)
            self.call("LiteRtAddOpaqueOptions", options, payload)
        return options


@cache
def library_file() -> Path:
    """Where LiteRT's library lies; the package around it is not imported.

    Raises:
        StopIteration: It is not there.
    """
    spec = find_spec("ai_edge_litert")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    return next(folder.glob("libLiteRt.*"))


@cache
def library() -> Library:
    """LiteRT's library.

    Raises:
        DeviceError: It is not there, cannot be loaded, or lacks a call: another release than ours.
    """
    try:
        return Library(library_file())
    except (StopIteration, OSError, AttributeError) as error:
        cause = f"LiteRT's library cannot be used: {error or 'it is not there'}"
        raise DeviceError(cause, "Install the ai-edge-litert that littoral asks for") from error


_environments: dict[int, c_void_p] = {}
_making = threading.Lock()


def environment(accelerators: int, talks: bool = False) -> c_void_p:
    """An environment of LiteRT, made once a process; it lives as long as that.

    Args:
        accelerators: CPU or GPU: only those are loaded.
        talks: Whether it logs; otherwise all that it has to say comes as errors.
    """
    with _making:
        if accelerators not in _environments:
            _environments[accelerators] = _environment(accelerators, talks)
        return _environments[accelerators]


def _environment(accelerators: int, talks: bool) -> c_void_p:
    native = library()
    entries = [
        _EnvironmentOption(_ACCELERATORS, _Any(_INT, _Value(whole=accelerators))),
        _EnvironmentOption(_SEVERITY, _Any(_INT, _Value(whole=_INFO if talks else _SILENT))),
        _EnvironmentOption(_RUNTIME_FOLDER, _Any(_STRING, _Value(text=os.fsencode(native.folder)))),
    ]
    return native.make("LiteRtCreateEnvironment", len(entries), (_EnvironmentOption * len(entries))(*entries))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


assert ctypes.sizeof(_EnvironmentOption) == 24
assert ctypes.sizeof(TensorType) == 72
