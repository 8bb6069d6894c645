# mypy: ignore-errors
# ruff: noqa: E402
"""Train or build small real models and save them: `python train.py FOLDER NAME...`; it imports TensorFlow.

A name with .tflite is the float model file of that model; the digits are scikit-learn's real handwritten ones.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER, NAMES = Path(sys.argv[1]), sys.argv[2:]
if any("keras2" in name for name in NAMES):
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

keras = tf.keras
TRAINED_ON = 1257


def digits() -> tuple[np.ndarray, np.ndarray]:
    bunch = load_digits()
    return (bunch.images / 16).astype(np.float32)[..., None], bunch.target


def trained(model, epochs: int, rows: bool = False):
    x, y = digits()
    x = x[..., 0] if rows else x
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:TRAINED_ON], y[:TRAINED_ON], epochs=epochs, batch_size=32, verbose=0)
    return model


def cnn(epochs: int = 12):
    layers = keras.layers
    stack = [
        layers.Input((8, 8, 1), name="image"),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    return trained(keras.Sequential(stack), epochs)


def lstm(unroll: bool):
    stack = [
        keras.layers.Input((8, 8), name="rows"),
        keras.layers.LSTM(16, unroll=unroll),
        keras.layers.Dense(10, activation="softmax"),
    ]
    return trained(keras.Sequential(stack), 2, rows=True)


class Halve(keras.layers.Layer):
    def call(self, x):
        return x * 0.5


class InverseError(keras.layers.Layer):
    def call(self, x):
        return tf.math.erfinv(x)


def around(layer):
    x = keras.Input((8, 8, 1))
    return keras.Model(x, keras.layers.Dense(4)(keras.layers.Flatten()(layer(x))))


def islands(*, elu: bool):
    """Layers that ai-edge-quantizer leaves in float; of these TensorFlow's quantizer leaves only ELU."""
    layers = keras.layers
    x = inputs = keras.Input((8, 8, 1))
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.LeakyReLU()(layers.Conv2D(8, 3, padding="same")(x))
    if elu:
        x = layers.Conv2D(8, 3, padding="same", activation="elu")(x)
    x = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
    return trained(keras.Model(inputs, x), 2)


def rescaling():
    """Takes pixels of 0..255, as it says itself."""
    layers = keras.layers
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Rescaling(1 / 127.5, -1)(x)))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def two_inputs():
    a, b = keras.Input((4,), name="wide"), keras.Input((3,), name="narrow")
    joined = keras.layers.Concatenate()([keras.layers.Dense(8)(b), keras.layers.Dense(8, activation="relu")(a)])
    return keras.Model([a, b], keras.layers.Dense(2)(joined))


def any_size():
    stack = [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential(stack)


def mobilenet():
    """MobileNetV2 of random weights, but with activations of a sane size: its normalizations have seen a batch."""
    model = keras.applications.MobileNetV2(weights=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(np.random.default_rng(7).uniform(-1, 1, (16, 224, 224, 3)).astype(np.float32), training=True)
    return model


MAKERS = {
    "digits": cnn,
    "keras3": lambda: cnn(3),
    "keras2": lambda: cnn(3),
    "saved": lambda: cnn(3),
    "lstm": lambda: lstm(False),
    "lstm-unrolled": lambda: lstm(True),
    "custom": lambda: around(Halve()),
    "lambda": lambda: around(keras.layers.Lambda(lambda t: t * 0.5)),
    "flex": lambda: around(InverseError()),
    "any-size": any_size,
    "islands": lambda: islands(elu=True),
    "leaky": lambda: islands(elu=False),
    "rescaling": rescaling,
    "two-inputs": two_inputs,
    "mobilenet": mobilenet,
}


def save(model, path: Path) -> None:
    if path.suffix == ".tflite":
        fixed = [keras.Input(batch_size=1, shape=old.shape[1:], name=old.name) for old in model.inputs]
        wrapped = keras.Model(fixed, model(fixed if len(fixed) > 1 else fixed[0]))
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(wrapped).convert())
    elif path.suffix:
        model.save(path)
    else:
        model.export(path, verbose=False)


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(2)
    made = {}
    for name in NAMES:
        kind = name.split(".")[0]
        if kind not in made:
            keras.utils.set_random_seed(7)
            made[kind] = MAKERS[kind]()
        save(made[kind], FOLDER / name)


if __name__ == "__main__":
    main()
