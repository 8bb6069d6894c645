"""Says what is in a picture."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse

import numpy as np
from PIL import Image

from pycoral.adapters import classify, common
from pycoral.utils.dataset import read_label_file
from pycoral.utils.edgetpu import make_interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--top_k", type=int, default=3)
    parser.add_argument("--threshold", type=float, default=0.0)
    parser.add_argument("--mean", type=float, default=128.0)
    parser.add_argument("--std", type=float, default=128.0)
    args = parser.parse_args()

    labels = read_label_file(args.labels)
    interpreter = make_interpreter(*args.model.split("@"))
    interpreter.allocate_tensors()
    if common.input_details(interpreter, "dtype") != np.uint8:
        raise ValueError("the input is not uint8")

    picture = Image.open(args.input).convert("RGB").resize(common.input_size(interpreter), Image.LANCZOS)
    quantization = common.input_details(interpreter, "quantization_parameters")
    scale, zero_point = quantization["scales"][0], quantization["zero_points"][0]
    if abs(scale * args.std - 1) < 1e-5 and abs(args.mean - zero_point) < 1e-5:
        common.set_input(interpreter, picture)
    else:
        stored = (np.asarray(picture) - args.mean) / (args.std * scale) + zero_point
        common.set_input(interpreter, np.clip(stored, 0, 255).astype(np.uint8))

    for _ in range(3):
        interpreter.invoke()
        classes = classify.get_classes(interpreter, args.top_k, args.threshold)
    for each in classes:
        print(f"{labels.get(each.id, each.id)}: {each.score:.5f}")


if __name__ == "__main__":
    main()
