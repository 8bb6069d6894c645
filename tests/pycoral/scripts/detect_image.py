"""Says where things are in a picture, and draws it."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse

from PIL import Image, ImageDraw

from pycoral.adapters import common, detect
from pycoral.utils.dataset import read_label_file
from pycoral.utils.edgetpu import make_interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--labels")
    parser.add_argument("--threshold", type=float, default=0.4)
    parser.add_argument("--output", required=True)
    args = parser.parse_args()

    labels = read_label_file(args.labels) if args.labels else {}
    interpreter = make_interpreter(args.model)
    interpreter.allocate_tensors()
    picture = Image.open(args.input).convert("RGB")
    _, scale = common.set_resized_input(interpreter, picture.size, lambda size: picture.resize(size, Image.LANCZOS))
    interpreter.invoke()

    draw = ImageDraw.Draw(picture)
    for each in detect.get_objects(interpreter, args.threshold, scale):
        box = each.bbox
        print(labels.get(each.id, each.id), f"{each.score:.3f}", box.xmin, box.ymin, box.xmax, box.ymax)
        draw.rectangle([(box.xmin, box.ymin), (box.xmax, box.ymax)], outline="red")
    picture.save(args.output)


if __name__ == "__main__":
    main()
