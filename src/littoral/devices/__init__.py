"""What this machine has, and the strings that say where a model runs."""

from littoral.devices.machine import Machine, Processor, survey, usable_cores
from littoral.devices.strings import Device, parse

__all__ = ["Device", "Machine", "Processor", "parse", "survey", "usable_cores"]
