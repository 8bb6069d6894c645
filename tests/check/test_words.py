from __future__ import annotations

import math

import pytest

from littoral.check import words
from littoral.check.pareto import Quality
from littoral.check.results import OperatorShare
from littoral.check.statistics import PairedDrop, Rate


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (83_296, "83.3 kB"), (999_499, "999 kB"), (999_500, "1.00 MB"),
        (13_980_000, "14.0 MB"), (2_500_000_000, "2.50 GB"), (5 * 10**15, "5,000 TB"),
    ],
)  # fmt: skip
def test_sizes(count: int, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.5, "1.50 s"),
        (123.4, "123 s"),
        (0.9999, "1.00 s"),
        (0.00255, "2.55 ms"),
        (0.0005, "500 µs"),
        (2e-6, "2.00 µs"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100.0 %"), (0.9999, ">99.9 %"), (0.98333, "98.3 %"), (0.0001, "<0.1 %"), (0.0, "0.0 %")],
)
def test_shares_never_round_to_all_or_none(value: float, text: str) -> None:
    assert words.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.008, "+0.8"), (-0.02, "\u22122.0"), (0.0, "0.0"), (-0.0001, "0.0"), (0.0001, "0.0")]
)
def test_points_have_a_sign(value: float, text: str) -> None:
    assert words.points(value) == text


def test_rates_have_as_many_digits_as_they_deserve() -> None:
    assert words.rate(None) == words.NOTHING
    assert words.rate(Rate(58, 60)) == "96.7 % (89\u201399)"
    assert words.rate(Rate(9833, 10_000)) == "98.3 % (98.1\u201398.6)"
    assert words.quality(Quality("accuracy", 0.9, 0.8, 0.95)) == "90.0 % (80\u201395)"
    assert words.quality(Quality("SQNR", 31.41, 31.41, 31.41)) == "31.4 dB"


def test_drops() -> None:
    assert words.drop(None) == words.NOTHING
    assert words.drop(PairedDrop(90, 4, 2, 4)).startswith("+2.0 (\u2212")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (31.44, "31.4 dB"),
        (math.inf, "exact"),
        (-math.inf, "\u2212∞ dB"),
        (math.nan, words.NOTHING),
        (None, words.NOTHING),
    ],
)
def test_decibels(value: float | None, text: str) -> None:
    assert words.decibel(value) == text


def test_quantized_operators() -> None:
    assert words.quantized(OperatorShare(10, 0, 0, 5, 0, 0)) == "none"
    assert words.quantized(OperatorShare(9, 9, 0, 5, 5, 0)) == "100 % integer"
    assert words.quantized(OperatorShare(1000, 999, 0, 5, 5, 0)) == "99 % integer"
    assert words.quantized(OperatorShare(9, 1, 4, 5, 0, 5)) == "55 % weights"
    assert words.quantized_macs(OperatorShare(9, 1, 4, 0, 0, 0)) == words.NOTHING
    assert words.quantized_macs(OperatorShare(9, 1, 4, 8, 2, 4)) == "75.0 %"


def test_counts() -> None:
    assert [words.counts(n, "sample") for n in (0, 1, 1200)] == ["0 samples", "1 sample", "1,200 samples"]
