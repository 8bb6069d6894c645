"""Label files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from littoral.pycoral.errors import LabelsError

_NUMBERED = re.compile(r"(\d+)[:\s]+(\S.*)")


def read_label_file(file_path: str | os.PathLike[str]) -> dict[int, str]:
    """Labels by class index.

    Args:
        file_path: UTF-8. A line is `index label`, `index: label`, or a label alone with the line's index, from 0.

    Raises:
        LabelsError: It cannot be read (also an OSError).
    """
    try:
        lines = Path(file_path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsError(f"the label file {file_path} cannot be read: {error}", "Give a UTF-8 text file") from error
    labels: dict[int, str] = {}
    for row, line in enumerate(map(str.strip, lines)):
        numbered = _NUMBERED.fullmatch(line)
        if numbered:
            labels[int(numbered[1])] = numbered[2]
        else:
            labels[row] = line
    return labels
