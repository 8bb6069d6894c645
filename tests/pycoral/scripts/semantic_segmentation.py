"""Says which pixel belongs to what, as a picture of class indices."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse

import numpy as np
from PIL import Image

from pycoral.adapters import common, segment
from pycoral.utils.edgetpu import make_interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--keep_aspect_ratio", action="store_true")
    args = parser.parse_args()

    interpreter = make_interpreter(args.model, device=":0")
    interpreter.allocate_tensors()
    width, height = common.input_size(interpreter)
    picture = Image.open(args.input)
    if args.keep_aspect_ratio:
        resized, _ = common.set_resized_input(
            interpreter, picture.size, lambda size: picture.resize(size, Image.LANCZOS)
        )
    else:
        resized = picture.resize((width, height), Image.LANCZOS)
        common.set_input(interpreter, resized)
    interpreter.invoke()

    result = segment.get_output(interpreter)
    if result.ndim == 3:
        result = np.argmax(result, axis=-1)
    Image.fromarray(result[: resized.height, : resized.width].astype(np.uint8)).save(args.output)


if __name__ == "__main__":
    main()
