"""Options of the vendor's library in a device string: coral:usb:0:performance=high.

libedgetpu drops every option in silence unless the device carries an index (its plug-in hands them on only then:
tflite/edgetpu_delegate_for_custom_op_tflite_plugin.cc), and those for USB on a PCIe chip. So the index is always given,
and what would be dropped or refused without a word is an error here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from littoral.coral.chips import Chip
from littoral.errors import DeviceError

LONGEST_QUEUE = 256
"""Bulk-in requests that the library queues at most; 0 turns the queue off (tflite/edgetpu_context_direct.cc)."""


@dataclass(frozen=True)
class Setting:
    """An option as we and the library write it.

    Attributes:
        key: The library's.
        values: The library's values by ours.
        accepted: Ours, in words.
    """

    key: str
    values: Mapping[str, str]
    accepted: str

    @property
    def needs_usb(self) -> bool:
        """Whether the library passes over it on a PCIe chip."""
        return self.key.startswith("Usb.")


def _words(key: str, *values: str) -> Setting:
    return Setting(key, MappingProxyType({value.lower(): value for value in values}), ", ".join(values).lower())


_QUEUE = {str(length): str(length) for length in range(LONGEST_QUEUE + 1)}
SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "performance": _words("Performance", "Low", "Medium", "High", "Max"),
        "usb.always_dfu": _words("Usb.AlwaysDfu", "True", "False"),
        "usb.queue": Setting("Usb.MaxBulkInQueueLength", MappingProxyType(_QUEUE), f"0 to {LONGEST_QUEUE}"),
    }
)
"""By our name. "performance" sets the clock; "usb.always_dfu" loads the firmware anew at each start; "usb.queue" is how
many requests wait for the chip's answers (8 when not given; models with many outputs gain from 32)."""


def split(options: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The options of a device string, parted into the chip's place and the library's options.

    Args:
        options: What follows "coral:", as in ("usb", "0", "performance=max").

    Returns:
        What `chips.choose` takes, and the library's options by the library's names, as in {"Performance": "Max"}.

    Raises:
        DeviceError: An option is unknown, given twice, or has a value that the library refuses.
    """
    place = tuple(option for option in options if "=" not in option)
    found: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            continue
        setting = SETTINGS.get(name.lower())
        if setting is None:
            raise DeviceError(f"coral has no option {name!r}", f"Accepted: {', '.join(SETTINGS)}")
        if value.lower() not in setting.values:
            raise DeviceError(f"coral's option {name} is {value!r}", f"Accepted: {setting.accepted}")
        if setting.key in found:
            raise DeviceError(f"coral's option {name} is given twice", "Give it once")
        found[setting.key] = setting.values[value.lower()]
    return place, found


def plugin_options(chip: Chip, settings: Mapping[str, str]) -> dict[str, str]:
    """What the library's plug-in is given to open a chip: its device, by index, and the library's options.

    Raises:
        DeviceError: An option is for USB, and the chip is on PCIe: the library would drop it.
    """
    names = {setting.key: name for name, setting in SETTINGS.items() if setting.needs_usb}
    if chip.kind != "usb" and (lost := [names[key] for key in settings if key in names]):
        raise DeviceError(
            f"{', '.join(lost)} is for USB, and {chip.device} is on PCIe: the library would drop it", "Leave it out"
        )
    return {"device": chip.option, **settings}
