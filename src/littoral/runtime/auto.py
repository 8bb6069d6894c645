"""Device `auto`: a model answers on the processor at once, and moves to its tuned device when that has compiled."""

from __future__ import annotations

import warnings

from littoral.devices import parse
from littoral.errors import LittoralError
from littoral.runtime import choices
from littoral.runtime.engine import ANY, Source, keeps_state
from littoral.runtime.fallback import Chain, FallbackWarning
from littoral.runtime.lifetime import continued, origin
from littoral.runtime.places import check_device
from littoral.runtime.switch import Switch
from littoral.runtime.worker.isolation import Isolation

FIRST = "cpu"
"""Where the model runs until then, and when its tuned device fails."""


def upgrade(switch: Switch, source: Source, threads: int, isolate: bool | Isolation | None) -> None:
    """Looks for the tuned device in a thread, and has it run the model when it is ready. Errors become notes.

    Args:
        switch: The model on `FIRST`.
        source: The model.
        threads: For each call.
        isolate: As `load` takes it.
    """
    if keeps_state(source.graph):
        switch.told = (f"auto: the model keeps state from call to call, so it stays on {FIRST}",)
        return
    switch.told = (f"auto: runs on {FIRST} until the tuned device is ready",)
    switch.settled.clear()
    continued(_upgrade, switch, switch.chain, source, threads, isolate).start()


def _upgrade(switch: Switch, first: Chain, source: Source, threads: int, isolate: bool | Isolation | None) -> None:
    try:
        winner = choices.recall(choices.fingerprint(source.path or source.content), threads)
        if winner is None:
            hint = "littoral tune finds the fastest device that holds"
            switch.told = (f"auto: {source.name} was not tuned on this machine and runs on {FIRST}: {hint}",)
            return
        switch.told = (f"auto: {winner.device} was the fastest that held, threads: {winner.threads}",)
        if winner.device != FIRST and not switch.closed:
            _move(switch, first, source, winner.device, threads, isolate)
    except (LittoralError, OSError) as error:
        words = f"auto stays on {FIRST}: {error}"
        switch.told = (words,)
        warnings.warn_explicit(words, FallbackWarning, *origin())
    finally:
        switch.settled.set()


def _move(
    switch: Switch,
    first: Chain,
    source: Source,
    device: str,
    threads: int,
    isolate: bool | Isolation | None,
) -> None:
    devices = parse(f"{device}|{FIRST}")
    check_device(devices[0])
    chain = Chain({ANY: source}, devices, threads, isolate, first.ledger)
    try:
        chain.place.prepare(first.engines)
    except BaseException:
        chain.close()
        raise
    if not switch.replace(chain, instead_of=first):  # it was closed or moved by hand
        switch.told = ()
