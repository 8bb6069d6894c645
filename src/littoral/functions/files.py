"""The read-only files of a function, as a small tree in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from littoral.functions.errors import ManifestError


class Reader:
    """Bytes that are read in order: a body, or an open file.

    Attributes:
        name: For remarks.
        data: All of it.
        position: Where reading goes on.
    """

    __slots__ = ("data", "name", "position")

    def __init__(self, name: str, data: memoryview) -> None:
        self.name = name
        self.data = data
        self.position = 0


@dataclass(frozen=True)
class Folder:
    """A folder: what it holds, by name."""

    name: str
    entries: dict[str, Folder | memoryview] = field(default_factory=dict)

    def find(self, path: str) -> Folder | memoryview | None:
        """What lies at a path below it; None where there is nothing.

        Raises:
            PermissionError: The path leads out of the folder.
        """
        trail: list[Folder] = [self]
        parts = [part for part in path.split("/") if part not in ("", ".")]
        found: Folder | memoryview | None = self
        for part in parts:
            if not isinstance(found, Folder):
                return None
            if part == "..":
                if len(trail) == 1:
                    raise PermissionError(path)
                trail.pop()
                found = trail[-1]
                continue
            found = found.entries.get(part)
            if isinstance(found, Folder):
                trail.append(found)
        return found


def tree(contents: Mapping[str, bytes]) -> Folder:
    """Files as a folder.

    Args:
        contents: By path ("labels.txt", "models/a.json"), with / between folders.

    Raises:
        ManifestError: One path is a file and a folder.
    """
    root = Folder("/")
    for path, content in contents.items():
        *folders, name = path.split("/")
        here: Folder | memoryview = root
        for folder in folders:
            if isinstance(here, Folder):
                here = here.entries.setdefault(folder, Folder(folder))
        if not isinstance(here, Folder) or name in here.entries:
            raise ManifestError(f"the file {path!r} is a folder as well, or lies in a file", "Give it another path")
        here.entries[name] = memoryview(content).toreadonly()
    return root
