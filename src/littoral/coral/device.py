"""The device `coral`: an Edge TPU behind the vendor's library, in a process of its own.

coral   coral:0   coral:usb:0   coral:pci:1   coral:usb:2-1.3   coral:usb:0:performance=high:usb.queue=32
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from littoral.coral.chips import Chip, choose, find
from littoral.coral.compiled import OPERATOR, is_compiled, read_compiled
from littoral.coral.library import Library, locate, probe, try_open
from littoral.coral.lock import ChipLock
from littoral.coral.options import plugin_options, split
from littoral.errors import DeviceError, ModelFileError
from littoral.runtime.delegate import VendorDelegate
from littoral.tflite import Graph, TensorType, macs

DOCTOR = "Run littoral doctor: it says what is wrong and the next command"
_ANY = ((), ("usb",), ("pci",))
_FLOATS = (TensorType.FLOAT16, TensorType.FLOAT32, TensorType.FLOAT64)
_BYTES = (TensorType.INT4, TensorType.INT8)


class Coral(VendorDelegate):
    """An Edge TPU; made from the options of a device string, as in `Coral("usb", "0", "performance=high")`.

    It holds the chip for this process until it is dropped.

    Raises:
        DeviceError: There is no such chip, it cannot be opened or another process has it, there is no working library
            of the vendor, or an option would not do what it says.

    Attributes:
        chip: Which chip.
    """

    isolated: ClassVar[bool] = True
    exclusive: ClassVar[bool] = True
    only_here: ClassVar[Mapping[str, tuple[str, str]]] = {
        OPERATOR: ("is compiled for the Edge TPU", "Give the model file that it was compiled from, or use coral")
    }

    def __init__(self, *options: str) -> None:
        place, settings = split(options)
        self.chip, self._lock = _take(place, find())
        try:
            self._found = probe(locate())
            _check_speed(self.chip, self._found, settings)
            super().__init__(
                name="coral",
                library=self._found.path,
                options=plugin_options(self.chip, settings),
                operators=(OPERATOR,),
                note=_note(self.chip),
            )
        except BaseException:
            self._lock.release()
            raise

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self._lock.release()

    @staticmethod
    def devices() -> list[str]:
        """The device strings worth trying on this machine: one for each chip that can be used now."""
        return [chip.stable for chip in find() if chip.usable]

    @staticmethod
    def pin(*options: str) -> tuple[str, ...]:
        """The same chip by port or address in place of its index, which changes when a chip loads its firmware.

        Raises:
            DeviceError: There is no such chip, or an option is wrong.
        """
        place, _ = split(options)
        if place in _ANY:
            return options
        chip = choose(place, find())
        return (chip.kind, *chip.identity.split(":"), *(option for option in options if "=" in option))

    def check(self, graph: Graph, name: str) -> None:
        """Refuses a model that is not compiled for the Edge TPU, is damaged, or needs a newer library.

        Raises:
            DeviceError: It is one of these; ModelFileError where it is damaged.
        """
        check_model(graph, name, self._found)

    def failed(self, reason: str) -> DeviceError:
        """Why the library did not open the chip: it says so at its highest verbosity only, so it is asked again.

        The chip is let go of.
        """
        why, remedy = (reason, "") if reason else _second_try(self._found.path, self.chip)
        self._lock.release()
        return DeviceError(f"{self._found.path} cannot open {self.chip}: {why}", remedy or DOCTOR)


def check_model(graph: Graph, name: str, library: Library) -> None:
    """Refuses a model that no chip could run with a library.

    Args:
        graph: The model.
        name: Names it in errors.
        library: The vendor's.

    Raises:
        DeviceError: It is not compiled for the Edge TPU, or needs a newer library.
        ModelFileError: Its part for the chip is damaged.
    """
    if not is_compiled(graph):
        raise DeviceError(f"{name} is not compiled for the Edge TPU{_kind(graph)}", _way_there(graph))
    try:
        needed = read_compiled(graph).min_runtime_version
    except ModelFileError as error:
        raise ModelFileError(f"{name}: {error.cause}", error.remedy) from error
    has = library.runtime_version
    if needed > has:
        raise DeviceError(
            f"{name} needs runtime version {needed} of the Edge TPU library, and {library.path} has {has}",
            f"Install a newer library, or compile the model for this one: littoral compile MODEL --target edgetpu "
            f"--runtime-version {has}",
        )


def _take(place: Sequence[str], chips: Sequence[Chip]) -> tuple[Chip, ChipLock]:
    """The chip that is asked for, held for this process. Where any will do, the first that no other process has."""
    chip = choose(place, chips)
    try:
        return chip, _held(chip)
    except DeviceError:
        others = [other for other in chips if other != chip]
        if tuple(place) not in _ANY or not any(other.usable for other in others):
            raise
        return _take(place, others)


def _held(chip: Chip) -> ChipLock:
    if chip.state == "dead" or not chip.node.usable:
        raise DeviceError(f"{chip} cannot be opened: {chip.problems[0]}", DOCTOR)
    lock = ChipLock(chip.kind, chip.identity)
    if chip.user and not lock.shared:
        lock.release()
        raise DeviceError(
            f"chip {chip.kind} {chip.identity} is in use by {chip.user}", "End that process, or choose another chip"
        )
    return lock


def _note(chip: Chip) -> str:
    """What there is to say of a chip that works, but not as well as it could."""
    return "; ".join(problem for problem in chip.problems if not problem.startswith("in use"))


def _check_speed(chip: Chip, library: Library, settings: Mapping[str, str]) -> None:
    """Refuses the highest clock where the library would give a lower one without a word.

    libedgetpu1-std is built that way for USB (tflite/edgetpu_context_direct.cc), and says so in its data
    (port/default/builddata.cc).
    """
    if chip.kind == "usb" and settings.get("Performance") == "Max" and _is_throttled(library.path):
        raise DeviceError(
            f"performance=max does nothing with {library.path}, which is built for a lower clock on USB",
            "Install libedgetpu1-max, or write performance=high",
        )


def _is_throttled(path: Path) -> bool:
    return b"PERFORMANCE=THROTTLED" in path.read_bytes()


def _second_try(library: Path, chip: Chip) -> tuple[str, str]:
    """Why a chip did not open, from trying again in a child process, and what to do; the latter may be empty."""
    from littoral.coral.doctor_reasons import explain

    trial = try_open(library, chip.option)
    return (
        ("at a second try it opens: another program may have had it", "Try again") if trial.opened else explain(trial)
    )


def _kind(graph: Graph) -> str:
    """What a model is that cannot be compiled as it is, by what its multiply-adds are made of; empty where it can."""
    main = graph.main
    heavy = [
        main.tensors[i] for number, op in enumerate(main.operators) if macs(graph, 0, number) for i in op.inputs[:2]
    ]
    if not any(tensor.type in _FLOATS and not tensor.is_constant for tensor in heavy):
        return ""
    if any(tensor.type in _BYTES and tensor.is_constant for tensor in heavy):
        return ": it is a dynamic-range model, which computes in floats"
    return ": it is a float model"


def _way_there(graph: Graph) -> str:
    if _kind(graph):
        return "Convert it to 8 bits and compile it: littoral convert MODEL -r full-int8 --io uint8 --target edgetpu"
    return "Compile it: littoral compile MODEL --target edgetpu. Or use cpu"
