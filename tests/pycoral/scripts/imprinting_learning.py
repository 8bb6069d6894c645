"""Learns classes from pictures in folders, a class each, and tries the model on those that were kept back."""
# mypy: ignore-errors
# ruff: noqa: I001, PTH123

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from pycoral.adapters import classify, common
from pycoral.learn.imprinting.engine import ImprintingEngine
from pycoral.utils.edgetpu import make_interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_path", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--keep_classes", action="store_true")
    args = parser.parse_args()
    categories = sorted(folder.name for folder in args.data.iterdir() if folder.is_dir())
    pictures = {name: sorted((args.data / name).iterdir()) for name in categories}

    engine = ImprintingEngine(args.model_path, keep_classes=args.keep_classes)
    extractor = make_interpreter(engine.serialize_extractor_model(), device=":0")
    extractor.allocate_tensors()
    first = engine.num_classes
    for index, name in enumerate(categories):
        for path in pictures[name][1:]:  # the first is for the test
            with Image.open(path) as picture:
                resized = picture.convert("RGB").resize(common.input_size(extractor), Image.NEAREST)
            common.set_input(extractor, np.asarray(resized))
            extractor.invoke()
            engine.train(classify.get_scores(extractor), class_id=first + index)
    with open(args.output, "wb") as file:
        file.write(engine.serialize_model())

    interpreter = make_interpreter(args.output)
    interpreter.allocate_tensors()
    for index, name in enumerate(categories):
        with Image.open(pictures[name][0]) as picture:
            common.set_input(interpreter, picture.resize(common.input_size(interpreter), Image.NEAREST))
        interpreter.invoke()
        best = classify.get_classes(interpreter, 5, score_threshold=0.1)[0]
        print(name, "right" if best.id == first + index else "wrong", f"{best.score:.3f}")


if __name__ == "__main__":
    main()
