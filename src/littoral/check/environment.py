"""On what the figures were measured: they mean little without it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata

from littoral.devices import survey

_PACKAGES = (
    "littoral", "ai-edge-litert", "ai-edge-quantizer", "numpy", "pillow", "tensorflow", "tf-keras", "keras",
)  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """The machine and the software of a report.

    Args:
        created: When, UTC, ISO 8601 to the second.
        cpu: The processor's own name.
        cores: Cores that the process may use.
        system: Kernel and architecture.
        python: "3.11.2".
        packages: Versions of the installed packages that have a say, by name.
    """

    created: str
    cpu: str
    cores: int
    system: str
    python: str
    packages: dict[str, str]


def environment() -> Environment:
    """Describes this machine; imports none of the packages that it names."""
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    processor = survey().processor
    return Environment(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        cpu=processor.name,
        cores=processor.cores,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        packages=versions,
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
