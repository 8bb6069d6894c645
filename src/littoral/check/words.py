"""Figures as people read them. What scripts read is in the JSON, exact."""

from __future__ import annotations

import math

from littoral.check.pareto import Quality
from littoral.check.results import KernelRun, Latency, Measurement, OperatorShare
from littoral.check.statistics import OutputError, PairedDrop, Rate

NOTHING = "\u2013"
"""What stands in a table where nothing was measured."""
_MINUS = "\u2212"


def size(count: int) -> str:
    """Bytes in decimal units with three digits: "3.54 MB"."""
    if count < 1000:
        return f"{count} B"
    value, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        # 999.5 would round up to four digits.
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{_three_digits(value)} {unit}"


def duration(seconds: float) -> str:
    """Seconds with three digits in s, ms or µs: "2.55 ms"."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 0.9995:
            return f"{_three_digits(seconds * factor)} {unit}"
    return f"{_three_digits(seconds * 1e6)} µs"


def per_second(rate: float) -> str:
    """Calls a second with three digits: "0.52", "381", "12,400"."""
    return _three_digits(rate) if rate < 999.5 else f"{float(f'{rate:.3g}'):,.0f}"


def _three_digits(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{digits}f}"


def share(value: float) -> str:
    """0.9833 as "98.3 %"; never "100.0 %" for what is not all, nor "0.0 %" for what is not none."""
    percent = value * 100
    if 99.95 <= percent < 100:
        return ">99.9 %"
    if 0 < percent < 0.05:
        return "<0.1 %"
    return f"{percent:.1f} %"


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign: "+0.8"."""
    return f"{value * 100:+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0").replace("-", _MINUS)


def rate(found: Rate | None) -> str:
    """As "98.3 % (96.1-99.3)" or "97.0 % (89-99)", the 95 % interval in parentheses."""
    return f"{share(found.value)} ({_interval(found.low, found.high)})" if found else NOTHING


def _interval(low: float, high: float) -> str:
    # A wide interval needs no decimals; in a narrow one they are what it says.
    digits = 0 if high - low > 0.05 else 1
    return f"{low * 100:.{digits}f}{NOTHING}{high * 100:.{digits}f}"


def drop(found: PairedDrop | None) -> str:
    """Percentage points lost with the 95 % interval: "0.8 (-0.4 to 2.1)"."""
    if found is None:
        return NOTHING
    return f"{points(found.value)} ({points(found.low)} to {points(found.high)})"


def decibel(value: float | None) -> str:
    """As "31.4 dB"; "exact" where there is no noise at all."""
    if value is None or math.isnan(value):
        return NOTHING
    return "exact" if value == math.inf else f"{_MINUS}∞ dB" if value == -math.inf else f"{value:.1f} dB"


def number(value: float) -> str:
    """Three significant digits; `NOTHING` for NaN."""
    return NOTHING if math.isnan(value) else f"{value:.3g}"


def worst(errors: tuple[OutputError, ...]) -> OutputError | None:
    """The output with the least signal to noise; None without any."""
    return min(errors, key=lambda error: error.sqnr_db, default=None)


def largest_error(errors: tuple[OutputError, ...]) -> str:
    """The largest absolute error over all outputs."""
    return number(max(error.max_abs for error in errors)) if errors else NOTHING


def quantized(operators: OperatorShare) -> str:
    """As "100 % integer", "92 % weights", "none": what share of the operators, and by which means."""
    if operators.integer + operators.weights_only == 0:
        return "none"
    means = "integer" if operators.integer >= operators.weights_only else "weights"
    # Never 100 % for less than all.
    return f"{math.floor(operators.quantized * 100)} % {means}"


def quantized_macs(operators: OperatorShare) -> str:
    """The same share by multiply-adds; `NOTHING` for a model without any."""
    return share(operators.quantized_macs) if operators.macs else NOTHING


def quality(found: Quality) -> str:
    """A quality with its interval, or in dB."""
    if found.kind == "SQNR":
        return decibel(found.value)
    return f"{share(found.value)} ({_interval(found.low, found.high)})"


def kernels(measurement: Measurement) -> str:
    """Whether XNNPACK and the reference kernels agree, and on how many samples that was seen."""
    if not measurement.runs:
        return NOTHING
    refusing = [run.device for run in measurement.runs if run.refused]
    if refusing:
        return f"refused by {' and '.join(refusing)}"
    reference: KernelRun = measurement.runs[-1]
    return f"differ by {largest_error(measurement.between_kernels)} ({reference.samples} samples)"


def threads(latency: Latency) -> str:
    """As "1 thread" or "4 threads"."""
    return "1 thread" if latency.threads == 1 else f"{latency.threads} threads"


def counts(number_of: int, one: str) -> str:
    """As "1 sample", "62 samples"."""
    return f"{number_of:,} {one}" if number_of == 1 else f"{number_of:,} {one}s"
