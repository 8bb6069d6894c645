"""Charts of experiments, for pages and papers: the file's ending says in what format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral.errors import MissingExtraError
from littoral.functions.experiment import Line
from littoral.functions.experiment_stage import CONTAINER, FUNCTION, FUNCTION_HTTP, NATIVE, NATIVE_HTTP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {  # Okabe and Ito's, which colour-blind people can tell apart
    NATIVE: "#000000",
    NATIVE_HTTP: "#e69f00",
    FUNCTION: "#56b4e9",
    FUNCTION_HTTP: "#0072b2",
    CONTAINER: "#d55e00",
}
_DASHES = {0.0: "-", 0.002: (0, (6, 1)), 0.02: "--", 0.2: "-.", 1.0: ":"}
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "littoral", "text.parse_math": False}


def latency_chart(lines: Sequence[Line], file: Path) -> None:
    """Latency against its percentile, a curve for each contestant and share of cold starts.

    Args:
        lines: Of the experiment latency.
        file: Where; it appears whole or not at all.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(9, 5)
    axes = figure.add_subplot()
    for line in lines:
        found = line.result.percentiles()
        # Each step to the right halves what is above, as tails need room.
        shown = [float(percent) for percent in found if float(percent) < 100]
        axes.plot(
            [100 / (100 - percent) for percent in shown],
            [found[f"{percent:g}"] * 1e3 for percent in shown],
            label=line.label,
            **_look(line),
        )
    axes.set(xscale="log", yscale="log", xlabel="Percentile", ylabel="Latency (ms): lower is better")
    axes.set_xticks([1, 2, 10, 100, 1000], ["0", "50", "90", "99", "99.9"])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    _milliseconds(axes)
    _save(figure, axes, file)


def throughput_chart(lines: Sequence[Line], file: Path) -> None:
    """Latency against throughput: the median, and the 99th percentile above it; closed loops left, open ones right.

    Args:
        lines: Of the experiment throughput.
        file: Where; it appears whole or not at all.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(12, 5)
    left, right = figure.subplots(1, 2, sharey=True)
    closed = [line for line in lines if line.result.load.rate is None]
    _curves(left, closed, "1 to 100 connections, closed loop")
    _curves(right, [line for line in lines if line.result.load.rate is not None], "Rising rate, open loop")
    left.set_ylabel("Latency (ms), median and 99th percentile: lower is better")
    _milliseconds(left)
    _save(figure, left, file)


def check_installed() -> None:
    """Finds out before anything is measured whether charts can be drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    _figure(1, 1)


def _curves(axes: Axes, lines: Sequence[Line], title: str) -> None:
    for label, group in groupby(lines, lambda line: line.label):
        points = [line for line in group if len(line.result.latencies)]
        if not points:
            continue
        rates = [line.result.throughput for line in points]
        middle, most = ([line.result.percentiles()[key] * 1e3 for line in points] for key in ("50", "99"))
        look = _look(points[0])
        axes.plot(rates, middle, marker="o", markersize=4, label=label, **look)
        axes.plot(rates, most, marker="^", markersize=4, alpha=0.55, **look)
    axes.set(yscale="log", xlabel="Answers a second: right is better", title=title)
    axes.grid(alpha=0.3)


def _look(line: Line) -> dict[str, Any]:
    dash = _DASHES.get(line.result.load.cold, "-")
    return {"color": _COLOURS.get(line.name), "linestyle": dash, "linewidth": 1.4}


def _milliseconds(axes: Axes) -> None:
    from matplotlib.ticker import FormatStrFormatter

    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure  # not pyplot: it keeps every figure and may open windows
    except ImportError:
        raise MissingExtraError("matplotlib", "plots") from None
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, axes: Axes, file: Path) -> None:
    import matplotlib as mpl

    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    part = file.with_name(f".{file.stem}-{os.getpid()}{file.suffix}")
    with mpl.rc_context(_STYLE):
        figure.savefig(part, metadata={"Date": None} if file.suffix == ".svg" else None)
    part.replace(file)
