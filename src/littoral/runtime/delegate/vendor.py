"""A vendor's own delegate: a shared library, loaded into LiteRT's interpreter."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from littoral.errors import DeviceError
from littoral.tflite import Graph

_CREATE, _DESTROY = "tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate"
_Report = ctypes.CFUNCTYPE(None, ctypes.c_char_p)


@dataclass(frozen=True)
class VendorDelegate:
    """What a plug-in returns in place of a Delegate: a library that has a delegate in it. Subclass it to say more.

    Attributes:
        name: What placement reports and errors say: short, without spaces.
        library: A shared library that exports `tflite_plugin_create_delegate` and `tflite_plugin_destroy_delegate`
            (tflite/delegates/external/external_delegate_interface.h): a path, or a name that the system finds.
        options: What it is created with, as the library names and writes them.
        operators: The custom operators that only it runs, as "edgetpu-custom-op".
        remedy: What to do about a model of which it takes nothing.
        note: What there is to say of how its models run; it follows the device in `Model.notes`.
    """

    name: str
    library: str | os.PathLike[str]
    options: Mapping[str, str] = field(default_factory=dict)
    operators: tuple[str, ...] = ()
    remedy: str = 'Use cpu, or fall back with "|cpu"'
    note: str = ""

    def check(self, graph: Graph, name: str) -> None:
        """Refuses a model before the library sees it; any model passes, unless a subclass knows better.

        Args:
            graph: The model.
            name: Names it in errors.

        Raises:
            DeviceError: The device cannot run it.
        """

    def failed(self, reason: str) -> DeviceError:
        """The error for a library that gives no delegate, in the process in which it does not.

        Args:
            reason: What it said, in one line; empty when it said nothing.
        """
        return DeviceError(
            f"{self.name} gives no delegate: {reason or f'{self.library} does not say why'}", 'Fall back with "|cpu"'
        )


class LoadedDelegate:
    """A delegate of a vendor for one interpreter. It has to be freed after that, whoever still refers to which.

    Args:
        vendor: Which.

    Raises:
        DeviceError: The library cannot be loaded, or gives no delegate.
    """

    def __init__(self, vendor: VendorDelegate) -> None:
        library = _opened(vendor)
        said: list[str] = []
        report = _Report(lambda words: said.append(words.decode(errors="replace")))
        keys, values = _strings(list(vendor.options)), _strings(list(vendor.options.values()))
        create, destroy = getattr(library, _CREATE), getattr(library, _DESTROY)
        create.argtypes, create.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, _Report), ctypes.c_void_p
        destroy.argtypes, destroy.restype = (ctypes.c_void_p,), None
        pointer = create(keys, values, len(vendor.options), report)
        if not pointer:
            raise vendor.failed(" ".join("".join(said).split()))
        self._pointer = int(pointer)
        # What the library was given lives as long as the delegate, as some keep the pointers; and who asked may hold
        # the device.
        self._free = partial(_destroy, destroy, pointer, (vendor, keys, values, report))
        self._unused = weakref.finalize(self, self._free)
        self._unused.atexit = False

    def outlive(self, interpreter: Any) -> None:
        """Has it freed when the native part of an interpreter is gone, and not before."""
        self._unused.detach()
        weakref.finalize(interpreter._interpreter, self._free).atexit = False

    def _get_native_delegate_pointer(self) -> int:
        """What an interpreter asks a delegate for."""
        return self._pointer


def _destroy(destroy: Any, pointer: int, _: object) -> None:
    destroy(pointer)


def _opened(vendor: VendorDelegate) -> ctypes.CDLL:
    """The library; calls into it release the GIL, so that a worker shows signs of life while a device is opened."""
    try:
        library = ctypes.CDLL(os.fspath(vendor.library))
    except OSError as error:
        raise DeviceError(f"the library of {vendor.name} cannot be loaded: {error}", 'Fall back with "|cpu"') from error
    if missing := [name for name in (_CREATE, _DESTROY) if not hasattr(library, name)]:
        raise DeviceError(f"{vendor.library} has no delegate in it: it does not export {missing[0]}")
    return library


def _strings(values: list[str]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * len(values))(*(value.encode() for value in values))
