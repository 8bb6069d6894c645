"""One device that a model was loaded on, and the devices that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from littoral.devices import Device, usable_cores
from littoral.errors import DeviceError, LittoralError
from littoral.runtime.cpu import Scratch, open_cpu
from littoral.runtime.delegate.failures import calling
from littoral.runtime.delegate.placement import PROCESSOR, Placement
from littoral.runtime.engine import Engine, Entry, Source, foreign_operators, keeps_state, main_entry
from littoral.runtime.ledger import Kind
from littoral.runtime.pool import Pool
from littoral.runtime.tensors import Array, zeros
from littoral.runtime.worker.isolation import Isolation

if TYPE_CHECKING:
    from littoral.runtime.delegate.custom import Compile

DEVICES = {
    "cpu": "all of the processor: XNNPACK and LiteRT's optimised kernels",
    "cpu:fp16": "the same in half precision, where the processor has that",
    "cpu:reference": "LiteRT's reference kernels: slow, and what other implementations are measured against",
    "gpu": "LiteRT's WebGPU accelerator, in single precision",
    "gpu:fp16": "the same in half precision",
}
"""The devices that need no plug-in."""

AUTO = "auto"
"""The device string that stands for the tuned device."""


def check_device(device: Device) -> None:
    """Refuses a device that does not exist; the error lists those that do.

    Raises:
        DeviceError: There is none of that name, or it does not take those options.
    """
    if str(device) in DEVICES:
        return
    if device.name == AUTO:
        raise DeviceError(f"{str(device)!r} is part of a device string", "auto stands alone: it falls back by itself")
    from littoral.runtime.delegate.plugins import installed

    builtin = {name.partition(":")[0] for name in DEVICES}
    others = sorted(set(installed()) - builtin)
    if device.name in others:
        return
    names = ", ".join([*DEVICES, *others])
    hint = f"Accepted: {names}; and | between them, to fall back; or {AUTO}"
    raise DeviceError(f"there is no device {str(device)!r}", hint)


def candidates() -> list[str]:
    """The device strings that may make a model fast on this machine; "cpu" is the first.

    A plug-in names its own by a function `devices` without arguments that is an attribute of what its entry point names
    (a static method of the Delegate); otherwise its name is the only one. Whether they work is for `load` to find out.
    """
    from littoral.runtime.delegate.plugins import installed, plugin

    found = [device for device in DEVICES if device != "cpu:reference"]
    for name in sorted(installed()):
        try:
            devices = getattr(plugin(name), "devices", None)
            with calling(name, "listing its devices"):
                found += map(str, devices()) if devices else [name]
        except LittoralError:
            found.append(name)  # loading a model there says what is wrong
    return found


def wants_isolation(device: Device) -> bool:
    """Whether a device's plug-in asks for a process of its own: it has an attribute `isolated` that is true."""
    return _asks(device, "isolated")


def _asks(device: Device, what: str) -> bool:
    """Whether a device's plug-in has an attribute that is true."""
    if str(device) in DEVICES:
        return False
    from littoral.runtime.delegate.plugins import plugin

    return bool(getattr(plugin(device.name), what, False))


def _pinned(device: Device) -> Device:
    """The same device by a name that it keeps, where its plug-in knows one: it has a function `pin`."""
    if str(device) in DEVICES:
        return device
    from littoral.runtime.delegate.plugins import plugin

    pin = getattr(plugin(device.name), "pin", None)
    if pin is None:
        return device
    with calling(device.name, f"pinning {str(device)!r}"):
        return Device(device.name, tuple(map(str, pin(*device.options))))


def open_engine(source: Source, device: Device, threads: int, scratch: Scratch) -> tuple[Engine, str]:
    """A model on a device in this process, and what there is to say about that.

    Raises:
        DeviceError: The device is not there, or does not run the model.
    """
    operators = _operators(source, device)
    if device.name == "cpu":
        return open_cpu(source, device, threads, scratch, operators)
    if device.name == "gpu":
        from littoral.runtime.litert.gpu import open_gpu

        return open_gpu(source, device), ""
    from littoral.runtime.delegate.plugins import make
    from littoral.runtime.delegate.vendor import VendorDelegate
    from littoral.runtime.litert.interpreter import Delegated

    delegate = make(device)
    vendor = delegate if isinstance(delegate, VendorDelegate) else None
    if vendor:
        vendor.check(source.graph, source.name)
    engine = Delegated(source, str(device), threads, delegate, operators)
    if left := _nothing_taken(engine.placement()):
        engine.close()
        cause = f"{device} takes no operator of {source.name}"
        if vendor:
            raise DeviceError(cause, vendor.remedy)
        raise DeviceError(f"{cause}: {left}", 'Use cpu, or fall back with "|cpu"')
    return engine, vendor.note if vendor else ""


def _operators(source: Source, device: Device) -> Mapping[str, Compile]:
    """What runs the custom operators of a model in Python, by their names; most models have none.

    Raises:
        DeviceError: Another device is the only one that runs the model.
    """
    foreign = foreign_operators(source.graph)
    if not foreign:
        return {}
    from littoral.runtime.delegate import custom

    found = custom.find(foreign)
    custom.check_belongs(foreign - found.keys(), device.name, source.name)
    return found


def _nothing_taken(placement: Placement) -> str:
    """Why an accelerator took nothing at all of a model; empty when it took something, or there was nothing to take."""
    if any(place.runner != PROCESSOR for place in placement.operators):
        return ""
    return next((f"{place.name}: {place.reason}" for place in placement.operators), "")


class Place:
    """A model on one device: engines that threads share.

    Args:
        source: The model.
        device: Where.
        threads: For each call.
        isolation: How to run it in processes of its own; None for this process.
        count: Takes each fault of those, and each restart.

    Raises:
        DeviceError: The device is not there, or does not run the model.
    """

    def __init__(
        self,
        source: Source,
        device: Device,
        threads: int,
        isolation: Isolation | None,
        count: Callable[[Kind], None],
    ) -> None:
        self.device = device
        self._count = count
        self.isolated = isolation is not None
        self.notes: tuple[str, ...] = ()
        self._source = source
        self._threads = threads
        self._isolation = isolation
        self._scratch = Scratch()
        alone = keeps_state(source.graph) or _asks(device, "exclusive")
        size = 1 if alone else max(1, usable_cores() // threads)
        try:
            self._pool = Pool(f"{source.name} on {device}", self._open, size)
        except BaseException:
            self._scratch.close()
            raise

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Those that there are."""
        return self._pool.engines

    @property
    def nbytes(self) -> int:
        """Memory beyond the model file, as far as it is known."""
        return self._scratch.nbytes + sum(engine.nbytes for engine in self._pool.engines)

    def prepare(self, engines: int) -> None:
        """Has so many engines ready for their first call, as far as that makes sense. Nobody may use the place yet.

        Raises:
            DeviceError: The device fails.
        """
        self._pool.fill(engines)
        entry = main_entry(self._source.graph)
        if any(info.dtype.kind == "O" for info in entry.inputs):
            return
        for engine in self._pool.engines:
            engine.run(entry, zeros(entry.inputs))

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        """Runs once; threads may do so at the same time. See `Engine.run`."""
        with self._pool.lease() as engine:
            return engine.run(entry, values)

    def reset(self) -> None:
        """Sets variables back to zero."""
        with self._pool.lease() as engine:
            engine.reset()

    def placement(self) -> Placement:
        """Where each operator runs."""
        with self._pool.lease() as engine:
            return engine.placement()

    def close(self) -> None:
        """Frees everything, after the calls that are running; closing again does nothing."""
        self._pool.close()
        self._scratch.close()

    def _open(self) -> Engine:
        engine: Engine
        if self._isolation:
            from littoral.runtime.worker.engine import Isolated

            device = _pinned(self.device)
            engine = isolated = Isolated(self._source, device, self._threads, self._isolation, self._count)
            note = isolated.note
        else:
            engine, note = open_engine(self._source, self.device, self._threads, self._scratch)
        if note:
            self.notes = (f"{self.device} {note}",)
        return engine
