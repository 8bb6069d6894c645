"""Says where the joints of a person are: rows of y, x and score."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse

from PIL import Image

from pycoral.adapters import common
from pycoral.utils.edgetpu import make_interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    args = parser.parse_args()

    interpreter = make_interpreter(args.model)
    interpreter.allocate_tensors()
    picture = Image.open(args.input)
    common.set_input(interpreter, picture.resize(common.input_size(interpreter), Image.LANCZOS))
    interpreter.invoke()

    for y, x, score in common.output_tensor(interpreter, 0).copy().reshape(17, 3):
        print(f"{y:.6f} {x:.6f} {score:.6f}")


if __name__ == "__main__":
    main()
