from __future__ import annotations

import pytest

from littoral.coral.doctor_reasons import explain
from littoral.coral.library import Trial

USB = "I tflite/edgetpu_context_direct.cc:398] Failed to open device [Apex (USB)] at [/sys/bus/usb/devices/2-1]: "
PCI = "I tflite/edgetpu_context_direct.cc:398] Failed to open device [Apex (PCIe)] at [/dev/apex_0]: "
NOISE = """I driver/usb/local_usb_device.cc:944] EnumerateDevices: vendor:0x1a6e, product:0x89a
I driver/usb/local_usb_device.cc:979] EnumerateDevices: checking bus[2] port[1]
I driver/usb/local_usb_device.cc:66] ConvertLibUsbError: USB error -99 [first of five tries]
"""


@pytest.mark.parametrize(
    ("status", "what", "remedy"),
    [
        (f"{USB}Permission denied: USB error -3 [OpenDevice]", "this user may not open the USB device", ""),
        (f"{USB}Unknown: USB error -1 [OpenDevice]", "does not let it be opened, as in a container", "docker run -v"),
        (f"{USB}Unknown: USB error -1 [GetDeviceDescriptor]", "the USB connection fails", "another port"),
        (f"{USB}Unavailable: USB error -4 [ClaimInterface]", "it went away while it was opened", "plug it in again"),
        (f"{USB}Unavailable: USB error -4 [OpenDevice]", "as in a container when the firmware loads", "docker run -v"),
        (f"{USB}Not found: OpenDevice", "it is not on its port any more", "plug it in again"),
        (f"{USB}Not found: USB error -5 [SetConfiguration]", "it is not on its port any more", "plug it in again"),
        (f"{USB}Deadline exceeded: USB error -6 [ClaimInterface]", "another process holds it", "sudo fuser -v"),
        (f"{USB}Deadline exceeded: USB error -7 [GetDescriptor]", "it does not answer in time", "the cable"),
        (f"{USB}Deadline exceeded: USB transfer error 2 [BulkOut]", "it does not answer in time", "the cable"),
        (f"{USB}Invalid argument: USB transfer error 4 [BulkOut]", "the USB connection fails", "the cable"),
        (f"{USB}Not found: USB transfer error 5 [BulkIn]", "it went away while it was opened", "plug it in again"),
        (f"{USB}Data loss: Firmware downloading failed", "its firmware could not be loaded", "another port"),
        (f"{USB}Failed precondition: USB Low speed is not supported", "at low speed", "another port"),
        (f"{USB}Failed precondition: Connection speed is too slow, fail.", "USB_FAIL_IF_SLOWER_THAN", "unset"),
        (f"{PCI}Failed precondition: Device open failed : -1 (Permission denied)", "may not open the device file", ""),
        (
            f"{PCI}Failed precondition: Device open failed : -1 (Operation not permitted)",
            "another process has it",
            "fuser",
        ),
        (f"{PCI}Failed precondition: Device open failed : -1 (No such file or directory)", "file is gone", "poweroff"),
        (f"{PCI}Failed precondition: Device open failed : -1 (Connection timed out)", "out of reset", "poweroff"),
        (f"{PCI}Internal: Could not mmap: Invalid argument", "the driver does not let it be used", "poweroff"),
    ],
)
def test_known_reasons(status: str, what: str, remedy: str) -> None:
    said, way_out = explain(Trial(False, f"{NOISE}{status}\nI x.cc:1] Failed allocating Edge TPU device."))
    assert what in said
    assert f"({status.partition(']: ')[2]})" in said
    assert remedy in way_out
    assert bool(way_out) is bool(remedy)


def test_the_last_failure_counts() -> None:
    first, last = f"{USB}Not found: OpenDevice", f"{USB}Deadline exceeded: USB error -6 [ClaimInterface]"
    assert "another process holds it" in explain(Trial(False, f"{first}\n{last}"))[0]


def test_an_error_without_a_status() -> None:
    what, _ = explain(Trial(False, f"{NOISE}I x.cc:5] Some other thing"))
    assert what == "the USB connection fails (ConvertLibUsbError: USB error -99 [first of five tries])"


def test_an_unknown_reason_is_passed_on() -> None:
    what, remedy = explain(Trial(False, f"{USB}Resource exhausted: the moon"))
    assert what == "the library says: Resource exhausted: the moon"
    assert "google-coral/edgetpu" in remedy


def test_silence() -> None:
    what, remedy = explain(Trial(False, ""))
    assert what == "the library does not list it"
    assert remedy


def test_death() -> None:
    assert explain(Trial(False, NOISE, "crashes (SIGSEGV)"))[0] == "the library crashes (SIGSEGV) when it opens it"
