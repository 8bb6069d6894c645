"""Trains the last layer of a classifier on pictures in folders, a class each."""
# mypy: ignore-errors
# ruff: noqa: I001, PTH118, PTH123, PTH208

import argparse
import os

import numpy as np
from PIL import Image

from pycoral.adapters import classify, common
from pycoral.learn.backprop.softmax_regression import SoftmaxRegression
from pycoral.utils.edgetpu import make_interpreter


def extract(paths, interpreter):
    embeddings = np.empty((len(paths), classify.num_classes(interpreter)), dtype=np.float32)
    for place, path in enumerate(paths):
        with Image.open(path) as picture:
            common.set_input(interpreter, picture.resize(common.input_size(interpreter), Image.NEAREST))
        interpreter.invoke()
        embeddings[place, :] = classify.get_scores(interpreter)
    return embeddings


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--embedding_extractor_path", required=True)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--output_dir", required=True)
    args = parser.parse_args()

    names = sorted(os.listdir(args.data_dir))
    files = [
        (os.path.join(args.data_dir, name, file), index)
        for index, name in enumerate(names)
        for file in sorted(os.listdir(os.path.join(args.data_dir, name)))
    ]
    order = np.random.permutation(len(files))
    paths, labels = np.array([files[i][0] for i in order]), np.array([files[i][1] for i in order])
    held = max(len(paths) // 5, 1)

    interpreter = make_interpreter(args.embedding_extractor_path, device=":0")
    interpreter.allocate_tensors()
    data = {
        "data_train": extract(paths[held:], interpreter),
        "labels_train": labels[held:],
        "data_val": extract(paths[:held], interpreter),
        "labels_val": labels[:held],
    }
    model = SoftmaxRegression(data["data_train"].shape[1], np.max(labels) + 1, weight_scale=5e-2, reg=0.0)
    model.train_with_sgd(data, num_iter=500, learning_rate=1e-2, batch_size=100)
    print(f"training accuracy {model.get_accuracy(data['data_train'], data['labels_train']):.3f}")

    with open(os.path.join(args.output_dir, "retrained_model_edgetpu.tflite"), "wb") as file:
        file.write(model.serialize_model(args.embedding_extractor_path))
    with open(os.path.join(args.output_dir, "label_map.txt"), "w") as file:
        file.writelines(f"{index} {name}\n" for index, name in enumerate(names))


if __name__ == "__main__":
    main()
