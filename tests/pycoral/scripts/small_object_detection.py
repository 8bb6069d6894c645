"""Finds small things: looks at overlapping tiles of a picture, and leaves out what several tiles saw."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse

from PIL import Image

from pycoral.adapters import common, detect
from pycoral.utils.edgetpu import make_interpreter


def tiles(size, tile, overlap):
    for top in range(0, size[1], tile[1] - overlap):
        for left in range(0, size[0], tile[0] - overlap):
            yield left, top, min(size[0], left + tile[0]), min(size[1], top + tile[1])


def without_doubles(objects, threshold):
    kept = []
    for each in sorted(objects, key=lambda found: found.score, reverse=True):
        if all(each.id != other.id or detect.BBox.iou(each.bbox, other.bbox) <= threshold for other in kept):
            kept.append(each)
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--tile_sizes", required=True, help="as in 300x300,250x250")
    parser.add_argument("--tile_overlap", type=int, default=15)
    parser.add_argument("--score_threshold", type=float, default=0.4)
    parser.add_argument("--iou_threshold", type=float, default=0.1)
    args = parser.parse_args()

    interpreter = make_interpreter(args.model)
    interpreter.allocate_tensors()
    picture = Image.open(args.input).convert("RGB")
    found = []
    for sizes in args.tile_sizes.split(","):
        for place in tiles(picture.size, tuple(map(int, sizes.split("x"))), args.tile_overlap):
            tile = picture.crop(place)
            _, scale = common.set_resized_input(
                interpreter, tile.size, lambda size, tile=tile: tile.resize(size, Image.NEAREST)
            )
            interpreter.invoke()
            objects = detect.get_objects(interpreter, args.score_threshold, scale)
            found += [each._replace(bbox=each.bbox.translate(place[0], place[1])) for each in objects]
    kept = without_doubles(found, args.iou_threshold)
    print(len(found), "found,", len(kept), "kept")
    for each in kept:
        print(each.id, f"{each.score:.3f}", *each.bbox)


if __name__ == "__main__":
    main()
