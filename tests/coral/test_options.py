"""Options of the vendor's library in device strings: those that it would drop or refuse in silence are errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.coral.chips import Chip, Node
from littoral.coral.options import LONGEST_QUEUE, SETTINGS, plugin_options, split
from littoral.errors import DeviceError

USB = Chip("usb", 1, "2-1", "/sys/bus/usb/devices/2-1", "ready", Node("/dev/bus/usb/002/002", True, usable=True))
PCI = Chip("pci", 0, "0000:01:00.0", "/dev/apex_0", "ready", Node("/dev/apex_0", True, usable=True))


def test_place_and_settings_are_parted() -> None:
    assert split(()) == ((), {})
    assert split(("usb", "2-1.3")) == (("usb", "2-1.3"), {})
    place, settings = split(("pci", "0000", "01", "00.0", "performance=HIGH"))
    assert place == ("pci", "0000", "01", "00.0")
    assert settings == {"Performance": "High"}
    assert split(("performance=low", "usb.always_dfu=true", "usb", "0", "usb.queue=32"))[1] == {
        "Performance": "Low",
        "Usb.AlwaysDfu": "True",
        "Usb.MaxBulkInQueueLength": "32",
    }


@given(st.sampled_from(sorted(SETTINGS)), st.data())
def test_what_is_accepted_is_what_the_library_takes(name: str, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(sorted(SETTINGS[name].values)))
    [(key, written)] = split((f"{name}={value.upper()}",))[1].items()
    assert key == SETTINGS[name].key
    assert written.lower() == value


@pytest.mark.parametrize(
    ("options", "cause", "remedy"),
    [
        (("speed=max",), "coral has no option 'speed'", "Accepted: performance, usb.always_dfu, usb.queue"),
        (("performance=fast",), "performance is 'fast'", "Accepted: low, medium, high, max"),
        (("usb.always_dfu=1",), "usb.always_dfu is '1'", "Accepted: true, false"),
        ((f"usb.queue={LONGEST_QUEUE + 1}",), "usb.queue is '257'", "Accepted: 0 to 256"),
        (("usb.queue=-1",), "usb.queue is '-1'", "Accepted: 0 to 256"),
        (("performance=",), "performance is ''", "Accepted: low, medium, high, max"),
        (("performance=low", "Performance=low"), "Performance is given twice", "Give it once"),
    ],
)
def test_others_are_errors(options: tuple[str, ...], cause: str, remedy: str) -> None:
    with pytest.raises(DeviceError) as caught:
        split(options)
    assert cause in caught.value.cause
    assert caught.value.remedy == remedy


def test_the_device_always_has_its_index() -> None:
    assert plugin_options(USB, {}) == {"device": "usb:1"}
    assert plugin_options(PCI, {"Performance": "Low"}) == {"device": "pci:0", "Performance": "Low"}
    assert plugin_options(USB, {"Usb.AlwaysDfu": "True"}) == {"device": "usb:1", "Usb.AlwaysDfu": "True"}


def test_options_for_usb_are_errors_on_pcie() -> None:
    with pytest.raises(
        DeviceError, match=r"usb.queue is for USB, and coral:pci:0 is on PCIe: .* drop it. Leave it out"
    ):
        plugin_options(PCI, {"Usb.MaxBulkInQueueLength": "32"})
