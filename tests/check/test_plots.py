from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from littoral.check.plots import latency_plot, pareto_plot, sensitivity_plot
from littoral.check.report import Report
from littoral.check.results import Measurement, OperatorSensitivity

Make = Callable[..., Measurement]


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter() if node.tag.endswith("}text")]


def test_every_variant_is_named_by_its_point(measured: Make) -> None:
    variants = [measured("float32", 4_000_000), measured("float16", 2_000_000, 96), measured("int8", 1_000_000, 95)]
    found = texts(pareto_plot(variants, "size"))
    assert {"float32", "float16", "int8", "Accuracy (%)", "Size (MB): left is better"} <= set(found)
    assert "Median latency, all threads (ms): left is better" in texts(pareto_plot(variants, "latency"))


def test_many_variants_at_one_place_are_all_named(measured: Make) -> None:
    variants = [measured(f"variant {index}", 1000) for index in range(15)]
    assert {one.label for one in variants} <= set(texts(pareto_plot(variants, "size")))


def test_text_is_never_a_formula(report: Report) -> None:
    svg = pareto_plot(report.measurements, "size")
    assert any("$x^2$" in text for text in texts(svg))
    assert "<script" not in svg


@pytest.mark.parametrize("prefer", ["size", "latency"])
def test_fewer_than_two_points_are_no_plot(measured: Make, prefer: str) -> None:
    one = measured("int8", 1000)
    assert prefer in ("size", "latency")
    assert pareto_plot([one], "size" if prefer == "size" else "latency") == ""
    assert pareto_plot([one, replace(one, runs=())], "size") == ""
    assert pareto_plot([one, measured("x", 1, p50=None)], "latency") == ""


def test_infinite_signal_to_noise_has_no_place(measured: Make) -> None:
    float32 = measured("float32", 4000, None, None, sqnr=math.inf)
    two = [measured("int8", 1000, None, None, sqnr=30.0), measured("float16", 2000, None, None, sqnr=60.0)]
    found = texts(pareto_plot([float32, *two], "size"))
    assert "float32" not in found
    assert "SQNR (dB)" in found


def test_latency_bars(measured: Make) -> None:
    found = texts(latency_plot([measured("int8", 1), measured("x", 1, p50=None)]))
    assert {"int8", "1 thread", "2 threads", "4.00 ms", "2.00 ms"} <= set(found)
    assert "x" not in found
    assert latency_plot([measured("x", 1, p50=None)]) == ""


def test_a_large_spread_is_drawn_on_a_logarithmic_axis(measured: Make) -> None:
    near = [measured("float32", 4_000_000), measured("int8", 1_000_000)]
    assert not {"1", "2", "5", "10"} <= set(texts(pareto_plot(near, "size")))
    assert {"1", "2", "5", "10"} <= set(texts(pareto_plot([*near, measured("int16x8", 20_000_000)], "size")))


def test_sensitivity_bars(report: Report) -> None:
    error = report.sensitivity[1].error
    assert error is not None
    many = [OperatorSensitivity(i, "CONV_2D", "o", 1, 1, replace(error, sqnr_db=i)) for i in range(30)]
    found = texts(sensitivity_plot(many))
    assert "0  CONV_2D" in found
    assert "19  CONV_2D" in found
    assert "20  CONV_2D" not in found
    assert sensitivity_plot([replace(many[0], error=replace(error, sqnr_db=math.inf))]) == ""
    assert sensitivity_plot([report.sensitivity[0]]) == ""


def test_ids_of_two_plots_differ(measured: Make) -> None:
    variants = [measured("float32", 4000), measured("int8", 1000)]
    ids = [set(re.findall(r'\bid="([^"]*)"', pareto_plot(variants, prefer))) for prefer in ("size", "latency")]
    assert ids[0]
    assert not ids[0] & ids[1]
