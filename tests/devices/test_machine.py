from __future__ import annotations

from pathlib import Path

from littoral.devices import survey, usable_cores


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _coral(root: Path, port: str, vendor: str, product: str, speed: str) -> None:
    folder = root / "sys/bus/usb/devices" / port
    _write(folder / "idVendor", f"{vendor}\n")
    _write(folder / "idProduct", f"{product}\n")
    _write(folder / "speed", f"{speed}\n")


def test_this_machine() -> None:
    machine = survey()
    assert machine.processor.cores == usable_cores() >= 1
    assert machine.processor.memory > 0
    assert machine.processor.name


def test_arm_with_half_precision(tmp_path: Path) -> None:
    _write(tmp_path / "proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd asimdhp asimddp\n\nModel\t: Pi 5\n")
    _write(tmp_path / "proc/meminfo", "MemFree: 1 kB\nMemTotal:        4096 kB\n")
    processor = survey(tmp_path).processor
    assert processor.name == "Pi 5"
    assert processor.memory == 4096 * 1024
    assert processor.half == ("Armv8.2 half precision",)
    assert processor.integer == ("dot product",)


def test_coral_chips_in_the_order_of_their_ports(tmp_path: Path) -> None:
    _coral(tmp_path, "2-1", "18d1", "9302", "5000")
    _coral(tmp_path, "1-4.2", "1a6e", "089a", "480")
    _coral(tmp_path, "1-3", "046d", "c52b", "12")
    _write(tmp_path / "sys/class/apex/apex_0/temp", "91000\n")
    first, second, third = survey(tmp_path).accelerators
    assert (first.device, second.device, third.device) == ("coral:usb:0", "coral:usb:1", "coral:pci:0")
    assert "1-4.2" in first.what
    assert "USB 2" in first.warning
    assert second.warning == ""
    assert "91" in third.warning


def test_nothing_readable(tmp_path: Path) -> None:
    machine = survey(tmp_path)
    assert machine.accelerators == ()
    assert machine.processor.memory == 0
