"""The doctor: what is there, what is wrong, and the next command.

Everything is read, and then each chip that nothing hinders is opened by the vendor's library in a child process: that
alone shows that it works, and makes the library say why where it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from littoral.coral import chips, doctor_system
from littoral.coral.chips import Chip, Hidden
from littoral.coral.doctor_reasons import explain
from littoral.coral.finding import Finding
from littoral.coral.library import GET_IT, Library, Trial, locate, probe, try_open
from littoral.errors import DeviceError


@dataclass(frozen=True)
class Tried:
    """A chip that was opened, or not, by the vendor's library."""

    chip: Chip
    trial: Trial


@dataclass(frozen=True)
class Examination:
    """What the doctor saw.

    Attributes:
        findings: In the order of a reader's questions: software, chips, library, whether they work together.
        chips: As the vendor's library lists them, before any was opened.
        hidden: Chips that it does not list.
        library: The vendor's; None where it is missing or does not work.
        tried: Every chip that nothing hinders, where there is a library.
        container: The kind of container that this is; empty when none.
    """

    findings: tuple[Finding, ...]
    chips: tuple[Chip, ...]
    hidden: tuple[Hidden, ...]
    library: Library | None
    tried: tuple[Tried, ...]
    container: str

    @property
    def working(self) -> tuple[Chip, ...]:
        """The chips that the library opened."""
        return tuple(one.chip for one in self.tried if one.trial.opened)

    @property
    def next_step(self) -> str:
        """The remedy of the first error, else of the first warning; empty where there is none."""
        found = [one.remedy for level in ("error", "warning") for one in self.findings if one.level == level]
        return next(iter(found), "")

    def summary(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        library = {**asdict(self.library), "path": str(self.library.path)} if self.library else None
        return {
            "usable": [chip.stable for chip in self.working],
            "next": self.next_step,
            "findings": [asdict(finding) for finding in self.findings],
            "chips": [chip.summary() for chip in self.chips],
            "hidden": [asdict(chip) for chip in self.hidden],
            "library": library,
            "tried": [{"device": one.chip.stable, **asdict(one.trial)} for one in self.tried],
            "container": self.container,
        }


def examine(root: Path = Path("/")) -> Examination:
    """Look at everything that a model on an Edge TPU needs, and open each chip that is free. Nothing is changed.

    But a USB chip before its firmware gets it when it is opened, as at any first use.

    Args:
        root: The folder that holds sys, dev, proc and lib. The library always looks at the real ones.
    """
    found, unlisted, inside = chips.find(root), chips.find_hidden(root), doctor_system.container(root)
    library, on_library = _library()
    tried = tuple(_try(library, found, root)) if library else ()
    findings = [doctor_system.software()]
    findings += [finding for chip in found for finding in _of_chip(chip, inside)]
    findings += [doctor_system.hidden(chip, root, inside) for chip in unlisted]
    findings += [] if found or unlisted else [doctor_system.no_chip(inside)]
    findings += [*on_library, *(_of_trial(one, inside) for one in tried)]
    return Examination(tuple(findings), found, unlisted, library, tried, inside)


def _library() -> tuple[Library | None, list[Finding]]:
    try:
        library = probe(locate())
    except DeviceError as error:
        return None, [Finding("error", error.cause, error.remedy)]
    there = Finding("ok", f"{library.path}, runtime version {library.runtime_version} ({library.build})")
    if not library.original:
        return library, [there]
    what = f"{library.path} looks like the vendor's build of 2021: it crashes in TensorFlow Lite 2.12 and newer"
    return library, [there, Finding("warning", what, GET_IT)]


def _try(library: Library, found: tuple[Chip, ...], root: Path) -> Iterator[Tried]:
    """Open each chip that nothing hinders. The chips are looked up anew each time: firmware changes their indices."""
    for chip in found:
        now = next((one for one in chips.find(root) if one.stable == chip.stable), None)
        if now is not None and now.usable:
            yield Tried(chip, try_open(library.path, now.option))


def _of_trial(tried: Tried, inside: str) -> Finding:
    if tried.trial.opened:
        return Finding("ok", f"{tried.chip.stable} works: the library opened it")
    what, remedy = explain(tried.trial)
    remedy = remedy or doctor_system.permission(tried.chip, inside).remedy
    return Finding("error", f"{tried.chip.stable} cannot be opened: {what}", remedy)


def _of_chip(chip: Chip, inside: str) -> Iterator[Finding]:
    """What sysfs says of a chip: first what it is, then what is wrong."""
    yield Finding("ok", f"{chip.device} = {chip.stable}: {chip}{_details(chip)}")
    if chip.state == "dfu":
        yield Finding("note", f"{chip.stable} has no firmware yet, which is normal: the library loads it at first use")
    if chip.state == "dead":
        remedy = "Shut the machine down and start it again: sudo poweroff. Why: sudo dmesg | grep -i apex"
        yield Finding("error", f"{chip.stable} was given up by its driver", remedy)
    if not chip.node.exists:
        yield _without_node(chip, inside)
    elif not chip.node.usable:
        yield doctor_system.permission(chip, inside)
    if chip.user:
        which = chip.user.removeprefix("process ")
        remedy = f"Which it is: ps {which}" if which.isdecimal() else f"Which it is: sudo fuser -v {chip.node.path}"
        yield Finding("warning", f"{chip.stable} is in use by {chip.user}, so that it was not tried", remedy)
    if chip.slow:
        remedy = "Plug it into a USB 3 port (blue, or marked SS) with the cable that came with it"
        yield Finding("warning", f"{chip.stable} is on USB 2 ({chip.speed} Mbit/s), which makes it slow", remedy)
    if chip.throttled:
        what = f"{chip.stable} is at {chip.temperature:.0f} °C: it runs at 1/{2**chip.throttled} of its clock"
        yield Finding("warning", what, "Cool it: a heat sink, a fan, pauses between inferences")


def _without_node(chip: Chip, inside: str) -> Finding:
    what = f"{chip.stable} has no device file {chip.node.path}"
    if inside:
        return Finding("error", f"{what} in this {inside} container", doctor_system.USB_IN_DOCKER)
    return Finding("error", what, "Make udev look again: sudo udevadm trigger; or plug it in again")


def _details(chip: Chip) -> str:
    """What else is known, in brackets."""
    facts = [f"{chip.speed} Mbit/s" if chip.speed else "", chip.driver]
    facts += [f"{chip.temperature:.0f} °C" if chip.temperature is not None else ""]
    known = ", ".join(filter(None, facts))
    return f" ({known})" if known else ""
