"""Chips, and models on them."""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from littoral.coral import chips, library
from littoral.errors import LittoralError, ModelFileError
from littoral.pycoral.errors import DelegateError, OpenError, TensorError
from littoral.pycoral.interpreter import Interpreter
from littoral.tflite import read

OVERRIDE = "LITTORAL_PYCORAL_DEVICE"
"""The environment variable whose value every `make_interpreter` takes as its device, whatever the script says."""
_COMPILED = "edgetpu-custom-op"
_PROCESSOR = "cpu"


@dataclass(frozen=True)
class Delegate:
    """What `load_edgetpu_delegate` gives: a device that is there.

    Attributes:
        device: A device string of littoral.
    """

    device: str


def list_edge_tpus() -> list[dict[str, str]]:
    """The chips in the vendor library's order: {"type": "usb" or "pci", "path": its own name for it}."""
    return [{"type": chip.kind, "path": chip.path} for chip in chips.find()]


def get_runtime_version() -> str:
    """What the vendor's library says of itself: "BuildLabel(...), RuntimeVersion(14)".

    Raises:
        DeviceError: The library is not installed, or does not work.
    """
    found = library.probe(library.locate())
    return f"BuildLabel({found.build}), RuntimeVersion({found.runtime_version})"


def set_verbosity(verbosity: int) -> bool:
    """How much the vendor's library writes to stderr, from 0 (nothing, as at first) to 10; always True.

    Raises:
        DeviceError: The library is not installed, or does not work.
    """
    path = library.probe(library.locate()).path
    ctypes.CDLL(str(path)).edgetpu_verbosity(ctypes.c_int(verbosity))
    return True


def load_edgetpu_delegate(options: Mapping[str, Any] | None = None) -> Delegate:
    """Chooses a chip.

    Args:
        options: {"device": one of the strings that `make_interpreter` takes}.

    Raises:
        DelegateError: There is no such chip, or the vendor's library is missing (also a ValueError).
    """
    given = dict(options or {})
    device = given.pop("device", None)
    device = os.environ.get(OVERRIDE) or device
    try:
        if given:
            raise DelegateError(f"unknown options {sorted(given)}", 'Accepted: "device"')
        if device == _PROCESSOR:
            return Delegate(_PROCESSOR)
        wanted = chips.from_pycoral(device)
        chips.choose(wanted, chips.find())
        library.locate()
    except LittoralError as error:
        raise DelegateError(f"Failed to load delegate: {error.cause}", error.remedy) from error
    return Delegate(":".join(("coral", *wanted)))


def make_interpreter(
    model_path_or_content: str | os.PathLike[str] | bytes, device: str | None = None, delegate: Delegate | None = None
) -> Interpreter:
    """A model on a chip.

    A file that is not compiled for the Edge TPU runs on the processor, as with pycoral, but not in silence.

    Args:
        model_path_or_content: A model file, or the bytes of one.
        device: None (any), ":N", "usb", "usb:N", "pci", "pci:N"; or "cpu", which needs no chip.
        delegate: From `load_edgetpu_delegate`, in place of `device`.

    Raises:
        OpenError: It is not a model file that we accept (also a ValueError).
        DelegateError: There is no such chip, or it does not take the model (also a ValueError).
    """
    name = "the model" if isinstance(model_path_or_content, bytes) else os.fspath(model_path_or_content)
    try:
        graph = read(model_path_or_content)
    except ModelFileError as error:
        raise OpenError(f"Could not open '{name}': {error.cause}", error.remedy) from error
    chosen = (delegate or load_edgetpu_delegate({"device": device} if device else None)).device
    if chosen != _PROCESSOR and not any(operator.name == _COMPILED for operator in graph.main.operators):
        warnings.warn(f"{name} is not compiled for the Edge TPU: it runs on the processor", stacklevel=2)
        chosen = _PROCESSOR
    return Interpreter(model_path_or_content, chosen)


def run_inference(interpreter: Interpreter, input_data: Any) -> None:
    """Fills the first input with raw bytes and runs the model.

    Args:
        interpreter: Allocated.
        input_data: bytes, an array, a Gst.Buffer, or a (ctypes.c_void_p, size) pair; more than the input takes is cut.

    Raises:
        TensorError: There are too few bytes, or it is none of these (also a ValueError).
        InvokeError: The model could not be run (also a RuntimeError).
    """
    target = interpreter.tensor(interpreter.get_input_details()[0]["index"])()
    given = _bytes(input_data)
    if given.size < target.nbytes:
        raise TensorError(f"input size={given.size}, expected={target.nbytes}")
    target[...] = given[: target.nbytes].view(target.dtype).reshape(target.shape)
    interpreter.invoke()


def _bytes(data: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], ctypes.c_void_p):
        return np.frombuffer(ctypes.string_at(data[0], data[1]), np.uint8)
    if hasattr(data, "extract_dup"):  # Gst.Buffer
        return np.frombuffer(data.extract_dup(0, data.get_size()), np.uint8)
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError) as error:
        kinds = "bytes, an array, a Gst.Buffer, or a (ctypes.c_void_p, size) pair"
        raise TensorError(f"input data of type {type(data).__name__} is not supported", f"Accepted: {kinds}") from error
