"""Proves that a model file is right: measured, compared, timed, chosen, reported."""

from littoral.check.bench import Benched, bench
from littoral.check.bench_page import write_bench
from littoral.check.codec import encode
from littoral.check.compare import Comparison, OutputComparison, compare
from littoral.check.environment import Environment, environment
from littoral.check.latency import Progress, latencies, one_and_all
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
from littoral.check.start import Start
from littoral.check.statistics import OutputError, PairedDrop, Rate
from littoral.check.table import (
    bench_table,
    comparison_table,
    measurement_table,
    sensitivity_table,
    tables,
    tuned_table,
)
from littoral.check.tune import Candidate, Tuned, tune

__all__ = [
    "Answer",
    "Answers",
    "Benched",
    "Candidate",
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
    "Start",
    "Tuned",
    "Variant",
    "bench",
    "bench_table",
    "choose",
    "compare",
    "comparison_table",
    "encode",
    "environment",
    "front_of",
    "latencies",
    "measure",
    "measure_all",
    "measurement_table",
    "one_and_all",
    "sensitivity",
    "sensitivity_table",
    "tables",
    "tune",
    "tuned_table",
    "write_bench",
    "write_report",
]
