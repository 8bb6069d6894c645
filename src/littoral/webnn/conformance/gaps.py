"""What is known to fail, and why: a list for each device, in gaps.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files

_ANY = "any"  # the list of what no device passes: the data are wrong


@dataclass(frozen=True)
class Gap:
    """Tests that are known to fail.

    Attributes:
        reason: Why.
        file: Of the data, without ".json".
        tests: By name; empty for all of the file.
        says: In place of a file: part of what such failures say.
    """

    reason: str
    file: str = ""
    tests: tuple[str, ...] = ()
    says: str = ""

    def names(self, file: str, test: str) -> bool:
        """Whether a test is listed by name."""
        return not self.says and self.file == file and (not self.tests or test in self.tests)

    def explains(self, file: str, test: str, failure: str) -> bool:
        """Whether it is the reason of a failure."""
        return self.says in failure if self.says else self.names(file, test)


def known_gaps(device: str) -> tuple[Gap, ...]:
    """Those of any device, of each device of the string by its name, and by its name with options."""
    listed = json.loads(files(__package__).joinpath("gaps.json").read_text(encoding="utf-8"))
    names = [_ANY]
    for each in device.split("|"):
        words = each.strip().split(":")
        names += [":".join(words[: count + 1]) for count in range(len(words))]
    return tuple(
        Gap(**{**entry, "tests": tuple(entry.get("tests", ()))})
        for name in dict.fromkeys(names)
        for entry in listed.get(name, [])
    )
