"""Reads a handwritten digit with an LSTM, from raw bytes."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse

import numpy as np
from PIL import Image

from pycoral.adapters import classify
from pycoral.utils.edgetpu import make_interpreter, run_inference


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    args = parser.parse_args()

    interpreter = make_interpreter(args.model)
    interpreter.allocate_tensors()
    _, height, width = interpreter.get_input_details()[0]["shape"]
    with Image.open(args.input) as picture:
        pixels = np.asarray(picture.convert("L").resize((width, height)), np.uint8)
    for data in (pixels.flatten(), pixels.tobytes()):
        run_inference(interpreter, data)
        best = classify.get_classes(interpreter, top_k=1)[0]
        print(best.id, f"{best.score:.4f}")


if __name__ == "__main__":
    main()
