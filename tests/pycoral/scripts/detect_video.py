"""Finds things in the frames of a video with a model that remembers: its state goes from frame to frame."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse

import numpy as np
from PIL import Image

from pycoral.adapters import common, detect
from pycoral.utils.edgetpu import make_interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--frames", nargs="+", required=True)
    parser.add_argument("--threshold", type=float, default=0.3)
    args = parser.parse_args()

    interpreter = make_interpreter(args.model)
    interpreter.allocate_tensors()
    states = interpreter.get_input_details()[1:]
    for each in states:
        interpreter.set_tensor(each["index"], np.zeros(each["shape"], each["dtype"]))
    for path in args.frames:
        with Image.open(path) as frame:
            size = frame.size
            _, scale = common.set_resized_input(interpreter, size, lambda wanted, frame=frame: frame.resize(wanted))
        interpreter.invoke()
        objects = detect.get_objects(interpreter, args.threshold, scale)
        print(len(objects), *(f"{each.id}@{each.bbox.xmin},{each.bbox.ymin}" for each in objects))
        for given, taken in zip(interpreter.get_output_details()[4:], states, strict=True):
            interpreter.set_tensor(taken["index"], interpreter.get_tensor(given["index"]))


if __name__ == "__main__":
    main()
