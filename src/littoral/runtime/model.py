"""A loaded model: real values in, real values out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np

from littoral.data import Contract
from littoral.errors import DeviceError, InputError
from littoral.runtime import devices, names
from littoral.runtime.contract import check_contract, contract_or_default
from littoral.runtime.litert import Interpreter, check_operators
from littoral.runtime.tensors import Array, TensorInfo
from littoral.tflite import Graph, read, to_bytes

Result: TypeAlias = "Array | dict[str, Array]"


class Signature:
    """One way to call a model: by position in the order of `inputs`, by name, or with one dict.

    Attributes:
        inputs: What goes in.
        outputs: What comes out.
    """

    def __init__(
        self,
        inputs: tuple[TensorInfo, ...],
        outputs: tuple[TensorInfo, ...],
        run: Callable[[Sequence[Array]], Sequence[Array]],
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._run = run

    def __call__(self, *args: Any, raw: bool = False, **named: Any) -> Result:
        """Runs it.

        Args:
            args: Arrays in the order of `inputs`, or one dict of them by name (for names that are not Python's).
            raw: Values go in and come out in the stored types; otherwise quantized ones are real numbers (float32).
            named: Arrays by name. A missing batch axis is added. The name "" is the only input.

        Returns:
            The array, or a dict by name where there are several outputs. They are copies and stay as they are.

        Raises:
            InputError: A name, shape or type is not one that the model takes.
            DeviceError: The device fails.
            ClosedError: The model is closed.
        """
        values = self._bind(args, named)
        stored = self._run([info.accept(value, raw) for info, value in zip(self.inputs, values, strict=True)])
        given = {info.name: info.give(value, raw) for info, value in zip(self.outputs, stored, strict=True)}
        return next(iter(given.values())) if len(given) == 1 else given

    def _bind(self, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        takes = f"Accepted: {', '.join(map(str, self.inputs))}"
        if len(args) == 1 and isinstance(args[0], Mapping) and not named:
            return self._bind((), args[0])
        if len(args) > len(self.inputs):
            raise InputError(f"the model has {len(self.inputs)} inputs and got {len(args)}", takes)
        values = {info.name: value for info, value in zip(self.inputs, args, strict=False)}
        for name, value in named.items():
            key = self._key(name)
            if key is None:
                raise InputError(f"the model has no input {name!r}", takes)
            if key in values:
                raise InputError(f"input {key!r} is given twice", takes)
            values[key] = value
        if missing := [info.name for info in self.inputs if info.name not in values]:
            raise InputError(f"input {missing[0]!r} is missing", takes)
        return [values[info.name] for info in self.inputs]

    def _key(self, name: str) -> str | None:
        """The input's name for a name, which may also be the tensor's, or empty for the only input."""
        if name == "" and len(self.inputs) == 1:
            return self.inputs[0].name
        by_name = {info.tensor: info.name for info in self.inputs} | {info.name: info.name for info in self.inputs}
        return by_name.get(name)


class Model:
    """A model on a device; made by `load`. Threads may share it: calls run one after the other.

    Attributes:
        graph: The model file.
        device: Where it runs, as a device string.
        threads: How many it may use.
        contract: How pictures become inputs, and names of the classes.
        contract_derived: The file says nothing of pictures: the contract's inputs are worked out from its tensors.
        inputs: What goes in.
        outputs: What comes out.
        signatures: Other ways to call it, by name; empty where the file has none.
    """

    def __init__(
        self, graph: Graph, source: Path | bytes, name: str, device: str, threads: int, contract: Contract | None
    ) -> None:
        self.graph = graph
        self.device = device
        self.threads = threads
        self.contract, self.contract_derived = (contract, False) if contract else contract_or_default(graph)
        check_contract(self.contract, names.main_inputs(graph))
        self._interpreter = Interpreter(source, device, threads, name)
        main = Signature(names.main_inputs(graph), names.main_outputs(graph), self._run)
        self._main = main
        self.inputs = main.inputs
        self.outputs = main.outputs
        self.signatures: dict[str, Signature] = {entry.key: self._signature(entry.key) for entry in graph.signatures}

    def __call__(self, *args: Any, raw: bool = False, **named: Any) -> Result:
        """Runs it, as `Signature.__call__` says."""
        return self._main(*args, raw=raw, **named)

    def warm_up(self) -> None:
        """Runs once on zeros, so that the first call is as fast as the others; unknown sizes are 1. State is reset."""
        zeros = [np.zeros([abs(side) for side in info.shape], info.dtype) for info in self.inputs]
        self._main(*zeros, raw=True)
        self.reset()

    def reset(self) -> None:
        """Sets the variables of a stateful model back to zero."""
        self._interpreter.reset()

    def close(self) -> None:
        """Frees the native memory; closing again does nothing."""
        self._interpreter.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, values: Sequence[Array]) -> Sequence[Array]:
        indices = [info.index for info in self.inputs]
        return self._interpreter.run(dict(zip(indices, values, strict=True)), [info.index for info in self.outputs])

    def _signature(self, key: str) -> Signature:
        entry = next(entry for entry in self.graph.signatures if entry.key == key)
        inputs = names.signature_inputs(self.graph, entry)
        outputs = names.signature_outputs(self.graph, entry)

        def run(values: Sequence[Array]) -> Sequence[Array]:
            given = {info.name: value for info, value in zip(inputs, values, strict=True)}
            result = self._interpreter.run_signature(key, given)
            return [result[info.name] for info in outputs]

        return Signature(inputs, outputs, run)


def load(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | Graph,
    device: str = "cpu",
    threads: int | None = None,
    contract: Contract | None = None,
) -> Model:
    """Loads a model file onto a device.

    Args:
        source: A path, the bytes of a model file, or a graph. All of it is checked before native code sees it.
        device: "cpu" or "cpu:reference".
        threads: None for as many as this process may use.
        contract: How pictures become inputs, in place of what the file says.

    Raises:
        ModelFileError: It is not a model file that we accept.
        DeviceError: There is no such device, or it cannot run the model.
        ContractError: The contract is malformed, or not of this model.
    """
    device = devices.parse(device)
    if threads is not None and threads < 1:
        raise DeviceError(f"threads is {threads}", "Accepted: whole numbers from 1")
    graph = source if isinstance(source, Graph) else read(source)
    name = str(source) if isinstance(source, str | os.PathLike) else "the model"
    check_operators(graph, name)
    content = Path(source) if isinstance(source, str | os.PathLike) else _bytes(source)
    return Model(graph, content, name, device, threads or _usable(), contract)


def _bytes(source: bytes | bytearray | memoryview | Graph) -> bytes:
    return to_bytes(source) if isinstance(source, Graph) else bytes(source)


def _usable() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
