from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from littoral.check.bench import Benched
from littoral.check.compare import compare
from littoral.check.report import DataUse, Report, SkippedSample
from littoral.check.results import Latency, Measurement
from littoral.check.start import Start
from littoral.check.statistics import Rate
from littoral.check.table import bench_table, comparison_table, measurement_table, tables, tuned_table
from littoral.check.tune import Candidate, Tuned

Make = Callable[..., Measurement]


def shown(renderable: RenderableType, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(renderable)
    return stream.getvalue()


def test_hostile_text_is_no_markup(report: Report) -> None:
    text = shown(tables(report), 400)
    assert text.count("[red]b[/red]") >= 4
    assert "<script>alert(1)</script>" in text


def test_what_matters_is_said(report: Report) -> None:
    text = " ".join(shown(tables(report)).split())
    assert "✓ int8 is the smallest that holds" in text
    assert "is NaN." in text
    assert "The 2 most sensitive of 2 operators" in text
    assert "accuracy by size" in text


def test_figures_fit_eighty_columns(measured: Make) -> None:
    recipes = ("float32", "float16", "dynamic", "int8", "full-int8", "int16x8", "int4")
    lines = shown(measurement_table([measured(recipe, 13_980_000, 95, 97) for recipe in recipes])).splitlines()
    assert len(lines) <= 1 + 1 + len(recipes)
    assert lines[-1].split()[1:3] == ["int4", "14.0"]
    assert "95.0 (89\u201398)" in lines[-1]
    assert lines[-1].rstrip().endswith("90 % int")


def test_narrow_intervals_fit_eighty_columns(measured: Make) -> None:
    many = replace(measured("full-int8", 317_000, sqnr=46.5).runs[0], accuracy=Rate(4990, 5000))
    whole = replace(measured("full-int8", 317_000, sqnr=46.5), runs=(many,))
    line = shown(measurement_table([whole, whole])).splitlines()[-1]
    assert "(99.6\u201399.9)" in line
    assert line.rstrip().endswith("90 % int")


def test_the_front_is_marked(measured: Make) -> None:
    rows = shown(measurement_table([measured("float32", 400), measured("float16", 200), measured("int8", 100, 90)]))
    marks = {line.split()[1]: line.split()[0] for line in rows.splitlines()[-3:]}
    assert marks == {"float32": "a", "float16": "b◆", "int8": "c◆"}


def test_what_was_not_measured_has_no_column(measured: Make) -> None:
    text = shown(measurement_table([replace(measured("int8", 100, p50=None), runs=())]))
    for heading in ("thread", "accuracy", "agrees", "SQNR"):
        assert heading not in text


def test_a_single_variant_is_not_drawn(measured: Make) -> None:
    assert "by size" not in shown(tables(Report("m", "", (), (measured("int8", 1),))))


def benched(name: str, device: str, latency: Latency, **fields: Any) -> Benched:
    return Benched(name, device, 1, latency, 381.3, 2, Start(0.5, 0.006, 70_000_000), **fields)


def test_a_benchmark_has_every_figure(measured: Make) -> None:
    fast = measured("fast", 1).latency[0]
    slow = replace(fast, ratio=2.0, noise=0.05)
    text = shown(bench_table([benched("m.tflite", "cpu", fast), benched("m.tflite", "openvino", slow)]), 120)
    assert text.count("m.tflite") == 1
    for figure in ("1.00 ± 0.00", "2.00 ± 0.10", "4.00 ms", "381", "500 ms", "6.00 ms", "70.0 MB"):
        assert figure in text


def test_a_benchmark_on_a_narrow_terminal_loses_nothing(measured: Make) -> None:
    one = measured("fast", 1).latency[0]
    name = "mobilenet_v2_1.0_224_inat_bird_quant" + "_again" * 10 + ".tflite"
    rows = [benched(name, "openvino:bf16:CPU", replace(one, ratio=31.57, noise=0.1)), benched("m.tflite", "cpu", one)]
    rows.append(Benched("m.tflite", "gpu", 1, refused="there is no adapter"))
    text = shown(bench_table(rows), 80)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for word in ("openvino:bf16:CPU", "31.57", "4.00", "memory", "m.tflite on gpu: there is no adapter"):
        assert word in text
    assert name in text.replace("\n", "")


def test_a_device_that_does_not_run_is_named_once_for_all_threads() -> None:
    rows = [Benched("m.tflite", "gpu", threads, refused="no adapter") for threads in (1, 2)]
    assert shown(bench_table(rows)).count("✗ m.tflite on gpu: no adapter") == 1


def test_tuning_shows_verdicts(measured: Make) -> None:
    one, run = measured("fast", 1).latency[0], measured("fast", 1).runs[0]
    tuned = Tuned(
        "m.tflite",
        "openvino:f32",
        1,
        0.01,
        "accuracy",
        100,
        (
            Candidate("cpu", one, run),
            Candidate("openvino:f32", replace(one, ratio=0.5), run),
            Candidate("openvino:bf16", replace(one, ratio=0.25), run, broken="loses 3.0 %"),
            Candidate("gpu", refused="no adapter"),
        ),
        ("[few] samples",),
    )
    text = shown(tuned_table(tuned), 100)
    for words in ("✓ chosen", "loses 3.0 %", "✗ gpu: no adapter", "2.00 times as fast as cpu", "note: [few] samples"):
        assert words in text
    assert text.count("holds") == 2  # cpu in the table, and the reason


def test_a_comparison_in_words(models: Path) -> None:
    text = shown(comparison_table(compare(models / "model.tflite", models / "model_fp16.tflite", count=2)), 120)
    assert text.startswith("✓ model.tflite and model_fp16.tflite give approximately the same outputs")
    text = shown(comparison_table(compare(models / "model.tflite", models / "model_full_integer.tflite", count=2)), 120)
    assert text.startswith("✗")
    assert "is float32 against uint8 (scale" in text


def test_skipped_samples_are_named_once_and_counted(report: Report) -> None:
    skipped = tuple(SkippedSample(f"bad{number}.png", "cut short") for number in range(8))
    uses = (DataUse("calibration", "photos", 9, 0, skipped), DataUse("evaluation", "photos", 9, 0, skipped))
    text = shown(tables(replace(report, data=uses)))
    assert text.count("bad0.png was skipped: cut short") == 1
    assert "bad5.png" not in text
    assert "3 more samples were skipped" in text
