"""Runs two models in turns on one chip, then side by side on two where there are two."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse
import threading

from PIL import Image

from pycoral.adapters import classify, common, segment
from pycoral.utils.edgetpu import list_edge_tpus, make_interpreter


def prepared(model, path, device):
    interpreter = make_interpreter(model, device=device)
    interpreter.allocate_tensors()
    with Image.open(path) as picture:
        common.set_input(interpreter, picture.convert("RGB").resize(common.input_size(interpreter), Image.NEAREST))
    return interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--classification_model", required=True)
    parser.add_argument("--segmentation_model", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--num_inferences", type=int, default=4)
    parser.add_argument("--batch_size", type=int, default=2)
    args = parser.parse_args()

    classifier = prepared(args.classification_model, args.image, ":0")
    segmenter = prepared(args.segmentation_model, args.image, ":0")
    for _ in range(args.num_inferences // args.batch_size):
        for _ in range(args.batch_size):
            classifier.invoke()
        for _ in range(args.batch_size):
            segmenter.invoke()
    answers = [classify.get_classes(classifier, top_k=1)[0].id, int(segment.get_output(segmenter).sum())]
    print("in turns", *answers)

    second = ":1" if len(list_edge_tpus()) > 1 else ":0"
    results = {}

    def job(name, model, device, answer):
        interpreter = prepared(model, args.image, device)
        for _ in range(args.num_inferences):
            interpreter.invoke()
        results[name] = answer(interpreter)

    threads = [
        threading.Thread(
            target=job, args=("class", args.classification_model, ":0", lambda i: classify.get_classes(i, 1)[0].id)
        ),
        threading.Thread(
            target=job, args=("map", args.segmentation_model, second, lambda i: int(segment.get_output(i).sum()))
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("side by side", results["class"], results["map"])


if __name__ == "__main__":
    main()
