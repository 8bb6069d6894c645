"""How often the placement prediction is right: `python -m benchmarks.edgetpu_placement [--json]`.

Every compiled model of the test data whose CPU model is there too (names tell, also for models that were compiled
together). An operator is predicted rightly when it is outside the compiled model's `edgetpu-custom-op`, by its name and
that of its output, exactly if the prediction leaves it on the processor.

Two pairs informed rules: deeplab_mobilenet_edgetpu_slim (TILE maps; enlarging 15.5 times does not) and deeplabv3_mnv2
(enlarging 33 times does not). For all others the rules are Google's table alone. The estimate of parameter bytes has
one constant, 26 bytes a channel, which was fitted to these pairs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.device_models import DATA

from littoral.coral.compiled import OPERATOR, read_compiled
from littoral.coral.placement import predict
from littoral.tflite import Graph, read

INFORMED = ("deeplab_mobilenet_edgetpu_slim_cityscapes_quant", "deeplabv3_mnv2_pascal_quant")
SUFFIX = "_edgetpu"


@dataclass(frozen=True)
class Row:
    """One pair: how many operators it has and how many are predicted rightly, and the bytes of its parameters."""

    pair: str
    informed: bool
    operators: int
    right: int
    on_cpu: int
    wrong: tuple[str, ...]
    parameters_predicted: int
    parameters: int
    streamed_predicted: int
    streamed: int


def pairs(data: Path) -> list[tuple[Path, Path]]:
    """CPU model and compiled model, for each compiled model whose CPU model is there."""
    files = sorted(data.rglob("*.tflite"))
    by_name = {file.stem: file for file in files}
    found = []
    for compiled in files:
        if compiled.stem.endswith(SUFFIX):
            name = compiled.stem.removesuffix(SUFFIX).partition("_cocompiled_with_")[0]
            if name in by_name:
                found.append((by_name[name], compiled))
    return found


def score(cpu: Path, compiled: Path) -> Row:
    graph, made = read(cpu), read(compiled)
    prediction, truth = predict(graph), _on_cpu(made)
    wrong = [one for one in prediction.operators if one.mapped == ((one.name, one.output) in truth)]
    unknown = truth - {(one.name, one.output) for one in prediction.operators}
    assert not unknown, f"{compiled.name} has operators that {cpu.name} lacks: {unknown}"
    real = read_compiled(made)
    return Row(
        pair=compiled.stem.removesuffix(SUFFIX),
        informed=cpu.stem in INFORMED,
        operators=len(prediction.operators),
        right=len(prediction.operators) - len(wrong),
        on_cpu=len(truth),
        wrong=tuple(f"{one.name} {one.output!r}: predicted {one.status!r}" for one in wrong),
        parameters_predicted=prediction.memory.parameters,
        parameters=real.parameter_bytes,
        streamed_predicted=prediction.memory.streamed,
        streamed=real.streamed_bytes,
    )


def _on_cpu(compiled: Graph) -> set[tuple[str, str]]:
    main = compiled.main
    return {(one.name, main.tensors[one.outputs[0]].name) for one in main.operators if one.name != OPERATOR}


def show(rows: list[Row], without: list[str]) -> None:
    print(f"{'right / operators':>17} {'on cpu':>6}  {'parameters (predicted, real, error)':<36} pair")
    for row in rows:
        error = f"{row.parameters_predicted / row.parameters - 1:+.1%}"
        sizes = f"{row.parameters_predicted:>11,} {row.parameters:>11,} {error:>8}"
        mark = "*" if row.informed else " "
        print(f"{row.right:>8} / {row.operators:<6} {row.on_cpu:>6}  {sizes:<36} {mark}{row.pair}")
        for wrong in row.wrong:
            print(f"    wrong: {wrong}")
    for name, chosen in (("all pairs", rows), ("without *", [row for row in rows if not row.informed])):
        right, total = sum(row.right for row in chosen), sum(row.operators for row in chosen)
        print(f"{right:>8} / {total:<6} {sum(row.on_cpu for row in chosen):>6}  {right / total:.2%} right, {name}")
    mapped, total = sum(row.operators - row.on_cpu for row in rows), sum(row.operators for row in rows)
    print(f"Who says that every operator maps is right for {mapped / total:.2%}.")
    print("* informed a rule. Target: 99 % of the operators of all pairs.")
    print(f"No CPU model for: {', '.join(without)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    as_json = parser.parse_args().json
    found = pairs(DATA)
    rows = [score(cpu, compiled) for cpu, compiled in found]
    paired = {compiled for _, compiled in found}
    without = sorted(file.stem for file in DATA.rglob(f"*{SUFFIX}.tflite") if file not in paired)
    if as_json:
        print(json.dumps({"pairs": [asdict(row) for row in rows], "without": without}, indent=2))
    else:
        show(rows, without)


if __name__ == "__main__":
    main()
