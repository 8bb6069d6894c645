"""Proves that a model file is right: measured, compared, timed, chosen, reported."""

from littoral.check.codec import encode
from littoral.check.compare import Comparison, OutputComparison, compare
from littoral.check.environment import Environment, cores, environment
from littoral.check.latency import Progress, bench, one_and_all
from littoral.check.measure import Samples, measure, measure_all
from littoral.check.pareto import Choice, choose, front_of
from littoral.check.report import DataUse, Report, SkippedSample, write_report
from littoral.check.results import (
    Answer,
    Answers,
    KernelRun,
    Latency,
    Measurement,
    OperatorSensitivity,
    OperatorShare,
    Prediction,
    Proof,
    Variant,
)
from littoral.check.sensitivity import sensitivity
from littoral.check.statistics import OutputError, PairedDrop, Rate
from littoral.check.table import comparison_table, latency_table, measurement_table, sensitivity_table, tables

__all__ = [
    "Answer",
    "Answers",
    "Choice",
    "Comparison",
    "DataUse",
    "Environment",
    "KernelRun",
    "Latency",
    "Measurement",
    "OperatorSensitivity",
    "OperatorShare",
    "OutputComparison",
    "OutputError",
    "PairedDrop",
    "Prediction",
    "Progress",
    "Proof",
    "Rate",
    "Report",
    "Samples",
    "SkippedSample",
    "Variant",
    "bench",
    "choose",
    "compare",
    "comparison_table",
    "cores",
    "encode",
    "environment",
    "front_of",
    "latency_table",
    "measure",
    "measure_all",
    "measurement_table",
    "one_and_all",
    "sensitivity",
    "sensitivity_table",
    "tables",
    "write_report",
]
