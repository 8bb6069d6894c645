"""The report as one HTML page that needs nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from littoral.check import plots, words
from littoral.check.pareto import front_of
from littoral.check.results import Measurement, OperatorSensitivity, Prediction
from littoral.errors import MissingExtraError

if TYPE_CHECKING:
    from littoral.check.report import Report

_MOST_OPERATORS = 30


@dataclass(frozen=True)
class _Plot:
    """An SVG element, and what it shows in words for those who do not see it."""

    title: str
    svg: str
    alt: str


@dataclass(frozen=True)
class _Row:
    """One line of the table of variants, as text."""

    label: str
    file: str
    ok: bool
    chosen: bool
    on_size_front: bool
    on_latency_front: bool
    size: str
    smaller: str
    one_thread: str
    all_threads: str
    accuracy: str
    drop: str
    agreement: str
    sqnr: str
    max_error: str
    quantized: str
    quantized_macs: str
    kernels: str


def page(report: Report) -> str:
    """The report as HTML text; whatever comes from files is escaped.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    return render(
        "report.html.j2",
        report=report,
        rows=_rows(report),
        labelled=any(m.accuracy for m in report.measurements),
        plots=_plots(report.measurements),
        sensitivity_plot=_sensitivity_plot(report.sensitivity),
        operators=[_operator(one) for one in report.sensitivity[:_MOST_OPERATORS]],
        predictions=[_picture(one) for one in report.predictions],
        failures=[(m.label, failure) for m in report.measurements for failure in m.failures],
        notes=[*report.notes, *(f"{m.label}: {note}" for m in report.measurements for note in m.notes)],
        counts=words.counts,
    )


def render(template: str, **values: object) -> str:
    """A page of this package as HTML text: values are escaped, `style` is the style sheet.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError("jinja2", "plots") from None
    source, style = (
        resources.files("littoral.check").joinpath(name).read_text(encoding="utf-8") for name in (template, "style.css")
    )
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(style=style, **values) + "\n"


def _rows(report: Report) -> list[_Row]:
    by_size, by_latency = (set(front_of(report.measurements, prefer)) for prefer in ("size", "latency"))
    first = report.measurements[0].bytes if report.measurements else 0
    chosen = report.chosen.recipe if report.chosen else None
    return [
        _row(m, first, m.label == chosen, index in by_size, index in by_latency)
        for index, m in enumerate(report.measurements)
    ]


def _row(m: Measurement, first: int, chosen: bool, on_size_front: bool, on_latency_front: bool) -> _Row:
    one, every = m.p50("one"), m.p50("all")
    return _Row(
        label=m.label,
        file=m.name,
        ok=m.ok,
        chosen=chosen,
        on_size_front=on_size_front,
        on_latency_front=on_latency_front,
        size=words.size(m.bytes),
        smaller=f"{first / m.bytes:.2f}\u00d7" if m.bytes else words.NOTHING,
        one_thread=words.duration(one) if one is not None else words.NOTHING,
        all_threads=words.duration(every) if every is not None else words.NOTHING,
        accuracy=words.rate(m.accuracy),
        drop=words.drop(m.drop),
        agreement=words.rate(m.agreement),
        sqnr=words.decibel(m.sqnr_db),
        max_error=words.largest_error(m.errors),
        quantized=words.quantized(m.operators),
        quantized_macs=words.quantized_macs(m.operators),
        kernels=words.kernels(m),
    )


def _plots(measurements: Sequence[Measurement]) -> list[_Plot]:
    table = "The figures are in the table of variants."
    found = [
        _Plot("Quality and size", plots.pareto_plot(measurements, "size"), f"Scatter plot of quality by size. {table}"),
        _Plot(
            "Quality and latency",
            plots.pareto_plot(measurements, "latency"),
            f"Scatter plot of quality by median latency. {table}",
        ),
        _Plot("Latency", plots.latency_plot(measurements), f"Bars of the median latency of each variant. {table}"),
    ]
    return [plot for plot in found if plot.svg]


def _sensitivity_plot(found: Sequence[OperatorSensitivity]) -> str:
    return plots.sensitivity_plot(found)


def _operator(one: OperatorSensitivity) -> dict[str, str]:
    error = one.error
    return {
        "index": str(one.index),
        "kind": one.kind,
        "output": one.output,
        "sqnr": words.decibel(error.sqnr_db) if error else words.NOTHING,
        "max_error": words.number(error.max_abs) if error else words.NOTHING,
        "agreement": words.rate(one.agreement),
        "weights": words.size(one.weight_bytes),
        "macs": f"{one.macs:,}",
        "refused": one.refused,
    }


def _picture(prediction: Prediction) -> dict[str, object]:
    """A prediction with each variant's answers, and whether its first one is the float model's (or the label)."""
    first = next((answers.top[0].label for answers in prediction.answers if answers.top), "")
    return {
        "origin": prediction.origin,
        "label": prediction.label,
        # Only pictures that are in the page itself: a report read from JSON may say anything.
        "thumbnail": prediction.thumbnail if prediction.thumbnail.startswith("data:image/") else "",
        "disagree": prediction.disagree,
        "answers": [
            {
                "variant": answers.variant,
                "differs": bool(answers.top) and answers.top[0].label != first,
                "top": [(answer.label, words.number(answer.score)) for answer in answers.top],
            }
            for answers in prediction.answers
        ],
    }
