"""littoral convert MODEL: a trained model to proven model files."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from littoral.cli import edgetpu, options, terminal


class Engine(str, Enum):
    """Who quantizes."""

    auto = "auto"
    tf = "tf"


class Edge(str, Enum):
    """Types of the inputs and outputs of a full-int8 file."""

    float32 = "float32"
    int8 = "int8"
    uint8 = "uint8"


class Target(str, Enum):
    """What a model file is compiled for."""

    edgetpu = "edgetpu"


class Preference(str, Enum):
    """What to choose by among the variants that hold."""

    size = "size"
    latency = "latency"


def command(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A .keras or .h5 file, a SavedModel folder, or a float .tflite.")
    ],
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe",
            "-r",
            metavar="RECIPE",
            help="Repeatable. float32, float16, dynamic, int8, full-int8, int16x8, int4.",
        ),
    ] = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", metavar="PATH", help="Samples: a folder of pictures, .npy or .npz.")
    ] = None,
    evaluate: Annotated[
        Path | None,
        typer.Option("--evaluate", metavar="PATH", help="Labelled samples: a sub-folder a class, or .npz with labels."),
    ] = None,
    contract: options.Contract = None,
    io: Annotated[Edge | None, typer.Option("--io", help="Types of inputs and outputs of full-int8.")] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="X",
            parser=options.share,
            help="Choose the variant that loses at most X (1%) of accuracy.",
        ),
    ] = None,
    prefer: Annotated[
        Preference, typer.Option("--prefer", help="Of those that hold, the smallest or the fastest.")
    ] = Preference.size,
    engine: Annotated[
        Engine, typer.Option("--engine", help="Who quantizes; tf is TensorFlow's own quantizer.")
    ] = Engine.auto,
    refine: Annotated[
        bool,
        typer.Option("--refine", help="Round weights by what they meet in the samples: more accurate, slower to make."),
    ] = False,
    target: Annotated[
        Target | None,
        typer.Option("--target", help="Make full-int8 fit for the Edge TPU, and compile it where its compiler is."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write.")] = Path(),
    samples: options.Samples = 100,
    seed: options.Seed = 0,
    threads: options.Threads = None,
    custom_objects: Annotated[
        str | None,
        typer.Option(
            "--custom-objects", metavar="MODULE", help="Defines the model's own layers: a module or a .py file."
        ),
    ] = None,
    unsafe_lambda: Annotated[
        bool, typer.Option("--unsafe-lambda", help="Run code that is stored in the model (Lambda layers).")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Convert a trained model to TensorFlow Lite and prove what it costs.

    Writes DIR/NAME.RECIPE.tflite for each recipe, DIR/report.html and DIR/report.json.
    Exit code 1 when a variant fails its checks, or none holds --max-drop.
    With --target edgetpu also DIR/NAME.full-int8_edgetpu.tflite, where edgetpu_compiler is installed; without it, a
    prediction of what the compiler will make of the file.
    """
    from littoral import check, convert

    with terminal.progress_bar() as progress:
        report = convert(
            model,
            recipes=recipe,
            calibrate=calibrate,
            evaluate=evaluate,
            contract=contract,
            io=io.value if io else None,
            max_drop=max_drop,
            prefer=prefer.value,
            engine=engine.value,
            refine=refine,
            output=output,
            samples=samples,
            seed=seed,
            threads=threads,
            custom_objects=custom_objects,
            unsafe_lambda=unsafe_lambda,
            target=target.value if target else None,
            progress=progress,
        )
    if not as_json:
        terminal.out.print(check.tables(report))
        terminal.out.print(f"Report: {output / 'report.html'}", markup=False)
    with terminal.progress_bar() as progress:
        made = edgetpu.compiled(report, output, progress) if target else None
    if as_json:
        terminal.emit_json(check.encode(report) | ({"edgetpu": made.to_json()} if made else {}))
    elif made:
        terminal.out.print(made.page())
    if not report.ok:
        raise typer.Exit(terminal.DONE_NO)
