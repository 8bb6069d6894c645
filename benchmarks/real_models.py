"""What must hold on real files: `python -m benchmarks.real_models [--json]`. Part of what benchmarks/convert.py prints.

1. The order of samples: ranges of the flowers model, in file order and shuffled ten times.
2. The Keras 2 file of 2020 with its photos (pixels 0..255, as it was converted then): every recipe, plain and refined.
3. The int8 models of the Coral project with its pictures.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from typing import Any

from benchmarks.device_models import DATA

from littoral import Contract, ImageFolder, convert, load, vision
from littoral.convert import RECIPES, calibrate
from littoral.data import InputContract, read_labels
from littoral.tflite import read

FLOWERS, CORAL = DATA / "flowers", DATA / "coral"
CONTRACT = Contract((InputContract(100, 100, resize="area"),))

Row = dict[str, Any]


def order_of_samples() -> Row:
    graph = read(FLOWERS / "models" / "model.tflite")
    samples = list(ImageFolder(FLOWERS / "images").samples(CONTRACT))
    first = calibrate(graph, samples)
    same = 0
    for seed in range(10):
        random.Random(seed).shuffle(samples)
        same += calibrate(graph, samples) == first
    return {"shuffles": 10, "identical": same}


def flowers() -> list[Row]:
    rows: dict[str, Row] = {name: {"recipe": name} for name in RECIPES}
    for way, refine in (("plain", False), ("refined", True)):
        with tempfile.TemporaryDirectory() as folder:
            photos = FLOWERS / "images"
            report = convert(
                FLOWERS / "models" / "model.h5",
                recipes=list(RECIPES),
                calibrate=photos,
                contract=CONTRACT,
                io="uint8",
                refine=refine,
                output=folder,
            )
        for one in report.measurements:
            assert one.agreement is not None
            row = rows[one.recipe]
            row["bytes"] = one.bytes
            row[way] = {"agree": one.agreement.hits, "of": one.agreement.total, "sqnr_db": one.sqnr_db}
    return list(rows.values())


def coral() -> list[Row]:
    cases = [
        ("mobilenet_v2_1.0_224_inat_bird_quant.tflite", "parrot.jpg", "inat_bird_labels.txt"),
        ("mobilenet_v2_1.0_224_quant.tflite", "grace_hopper.bmp", "imagenet_labels.txt"),
        ("keras_lstm_mnist_ptq.tflite", "mnist_nine.bmp", None),
    ]
    rows = []
    for file, picture, labels in cases:
        with load(CORAL / file) as model:
            names = read_labels(CORAL / labels) if labels else None
            best = vision.classify(model, CORAL / picture, top_k=1, labels=names)[0]
        rows.append({"model": file, "picture": picture, "answer": best.label or str(best.index), "score": best.score})
    return rows


def measure() -> Row:
    """Everything above, or why not."""
    if not DATA.is_dir():
        return {"left out": f"no data at {DATA}: set LITTORAL_TEST_DATA"}
    return {"order": order_of_samples(), "flowers": flowers(), "coral": coral()}


def show(result: Row) -> None:
    if "left out" in result:
        print(f"\nReal files: {result['left out']}")
        return
    order = result["order"]
    print(f"\nCalibration, order of samples shuffled: {order['identical']} of {order['shuffles']} identical to the bit")
    print("\nKeras 2 model.h5 of 2020, its photos: same top-1 as its float model, SQNR")
    print(f"{'':12}{'bytes':>10}{'plain':>10}{'dB':>8}{'--refine':>12}{'dB':>8}")
    for row in result["flowers"]:
        cells = [f"{row[way]['agree']}/{row[way]['of']}" for way in ("plain", "refined")]
        first, second = (row[way]["sqnr_db"] or float("nan") for way in ("plain", "refined"))
        print(f"{row['recipe']:12}{row['bytes']:>10,}{cells[0]:>10}{first:>8.1f}{cells[1]:>12}{second:>8.1f}")
    print("\nCoral's int8 models")
    for row in result["coral"]:
        print(f"{row['model']:46}{row['picture']:18}-> {row['answer']} ({row['score']:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    args = parser.parse_args()
    result = measure()
    print(json.dumps(result, indent=2)) if args.json else show(result)


if __name__ == "__main__":
    main()
