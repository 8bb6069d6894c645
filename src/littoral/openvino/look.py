"""The child process of `describe`: `python -m littoral.openvino.look` prints what OpenVINO finds as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from littoral.errors import LittoralError
from littoral.openvino import library


def look() -> list[dict[str, Any]]:
    """The fields of each Unit."""
    core = library.core()
    return [
        {
            "device": f"openvino:{name}",
            "name": core.get_property(name, "FULL_DEVICE_NAME"),
            "version": library.version(name),
            "capabilities": capabilities,
        }
        for name, capabilities in library.units().items()
    ]


if __name__ == "__main__":
    try:
        print(json.dumps(look()))
    except LittoralError as error:
        sys.exit(str(error))
