"""Why the vendor's library does not open a chip: its own words, which it says at a high verbosity only, made sentences.

The words are those of google-coral/libedgetpu (driver/usb/local_usb_device.cc: "USB error N", with libusb's numbers;
driver/kernel/*.cc: "Device open failed : -1 (errno)"). What lies behind them is in libusb (get_usbfs_fd: -1 where a
container denies the device, -4 where its file is missing) and in the apex driver (src/gasket_core.c: "Operation not
permitted" where another process has the chip).
"""

from __future__ import annotations

import re

from littoral.coral.doctor_system import USB_IN_DOCKER
from littoral.coral.library import Trial

_REPLUG = "Unplug it, wait five seconds, plug it in again: littoral doctor"
_POWER = "Shut the machine down and start it again: sudo poweroff. What the driver says: sudo dmesg | grep -i apex"
_WIRE = f"{_REPLUG}. If it stays: another port of the computer itself (no hub), the cable that came with it"

_KNOWN: tuple[tuple[str, str, str], ...] = (
    (r"USB error -3\b", "this user may not open the USB device", ""),
    (r"USB error -1 \[OpenDevice", "the system does not let it be opened, as in a container", USB_IN_DOCKER),
    (r"USB error -4 \[OpenDevice", "its device file is gone, as in a container when the firmware loads", USB_IN_DOCKER),
    (r"USB error -4\b|USB transfer error 5\b", "it went away while it was opened", _WIRE),
    (r"USB error -6\b", "another process holds it", "End that process: sudo fuser -v /dev/bus/usb/*/*"),
    (r"USB error -7\b|USB transfer error 2\b", "it does not answer in time", _WIRE),
    (r"USB error -(1|9|99)\b|USB transfer error [146]\b", "the USB connection fails", _WIRE),
    (r"USB error -5\b|\[?OpenDevice\]?$", "it is not on its port any more", _REPLUG),
    (r"[Ff]irmware|DFU", "its firmware could not be loaded", _WIRE),
    (r"Low speed", "its USB connection is at low speed", _WIRE),
    (r"too slow", "USB_FAIL_IF_SLOWER_THAN_SUPERSPEED is set and it is on USB 2", "Use a USB 3 port, or unset that"),
    (r"Permission denied", "this user may not open the device file", ""),
    (
        r"Operation not permitted",
        "another process has it, or the container may not use it",
        "End that process: sudo fuser -v /dev/apex_*. In a container: docker run --device /dev/apex_0 ...",
    ),
    (r"No such file or directory", "its device file is gone", _POWER),
    (r"timed out|Input/output error|No such device", "it does not come out of reset", _POWER),
    (r"Could not mmap|resource busy", "the driver does not let it be used", _POWER),
)
_LAST_WORD = re.compile(r"Failed to (?:open device|create driver) \[[^]]*\] at \[[^]]*\]: ?(.*)")


def explain(trial: Trial) -> tuple[str, str]:
    """What a failed trial means, and what to do.

    Args:
        trial: Of `library.try_open`, not opened.

    Returns:
        A sentence without a full stop, with the library's own words in brackets, and a remedy; that is empty where the
        user lacks the permission, as it depends on whose the device file is.
    """
    if trial.death:
        return f"the library {trial.death} when it opens it", "Take another build of the library, or try another port"
    reason = _decisive(trial.said)
    if not reason:
        return "the library does not list it", "Look whether udev runs and libusb-1.0 is installed: sudo lsusb"
    for pattern, words, remedy in _KNOWN:
        if re.search(pattern, reason):
            return f"{words} ({reason})", remedy
    return f"the library says: {reason}", "Look for these words in the issues of google-coral/edgetpu"


def _decisive(said: str) -> str:
    """The reason in the library's output: the status of the last failure to open, else the last error or line."""
    lines = [re.sub(r"^[IWEF] \S+\] ", "", line) for line in said.splitlines()]
    failures = [match[1] for line in lines if (match := _LAST_WORD.search(line))]
    errors = [line for line in lines if re.search(r"\berror\b|[Ff]ailed|[Ff]ailure", line)]
    return next((found[-1].strip() for found in (failures, errors, lines) if found), "")
