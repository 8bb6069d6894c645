"""The plots of the report as SVG text that takes its colours and its font from the page around it."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from littoral.check import words
from littoral.check.pareto import Prefer, cost, front_of, quality, quality_kind
from littoral.check.results import Latency, Measurement, OperatorSensitivity
from littoral.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib needs real colours; these stand for the page's variables and are replaced in the SVG.
_INK, _GRID, _ACCENT, _SECOND, _BAD, _PAPER = "#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006"
_VARIABLES = {
    _INK: "var(--ink)",
    _GRID: "var(--line)",
    _ACCENT: "var(--accent)",
    _SECOND: "var(--second)",
    _BAD: "var(--bad)",
    _PAPER: "var(--paper)",
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "littoral",
    # Labels and file names are text, never formulas: "$x$" would be one.
    "text.parse_math": False,
    "font.size": 11,
    "text.color": _INK,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.facecolor": "none",
    "hatch.color": _PAPER,
    "hatch.linewidth": 1.5,
}
_MOST_BARS = 20
_LARGE_SPREAD = 10


def pareto_plot(measurements: Sequence[Measurement], prefer: Prefer) -> str:
    """Quality against size or latency: 95 % intervals as bars, filled points on the front, crosses for failed variants.

    Returns:
        SVG text, "" when fewer than two variants can be placed.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    kind = quality_kind(measurements)
    costs = [price for m in measurements if (price := cost(m, prefer)) is not None]
    unit, per = _cost_unit(costs or [0.0], prefer)
    scale = 1.0 if kind == "SQNR" else 100.0
    spots = {
        index: _Spot(m, price / per, good.value * scale, good.low * scale, good.high * scale)
        for index, m in enumerate(measurements)
        if (price := cost(m, prefer)) is not None and (good := quality(m, kind)) and math.isfinite(good.value)
    }
    if len(spots) < 2:
        return ""
    on_front = [index for index in front_of(measurements, prefer) if index in spots]
    with _style():
        figure, axes = _figure(7.2, 4.4)
        axes.plot(
            [spots[i].x for i in on_front], [spots[i].y for i in on_front], color=_ACCENT, linewidth=1.5, zorder=1
        )
        for index, spot in spots.items():
            _draw(axes, spot, index in on_front)
        axes.set_xlabel(f"{'Size' if prefer == 'size' else 'Median latency, all threads'} ({unit}): left is better")
        axes.set_ylabel("SQNR (dB)" if kind == "SQNR" else f"{str(kind).capitalize()} (%)")
        axes.margins(0.12, 0.15)
        _spread_out(axes, [spot.x for spot in spots.values()])
        _place_labels(axes, list(spots.values()))
        return _svg(figure, f"pareto-{prefer}")


def _spread_out(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic x axis where a linear one would press most points into a corner."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    if max(values) > _LARGE_SPREAD * min(values):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class _Spot:
    """Where a variant stands: cost, quality, and the ends of its interval, in the units of the axes."""

    measurement: Measurement
    x: float
    y: float
    low: float
    high: float


def _draw(axes: Axes, spot: _Spot, on_front: bool) -> None:
    if spot.low < spot.high:
        reach = [[spot.y - spot.low], [spot.high - spot.y]]
        axes.errorbar(spot.x, spot.y, yerr=reach, color=_INK, alpha=0.35, linewidth=1, capsize=3, zorder=2)
    marker, colour, fill = _look(spot.measurement, on_front)
    axes.scatter(spot.x, spot.y, s=64, marker=marker, facecolor=fill, edgecolor=colour, linewidth=1.8, zorder=3)


def _look(measurement: Measurement, on_front: bool) -> tuple[str, str, str]:
    """Marker, edge and fill: shape and filling say the same as the colour does."""
    if not measurement.ok:
        return "X", _BAD, _BAD
    return ("o", _ACCENT, _ACCENT) if on_front else ("o", _SECOND, _PAPER)


def _cost_unit(prices: Sequence[float], prefer: Prefer) -> tuple[str, float]:
    if prefer == "latency":
        return ("ms", 1e-3) if max(prices) >= 1e-3 else ("µs", 1e-6)
    return ("MB", 1e6) if max(prices) >= 1e6 else ("kB", 1e3)


_AROUND = [(9, 5), (9, -13), (-9, 5), (-9, -13), (9, 18), (9, -26), (-9, 18), (-9, -26)]
"""Where a label may stand, in points from its own: to the right and to the left, near ones first."""


def _place_labels(axes: Axes, spots: Sequence[_Spot]) -> None:
    """Puts each label at the first place around its point where it covers no other label or point."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.transforms import Bbox

    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()  # before it, nothing lies where it will
    inside = axes.get_window_extent(renderer).expanded(1.04, 1.1)
    centres = [axes.transData.transform((spot.x, spot.y)) for spot in spots]
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in centres]
    for spot in spots:
        note = axes.annotate(
            spot.measurement.label, (spot.x, spot.y), _AROUND[0], textcoords="offset points", fontsize=10, zorder=4
        )
        for dx, dy in (*_AROUND, _AROUND[0]):
            note.set_position((dx, dy))
            note.set_horizontalalignment("left" if dx > 0 else "right")
            box = note.get_window_extent(renderer)
            if inside.contains(*box.min) and inside.contains(*box.max) and not box.count_overlaps(taken):
                break
        taken.append(note.get_window_extent(renderer))


def latency_plot(measurements: Sequence[Measurement]) -> str:
    """Median latency of each variant as bars, plain for one thread and hatched for all; the thin line reaches to p90.

    Returns:
        SVG text, "" when no latency was measured.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    return latency_bars([(one.label, one.latency) for one in measurements if one.latency])


def latency_bars(shown: Sequence[tuple[str, Sequence[Latency]]]) -> str:
    """Median latencies as bars in groups with a label each, plain for the fewest threads and hatched for more.

    Returns:
        SVG text, "" when there is no group.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if not shown:
        return ""
    counts = sorted({latency.threads for _, group in shown for latency in group})
    unit, per = _cost_unit([latency.p90 for _, group in shown for latency in group], "latency")
    with _style():
        figure, axes = _figure(7.2, 1.1 + len(shown) * (0.25 + 0.22 * len(counts)))
        for place, count in enumerate(counts):
            found = [(row, one) for row, (_, group) in enumerate(shown) for one in group if one.threads == count]
            height = 0.8 / len(counts)
            rows = [row - 0.4 + height * (place + 0.5) for row, _ in found]
            _bars(axes, rows, [one for _, one in found], height * 0.9, per, plain=place == 0)
        axes.set_yticks(range(len(shown)), [label for label, _ in shown])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.set_xlabel(f"Median latency ({unit}), line to p90: shorter is better")
        axes.legend(loc="upper left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, borderaxespad=-1.8)
        return _svg(figure, "latency")


def _bars(axes: Axes, rows: Sequence[float], found: Sequence[Latency], height: float, per: float, plain: bool) -> None:
    """One bar a variant for one number of threads, with its figure behind it."""
    middle = [one.p50 / per for one in found]
    reach = np.array([[0.0] * len(found), [max(0.0, one.p90 - one.p50) / per for one in found]])
    look: dict[str, Any] = {"color": _ACCENT} if plain else {"color": _SECOND, "hatch": "///"}
    axes.barh(rows, middle, height, label=words.threads(found[0]), **look)
    axes.errorbar(middle, rows, xerr=reach, fmt="none", color=_INK, ecolor=_INK, linewidth=1, capsize=2)
    for row, one in zip(rows, found, strict=True):
        end = (max(one.p50, one.p90) / per, row)
        axes.annotate(words.duration(one.p50), end, (5, 0), textcoords="offset points", va="center", fontsize=9)


def sensitivity_plot(found: Sequence[OperatorSensitivity]) -> str:
    """The worst operators as bars: the noise that quantizing each one alone makes, in % of the output's RMS.

    Returns:
        SVG text, "" when no operator was measured.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    shown = [one for one in found if one.error and math.isfinite(one.error.sqnr_db)][:_MOST_BARS]
    if not shown:
        return ""
    with _style():
        figure, axes = _figure(7.2, 0.9 + 0.26 * len(shown))
        noise = [100 * 10 ** (-one.error.sqnr_db / 20) for one in shown if one.error]
        axes.barh(range(len(shown)), noise, 0.75, color=_ACCENT)
        axes.set_yticks(range(len(shown)), [f"{one.index}  {one.kind}" for one in shown])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Noise on the output (% of its RMS)")
        return _svg(figure, "sensitivity")


def _style() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingExtraError("matplotlib", "plots") from None
    return mpl.rc_context(_STYLE)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    # Not pyplot: it keeps every figure and may open windows.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure: Figure, name: str) -> str:
    """The figure as an <svg> element to stand in a page: no header, ids of its own, the page's colours and font."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub("|".join(_VARIABLES), lambda match: _VARIABLES[match[0]], text)
    text = re.sub(r"font-family: [^;\"]*", "font-family: inherit", text)
    # Several of them stand in one page, where ids must differ.
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", text)
