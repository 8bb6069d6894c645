"""Classifies a picture with a model in segments, each on a chip of its own where there are enough."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse
import threading

import numpy as np
import pycoral.pipeline.pipelined_model_runner as pipeline
from PIL import Image

from pycoral.adapters import classify, common
from pycoral.utils.dataset import read_label_file
from pycoral.utils.edgetpu import list_edge_tpus, make_interpreter


def devices(count):
    chips = list_edge_tpus()
    if len(chips) < count:
        return [None] * count
    on_pci = sum(chip["type"] == "pci" for chip in chips)
    return [f"pci:{place}" for place in range(on_pci)][:count] + [f"usb:{place}" for place in range(count - on_pci)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", required=True, help="with a %d for the number of the segment")
    parser.add_argument("--segments", type=int, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--count", type=int, default=5)
    args = parser.parse_args()

    labels = read_label_file(args.labels)
    interpreters = [
        make_interpreter(args.models % place, device) for place, device in enumerate(devices(args.segments))
    ]
    for interpreter in interpreters:
        interpreter.allocate_tensors()
    runner = pipeline.PipelinedModelRunner(interpreters)
    size = common.input_size(runner.interpreters()[0])
    name = common.input_details(runner.interpreters()[0], "name")
    picture = np.array(Image.open(args.input).convert("RGB").resize(size, Image.LANCZOS))

    def producer():
        for _ in range(args.count):
            runner.push({name: picture})
        runner.push({})

    def consumer():
        scale, zero_point = runner.interpreters()[-1].get_output_details()[0]["quantization"]
        while result := runner.pop():
            (values,) = result.values()
            scores = scale * (values[0].astype(np.int64) - zero_point)
            for each in classify.get_classes_from_scores(scores, top_k=1):
                print(f"{labels.get(each.id, each.id)}: {each.score:.5f}")

    threads = [threading.Thread(target=producer), threading.Thread(target=consumer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
