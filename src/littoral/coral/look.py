"""The child process of `littoral.coral.library`: `python -m littoral.coral.look LIBRARY [DEVICE]`.

It loads the vendor's library, and with DEVICE ("usb:0") opens that device. What it found is one line of JSON on stdout;
what the library says goes to stderr. It leaves without running the library's destructors, which nobody asked about.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

SYMBOLS = (
    "edgetpu_list_devices",
    "edgetpu_free_devices",
    "edgetpu_verbosity",
    "edgetpu_version",
    "tflite_plugin_create_delegate",
    "tflite_plugin_destroy_delegate",
)
_VERBOSITY = 10  # the library's maximum: it says why it cannot open a device from 1 on, what it looked at from 5 on


def look(path: str, device: str | None) -> dict[str, Any]:
    """What there is to tell: `refused` by the loader, or `missing` symbols and `version`, and `opened` if asked for."""
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        return {"refused": str(error)}
    missing = [name for name in SYMBOLS if not hasattr(library, name)]
    if missing:
        return {"missing": missing}
    library.edgetpu_version.restype = ctypes.c_char_p
    version = (library.edgetpu_version() or b"").decode(errors="replace")
    found: dict[str, Any] = {"missing": [], "version": version}
    return found if device is None else {**found, "opened": _open(library, device)}


def _open(library: ctypes.CDLL, device: str) -> bool:
    """Open a device and close it again. The library resets a USB chip when it opens it, whoever may be using it."""
    library.edgetpu_verbosity(_VERBOSITY)
    create, destroy = library.tflite_plugin_create_delegate, library.tflite_plugin_destroy_delegate
    create.restype, destroy.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    strings = ctypes.c_char_p * 1
    delegate = create(strings(b"device"), strings(device.encode()), ctypes.c_size_t(1), ctypes.c_void_p())
    if delegate:
        destroy(delegate)
    return bool(delegate)


if __name__ == "__main__":
    path, *device = sys.argv[1:]
    print(json.dumps(look(path, device[0] if device else None)), flush=True)
    sys.stderr.flush()
    os._exit(0)
