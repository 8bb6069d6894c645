"""What tuning found: the fastest device that holds, remembered for a model file on a machine with these versions.

    LITTORAL_HOME/tuned/<SHA-256 of all that it depends on>.json

An entry is replaced as a whole. One that cannot be read, or that is of something else, is not there.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from littoral.devices import survey
from littoral.runtime.home import cache_folder

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Winner:
    """The device that won.

    Attributes:
        device: A device string.
        threads: That a call had when it was measured.
    """

    device: str
    threads: int


def fingerprint(model: Path | bytes) -> str:
    """The SHA-256 of a model file, hexadecimal.

    Raises:
        OSError: The file cannot be read.
    """
    digest = hashlib.sha256()
    if isinstance(model, bytes):
        digest.update(model)
    else:
        with model.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def remember(model: str, winner: Winner) -> None:
    """Keeps the winner beside those of other numbers of threads.

    Args:
        model: Its fingerprint.
        winner: What to keep.

    Raises:
        OSError: It cannot be written.
    """
    facts = _facts(model)
    path = _path(facts)
    devices = {**_devices(path, facts), str(winner.threads): winner.device}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        new.write_text(json.dumps({**facts, "devices": devices}, indent=2))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def recall(model: str, threads: int) -> Winner | None:
    """The winner for a model on this machine as it is now: that of the nearest number of threads.

    Args:
        model: Its fingerprint.
        threads: For each call.

    Returns:
        None when the model was never tuned here with these versions.
    """
    facts = _facts(model)
    found = [Winner(device, int(number)) for number, device in _devices(_path(facts), facts).items()]
    return min(found, key=lambda winner: (abs(winner.threads - threads), winner.threads), default=None)


def _devices(path: Path, facts: dict[str, Any]) -> dict[str, str]:
    """Device strings by number of threads; empty where there is nothing that can be used."""
    try:
        kept = json.loads(path.read_text())
        devices = kept.pop("devices")
        if kept == facts and all(number.isdecimal() and isinstance(one, str) for number, one in devices.items()):
            return dict(devices)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return {}


def _path(facts: dict[str, Any]) -> Path:
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return cache_folder() / "tuned" / f"{name}.json"


def _facts(model: str) -> dict[str, Any]:
    """All that the choice depends on."""
    processor = survey().processor
    features = [*processor.vector, *processor.integer, *processor.half, *processor.bfloat]
    return {
        "model": model,
        "processor": processor.name,
        "cores": processor.cores,
        "features": features,
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    """Of littoral, LiteRT, the plug-ins, and what they drive: a plug-in is often named as the package that it needs."""
    from importlib.metadata import PackageNotFoundError, version

    from littoral.runtime.delegate.plugins import installed

    found = {}
    for name, point in installed().items():
        found[f"device {name}"] = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    for package in ("littoral", "ai-edge-litert", *installed()):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
