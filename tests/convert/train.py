"""Train or build one small real model and save it: `python train.py KIND OUTPUT`. Run in a child process, because it imports TensorFlow."""

from __future__ import annotations

import os
import sys

KINDS_OF_KERAS_2 = ("h5-keras2",)
if sys.argv[1] in KINDS_OF_KERAS_2:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

keras = tf.keras


def digits() -> tuple[np.ndarray, np.ndarray]:
    bunch = load_digits()
    return (bunch.images / 16).astype(np.float32)[..., None], bunch.target


def cnn():
    return keras.Sequential(
        [
            keras.layers.Input((8, 8, 1), name="image"),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.DepthwiseConv2D(3, padding="same"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(6.0),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def lstm(unroll: bool):
    return keras.Sequential(
        [
            keras.layers.Input((8, 8), name="rows"),
            keras.layers.LSTM(24, unroll=unroll),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def trained(model, x: np.ndarray, y: np.ndarray, epochs: int = 12):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:1257], y[:1257], epochs=epochs, batch_size=32, verbose=0)
    return model


@keras.utils.register_keras_serializable("littoral_tests")
class Halve(keras.layers.Layer):
    def call(self, x):
        return x * 0.5


def around(layer, shape=(8, 8, 1)):
    x = keras.Input(shape)
    return keras.Model(x, keras.layers.Dense(4)(keras.layers.Flatten()(layer(x))))


class Erfinv(keras.layers.Layer):
    def call(self, x):
        return tf.math.erfinv(x)


def islands():
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, padding="same")(x)
    x = keras.layers.PReLU(shared_axes=[1, 2])(x)
    x = keras.layers.Conv2D(8, 3, padding="same")(x)
    x = keras.layers.LeakyReLU()(x)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="elu")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


def two_inputs():
    a, b = keras.Input((4,), name="wide"), keras.Input((3,), name="narrow")
    joined = keras.layers.Concatenate()([keras.layers.Dense(8)(b), keras.layers.Dense(8, activation="relu")(a)])
    return keras.Model([a, b], keras.layers.Dense(2)(joined))


def mobilenet():
    """MobileNetV2 of random weights, but with activations of a sane size: its normalizations have seen a batch."""
    model = keras.applications.MobileNetV2(weights=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(np.random.default_rng(7).uniform(-1, 1, (16, 224, 224, 3)).astype(np.float32), training=True)
    return model


def main(kind: str, output: str) -> None:
    keras.utils.set_random_seed(7)
    tf.config.threading.set_intra_op_parallelism_threads(2)
    x, y = digits()
    make = {
        "digits": lambda: trained(cnn(), x, y),
        "h5-keras3": lambda: trained(cnn(), x, y, 1),
        "h5-keras2": lambda: trained(cnn(), x, y, 1),
        "saved": lambda: trained(cnn(), x, y, 1),
        "lstm": lambda: trained(lstm(False), x[..., 0], y, 2),
        "lstm-unrolled": lambda: trained(lstm(True), x[..., 0], y, 2),
        "custom": lambda: around(Halve()),
        "lambda": lambda: around(keras.layers.Lambda(lambda t: t * 0.5)),
        "flex": lambda: around(Erfinv()),
        "open": lambda: keras.Sequential(
            [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
        ),
        "islands": lambda: trained(islands(), x, y, 2),
        "two-inputs": two_inputs,
        "mobilenet": mobilenet,
    }
    model = make[kind]()
    if kind in ("saved", "flex"):
        model.export(output, verbose=False)
    else:
        model.save(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
