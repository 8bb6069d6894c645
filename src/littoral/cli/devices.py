"""littoral devices: what this machine has, which devices work on it, and what the others lack."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from littoral.cli import options, terminal
from littoral.errors import LittoralError

if TYPE_CHECKING:
    from littoral.coral.chips import Chip
    from littoral.devices import Machine


@dataclasses.dataclass(frozen=True)
class State:
    """A device, whether a small model ran on it just now, and what it is or why it did not."""

    device: str
    ready: bool
    words: str


def command(as_json: options.Json = False) -> None:
    """Show the processor, Coral chips, and the devices that models can run on: each is tried."""
    from littoral.coral import chips
    from littoral.devices import survey
    from littoral.runtime import DEVICES

    machine, found = survey(), chips.find()
    words = DEVICES | _plugins()
    with terminal.progress_bar() as progress:
        states = []
        for number, (device, what) in enumerate(words.items()):
            progress("trying devices", number, len(words))
            states.append(_try(device, what))
    states.append(_coral(found))
    if as_json:
        listed = {"coral": [chip.summary() for chip in found], "devices": list(map(dataclasses.asdict, states))}
        terminal.emit_json({**dataclasses.asdict(machine), **listed})
    else:
        terminal.out.print(Group(*_processor(machine), *map(_chip, found), _table(states)))


def _plugins() -> dict[str, str]:
    """The devices that plug-ins bring, and what they are; but coral, whose chips run compiled models alone."""
    from littoral import openvino
    from littoral.runtime.delegate import installed

    found = {name: f"a plug-in: {point.value}" for name, point in sorted(installed().items()) if name != "coral"}
    with contextlib.suppress(LittoralError):  # trying it will tell why
        units = openvino.describe()
        del found["openvino"]
        found |= {one.device: f"{one.name}, OpenVINO {one.version}: {', '.join(one.capabilities)}" for one in units}
    return found


def _try(device: str, what: str) -> State:
    from littoral.runtime import load
    from littoral.runtime.litert.probe import sum_model

    try:
        with load(sum_model(), device) as model:
            model([[1.0, 2.0, 3.0, 4.0]])
    except LittoralError as error:
        return State(device, False, str(error))
    return State(device, True, what)


def _coral(found: tuple[Chip, ...]) -> State:
    """Chips are not tried here: opening one resets it. The doctor does it."""
    words = "models compiled for the Edge TPU" if found else "no Edge TPU is here: littoral doctor says what to do"
    return State("coral", any(chip.usable for chip in found), words)


def _processor(machine: Machine) -> list[Text]:
    one = machine.processor
    memory = f"{one.memory / 2**30:.0f} GiB" if one.memory else "memory unknown"
    features = {"float32": one.vector, "int8": one.integer, "float16": one.half, "bfloat16": one.bfloat}
    lines = [f"{one.name} ({one.architecture}), {one.cores} cores usable, {memory}"]
    lines += [f"  {what:<9} {', '.join(found) or 'nothing special'}" for what, found in features.items()]
    return [Text(line) for line in lines]


def _chip(chip: Chip) -> Text:
    warning = f"  warning: {'; '.join(chip.problems)}" if chip.problems else ""
    return Text(f"{chip.device} = {chip.stable}: {chip}{warning}")


def _table(states: list[State]) -> Table:
    table = Table("device", "", "what it is, or why it does not work here", box=None, header_style="bold")
    for state in states:
        table.add_row(state.device, Text("✓", "green") if state.ready else Text("✗", "red"), Text(state.words))
    return table
