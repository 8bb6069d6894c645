"""Child program of the demo: trains a small network on handwritten digits.

Its request: "arrays", an .npz file with x and y; "model", the .keras file to write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from littoral.convert.child.channel import Request, main

EPOCHS = 30
BATCH = 32


def answer(request: Request, say: Callable[[str], None]) -> dict[str, Any]:
    """Train on x (float32 [n, 8, 8, 1] in 0..1) and y (int64 [n]), and write the Keras file."""
    say("starting TensorFlow")
    import keras

    keras.utils.set_random_seed(7)
    with np.load(request["arrays"]) as arrays:
        x, y = arrays["x"], arrays["y"]
    model = _network(keras)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=EPOCHS * (len(x) // BATCH))
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    say(f"training on {len(x)} digits, {EPOCHS} epochs")
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    model.save(request["model"])
    return {"parameters": int(model.count_params())}


def _network(keras: Any) -> Any:
    layers = keras.layers
    stack = [keras.Input((8, 8, 1), name="picture"), layers.RandomTranslation(0.1, 0.1, fill_mode="constant")]
    for filters in (32, 48):
        stack += [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
        stack += [layers.MaxPooling2D()]
    stack += [layers.Conv2D(64, 2), layers.ReLU(), layers.Flatten(), layers.Dropout(0.4)]
    return keras.Sequential([*stack, layers.Dense(10, activation="softmax", name="digit")])


if __name__ == "__main__":
    main(answer)
