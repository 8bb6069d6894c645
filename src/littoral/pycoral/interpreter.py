"""The part of the TFLite interpreter's interface that scripts for the Edge TPU use, on top of our runtime."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.errors import LittoralError, ModelFileError
from littoral.pycoral.errors import DelegateError, InvokeError, OpenError, TensorError
from littoral.runtime import TensorInfo, load
from littoral.runtime.tensors import fits
from littoral.tflite import Graph, Tensor

Array = npt.NDArray[Any]
Details = dict[str, Any]
_BATCH = 1  # what an unknown side is until it is resized


class Interpreter:
    """A model file with tensors by index: `allocate_tensors`, set inputs, `invoke`, read outputs.

    Differences to TFLite's own: `tensor` and `get_tensor` know inputs, outputs and constants but not what lies between,
    and only sides that the file leaves open (-1) can be resized.

    Args:
        model_path: A model file, or the bytes of one.
        device: A device string of littoral.

    Raises:
        OpenError: It is not a model file that we accept (also a ValueError).
        DelegateError: The device is not there, or does not take the model (also a ValueError).
    """

    def __init__(self, model_path: str | os.PathLike[str] | bytes, device: str = "cpu") -> None:
        try:
            self._model = load(model_path, device, isolate=False)  # so that models of a script share a chip
        except ModelFileError as error:
            where = "the model" if isinstance(model_path, bytes) else repr(str(Path(model_path)))
            raise OpenError(f"Could not open {where}: {error.cause}", error.remedy) from error
        except LittoralError as error:
            raise DelegateError(f"Failed to load delegate: {error.cause}", error.remedy) from error
        weakref.finalize(self, self._model.close)
        self._tensors = self._model.graph.main.tensors
        self._shapes = {info.index: _shape(self._tensors[info.index]) for info in self._edge}
        self._values: dict[int, Array] = {}

    def allocate_tensors(self) -> None:
        """Makes room for inputs and outputs; needed once before `invoke`, and again after a resize."""
        for info in self._edge:
            if info.index not in self._values or self._values[info.index].shape != self._shapes[info.index]:
                self._values[info.index] = np.zeros(self._shapes[info.index], info.dtype)

    def invoke(self) -> None:
        """Runs the model on what the input tensors hold; views of outputs show the new values.

        Raises:
            InvokeError: The tensors are not allocated, or the device fails (also a RuntimeError).
        """
        if any(info.index not in self._values for info in self._edge):
            raise InvokeError("Invoke called on model that is not ready", "Call allocate_tensors() first")
        try:
            result = self._model(*(self._values[info.index] for info in self._model.inputs), raw=True)
        except LittoralError as error:
            raise InvokeError(error.cause, error.remedy) from error
        given = list(result.values()) if isinstance(result, dict) else [result]
        for info, value in zip(self._model.outputs, given, strict=True):
            self._keep(info.index, value)

    def get_input_details(self) -> list[Details]:
        """One dict an input: name, index, shape, shape_signature, dtype, quantization, quantization_parameters."""
        return [self._details(info) for info in self._model.inputs]

    def get_output_details(self) -> list[Details]:
        """One dict an output; see `get_input_details`."""
        return [self._details(info) for info in self._model.outputs]

    def tensor(self, tensor_index: int) -> Callable[[], Array]:
        """A function that gives the tensor itself: writing to an input sets it, an output changes with `invoke`."""
        self._find(tensor_index)
        return lambda: self._find(tensor_index)

    def get_tensor(self, tensor_index: int) -> Array:
        """A copy of a tensor.

        Raises:
            TensorError: It is neither input nor output nor constant, or not allocated (also a ValueError).
        """
        copy: Array = self._find(tensor_index).copy()
        return copy

    def set_tensor(self, tensor_index: int, value: npt.ArrayLike) -> None:
        """Copies a value into an input.

        Raises:
            TensorError: Its shape or type is another, or the tensor is no input (also a ValueError).
        """
        array, target = np.asarray(value), self._find(tensor_index)
        name = self._tensors[tensor_index].name
        if tensor_index not in {info.index for info in self._model.inputs}:
            raise TensorError(f"Cannot set tensor {name!r}: it is no input")
        if array.dtype != target.dtype or array.shape != target.shape:
            got, wants = f"{array.dtype}{list(array.shape)}", f"{target.dtype}{list(target.shape)}"
            raise TensorError(f"Cannot set tensor: got {got} for input {tensor_index}, name: {name}", f"Give {wants}")
        target[...] = array

    def resize_tensor_input(self, input_index: int, tensor_size: Sequence[int], strict: bool = False) -> None:  # noqa: ARG002
        """Gives an input another shape, where the file leaves its sides open; then call `allocate_tensors`.

        Args:
            input_index: Of the tensor.
            tensor_size: The shape, with the batch axis.
            strict: For scripts that give it: sides that the file fixes stay as they are either way.

        Raises:
            TensorError: The file fixes another size, or there is no such input (also a ValueError).
        """
        info = next((info for info in self._model.inputs if info.index == input_index), None)
        if info is None:
            raise TensorError(f"there is no input with index {input_index}")
        shape = tuple(map(int, tensor_size))
        if not fits(shape, info.shape):
            raise TensorError(f"input {info} cannot be resized to {list(shape)}", "Only sides of -1 can change")
        if shape != self._shapes[input_index]:
            self._shapes[input_index] = shape
            self._values.clear()

    def reset_all_variables(self) -> None:
        """Sets the variables of a stateful model back to zero."""
        self._model.reset()

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """Names of inputs and outputs by signature."""
        return {
            key: {side: list(names) for side, names in sides.items()}
            for key, sides in self._get_full_signature_list().items()
        }

    def _get_full_signature_list(self) -> dict[str, dict[str, dict[str, int]]]:
        """Tensor indices by name by side by signature: pycoral's detection adapter asks interpreters for this."""
        return {
            signature.key: {
                "inputs": {entry.name: entry.tensor_index for entry in signature.inputs},
                "outputs": {entry.name: entry.tensor_index for entry in signature.outputs},
            }
            for signature in self._graph.signatures
        }

    @property
    def _graph(self) -> Graph:
        return self._model.graph

    @property
    def _edge(self) -> tuple[TensorInfo, ...]:
        return (*self._model.inputs, *self._model.outputs)

    def _find(self, index: int) -> Array:
        if index in self._values:
            return self._values[index]
        if index in self._shapes:
            name = self._tensors[index].name
            raise TensorError(f"tensor {index} ({name}) is not allocated", "Call allocate_tensors() first")
        constant = self._tensors[index].data if 0 <= index < len(self._tensors) else None
        if constant is None:
            edge = ", ".join(f"{info.index} ({info.tensor})" for info in self._edge)
            raise TensorError(f"tensor {index} cannot be read", f"Accepted: inputs, outputs and constants: {edge}")
        return constant

    def _keep(self, index: int, value: Array) -> None:
        held = self._values[index]
        if held.shape == value.shape:
            held[...] = value
        else:  # a size that is known only now
            self._values[index], self._shapes[index] = value, value.shape

    def _details(self, info: TensorInfo) -> Details:
        tensor = self._tensors[info.index]
        quantization = tensor.quantization
        shape = self._shapes[info.index]
        return {
            "name": tensor.name,
            "index": info.index,
            "shape": np.array(shape, np.int32),
            "shape_signature": np.array(tensor.shape_signature or shape, np.int32),
            "dtype": info.dtype.type,
            "quantization": (info.scale, info.zero_point),
            "quantization_parameters": {
                "scales": np.array(quantization.scale if quantization else (), np.float32),
                "zero_points": np.array(quantization.zero_point if quantization else (), np.int32),
                "quantized_dimension": quantization.quantized_dimension if quantization else 0,
            },
            "sparsity_parameters": {},
        }


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(side if side >= 0 else _BATCH for side in tensor.shape)
