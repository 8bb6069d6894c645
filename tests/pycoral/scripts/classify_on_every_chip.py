"""Classifies many pictures: a thread and an interpreter for each chip, all fed from one queue."""
# mypy: ignore-errors
# ruff: noqa: I001

import argparse
import queue
import threading

from PIL import Image

from pycoral.adapters import classify, common
from pycoral.utils.dataset import read_label_file
from pycoral.utils.edgetpu import list_edge_tpus, make_interpreter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--inputs", nargs="+", required=True)
    args = parser.parse_args()

    labels = read_label_file(args.labels)
    waiting, answers = queue.Queue(), {}
    for path in args.inputs:
        waiting.put(path)

    def work(device):
        interpreter = make_interpreter(args.model, device)
        interpreter.allocate_tensors()
        while True:
            try:
                path = waiting.get_nowait()
            except queue.Empty:
                return
            with Image.open(path) as picture:
                common.set_input(interpreter, picture.convert("RGB").resize(common.input_size(interpreter)))
            interpreter.invoke()
            answers[path] = classify.get_classes(interpreter, top_k=1)[0]

    threads = [threading.Thread(target=work, args=(f":{place}",)) for place in range(max(1, len(list_edge_tpus())))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path in args.inputs:
        print(labels[answers[path].id])


if __name__ == "__main__":
    main()
