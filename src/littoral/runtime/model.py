"""A loaded model: real values in, real values out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from littoral.data import Contract
from littoral.devices import Device, parse, usable_cores
from littoral.errors import ClosedError, DeviceError
from littoral.runtime.contract import check_contract, contract_or_default
from littoral.runtime.delegate.placement import Placement
from littoral.runtime.engine import ANY, Entry, Source, main_entry, signature_entry
from littoral.runtime.fallback import Chain
from littoral.runtime.ledger import Ledger
from littoral.runtime.lifetime import keep
from littoral.runtime.places import AUTO, check_device
from littoral.runtime.signature import Result, Signature
from littoral.runtime.switch import Switch
from littoral.runtime.tensors import Array, zeros
from littoral.runtime.worker.isolation import Isolation
from littoral.tflite import Graph, read, to_bytes

if TYPE_CHECKING:
    from littoral.runtime.faults import Faults

_T = TypeVar("_T")
File: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Graph"
"""What a model is loaded from."""


class Model:
    """A model on a device; made by `load`. Threads may share it: as far as cores go each call has an engine of its own.

    Attributes:
        graph: The model file; of several the one of the device that ran it first.
        threads: How many a call may use.
        contract: How pictures become inputs, and names of the classes.
        contract_derived: The file says nothing of pictures: the contract's inputs are worked out from its tensors.
        inputs: What goes in.
        outputs: What comes out.
        signatures: Other ways to call it, by name; empty where the file has none.
    """

    def __init__(self, files: Mapping[str, Source], running: _Running, threads: int, contract: Contract | None) -> None:
        graph = running.chain.source.graph
        self.graph = graph
        self.threads = threads
        self.contract, self.contract_derived = (contract, False) if contract else contract_or_default(graph)
        self._files = files
        self._running = running
        self._main = Signature(main_entry(graph), running.run)
        check_contract(self.contract, self._main.inputs)
        self.inputs = self._main.inputs
        self.outputs = self._main.outputs
        self.signatures = {
            entry.key: Signature(signature_entry(graph, entry), running.run) for entry in graph.signatures
        }

    @property
    def device(self) -> str:
        """Where it runs now, as a device string: the first of those asked for that takes it."""
        return str(self._running.chain.place.device)

    @property
    def isolated(self) -> bool:
        """Whether it runs in a process of its own."""
        return self._running.chain.place.isolated

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know of how it runs: devices that were passed over and why, what the device cannot do."""
        return self._running.switch.notes

    @property
    def faults(self) -> Faults:
        """What went wrong since it was loaded, counted."""
        return self._running.chain.ledger.read()

    @property
    def placement(self) -> Placement:
        """Where each operator really runs. On the processor's and LiteRT's own devices asking runs the model once."""
        return self._running.use(Chain.placement)

    def __call__(self, *args: Any, raw: bool = False, **named: Any) -> Result:
        """Runs it, as `Signature.__call__` says."""
        return self._main(*args, raw=raw, **named)

    def warm_up(self) -> None:
        """Runs once on zeros, so that the first call is as fast as the others; unknown sizes are 1. State is reset.

        With device "auto" it waits until the model runs on its tuned device, or is known to stay where it is.
        """
        self._running.switch.settled.wait()
        self._main(*zeros(self.inputs), raw=True)
        self.reset()

    def reset(self) -> None:
        """Sets the variables of a stateful model back to zero."""
        self._running.use(Chain.reset)

    def move(self, device: str) -> None:
        """Moves it to another device while threads use it: they go on with the old one until the new one is ready.

        Raises:
            DeviceError: The device does not take the model, which stays where it is.
            ClosedError: The model is closed.
        """
        chain = _chain(self._files, _devices(device), self.threads, None, self._running.chain.ledger)
        if not self._running.switch.replace(chain):
            raise ClosedError(f"{chain.source.name} is closed", "Load it again")
        self._running.switch.told = ()

    def close(self) -> None:
        """Frees the native memory, after the calls that are running; closing again does nothing."""
        self._running.switch.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Running:
    """The devices that a model and its signatures run on; freed when neither is left."""

    def __init__(self, switch: Switch, name: str) -> None:
        self.switch = switch
        keep(self, switch, name)

    @property
    def chain(self) -> Chain:
        return self.switch.chain

    def use(self, what: Callable[..., _T], *args: Any) -> _T:
        """Does something with the chain of devices that runs the model."""
        while True:
            chain = self.chain
            try:
                return what(chain, *args)
            except ClosedError:
                if chain is self.chain:  # else it has just moved
                    raise

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        return self.use(Chain.run, entry, values)


def load(
    source: File | Mapping[str, File],
    device: str = "cpu",
    threads: int | None = None,
    contract: Contract | None = None,
    isolate: bool | Isolation | None = None,
) -> Model:
    """Loads a model file onto a device.

    Args:
        source: A path, the bytes of a model file, or a graph. All of it is checked before native code sees it. Or a
            dict of them by device, as in {"coral": "m_edgetpu.tflite", "cpu": "m.tflite"}, by name or whole device
            string: each device of `device` runs its own, and they must take and give the same.
        device: "cpu", "cpu:fp16", "openvino:bf16|cpu" ...: the first of them that takes the model runs it. A device
            that is passed over is told by a FallbackWarning and in `Model.notes`; so is a call that the next answers.
            "auto" answers on the processor at once, and moves to the device that `tune` found when that has compiled.
        threads: For a call; None for as many as this process may use.
        contract: How pictures become inputs, in place of what the file says.
        isolate: In a process of its own, where a crash or a hang is an error: True, or an `Isolation` that says how
            long calls may take. None leaves it to the device: those that load a vendor's code may ask for it.

    Raises:
        ModelFileError: It is not a model file that we accept.
        DeviceError: There is no such device, or none of those asked for can run the model.
        ContractError: The contract is malformed, or not of this model.
    """
    automatic = device.strip().lower() == AUTO
    if automatic and isinstance(source, Mapping):
        raise DeviceError("auto runs one model file", 'Name the devices, as in "coral|cpu"')
    devices = _devices("cpu" if automatic else device)
    if threads is not None and threads < 1:
        raise DeviceError(f"threads is {threads}", "Accepted: whole numbers from 1")
    files = _files(source)
    threads = threads or usable_cores()
    chain = _chain(files, devices, threads, isolate, Ledger())
    switch = Switch(chain)
    try:
        model = Model(files, _Running(switch, f"the model {chain.source.name} on {device}"), threads, contract)
    except BaseException:
        switch.close()
        raise
    if automatic:
        from littoral.runtime.auto import upgrade

        upgrade(switch, files[ANY], threads, isolate)
    return model


def _devices(text: str) -> tuple[Device, ...]:
    devices = parse(text)
    for device in devices:
        check_device(device)
    return devices


def _files(source: File | Mapping[str, File]) -> Mapping[str, Source]:
    """The model files by device."""
    if not isinstance(source, Mapping):
        return {ANY: _source(source)}
    from littoral.runtime.twins import check_twins, named

    files = {device: _source(file, f"the model for {device}") for device, file in named(source).items()}
    check_twins(files.values())
    return files


def _source(source: File, name: str = "the model") -> Source:
    if isinstance(source, Graph):
        return Source(source, name, None, to_bytes(source))
    if isinstance(source, str | os.PathLike):
        return Source(read(source), str(source), Path(source))
    content = bytes(source)
    return Source(read(content), name, None, content)


def _chain(
    files: Mapping[str, Source],
    devices: Sequence[Device],
    threads: int,
    isolate: bool | Isolation | None,
    ledger: Ledger,
) -> Chain:
    for source in files.values():
        _check_operators(source)
    return Chain(files, devices, threads, isolate, ledger)


def _check_operators(source: Source) -> None:
    """Refuses what LiteRT can never run, before native code sees it."""
    names = {operator.name for subgraph in source.graph.subgraphs for operator in subgraph.operators}
    if flex := sorted(operator for operator in names if operator.startswith("Flex")):
        raise DeviceError(
            f"{source.name} needs TensorFlow's kernels for {', '.join(flex)}, which LiteRT does not have",
            "Convert the model again without those operators",
        )
