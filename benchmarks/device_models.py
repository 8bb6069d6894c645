"""The models of benchmarks/devices.py, made once: MobileNetV2, an EfficientNet-Lite0 shape, a 4-layer transformer.

Each as a float model file and a static int8 one, in `benchmarks` under LITTORAL_HOME. Weights are random: good
for time, silent about accuracy. `python benchmarks/device_models.py FOLDER` is the
child process that asks TensorFlow for the float files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("LITTORAL_TEST_DATA", ROOT.parent / "shared" / "data"))
SHAPES = {"mobilenet_v2": (1, 224, 224, 3), "efficientnet_lite0": (1, 224, 224, 3), "transformer": (1, 128, 512)}
SAMPLES = 8

LITE0 = (  # expansion, channels, repeats, kernel, stride: table 1 of the EfficientNet paper without squeeze-and-excite
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)


def models() -> dict[str, tuple[Path, Path]]:
    """Name -> the float and the int8 model file; made now where they are missing."""
    from littoral.runtime.home import cache_folder

    folder = cache_folder() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: (folder / f"{name}.tflite", folder / f"{name}.int8.tflite") for name in SHAPES}
    if not all(real.exists() for real, _ in files.values()):
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([sys.executable, __file__, str(folder)], check=True, env=environment, stdout=subprocess.DEVNULL)
    for name, (real, small) in files.items():
        if not small.exists():
            quantize(name, real, small)
    return files


def files() -> dict[str, Path]:
    """Name -> model file: each of `models`, float and ".int8", and Coral's quantized MobileNetV2 where the data are."""
    found: dict[str, Path] = {}
    for name, (real, small) in models().items():
        found |= {name: real, f"{name}.int8": small}
    trained = DATA / "coral" / "mobilenet_v2_1.0_224_quant.tflite"
    return found | ({trained.stem: trained} if trained.exists() else {})


def quantize(name: str, real: Path, small: Path) -> None:
    from littoral.convert import RECIPES, calibrate, quantize, settle
    from littoral.data import Arrays, Contract
    from littoral.tflite import read, write

    graph = read(real)
    settle(graph, real.name, quantized_is_fine=False)
    samples = np.random.default_rng(0).normal(size=(SAMPLES, *SHAPES[name][1:])).astype(np.float32)
    write(quantize(real, RECIPES["int8"], calibrate(graph, Arrays(samples).samples(Contract()))), small)


def build(folder: Path) -> None:
    """In the child process: float model files by TensorFlow."""
    import keras
    import tensorflow as tf

    makers = {"mobilenet_v2": mobilenet, "efficientnet_lite0": lite0, "transformer": transformer}
    for name, make in makers.items():
        file = folder / f"{name}.tflite"
        if file.exists():
            continue
        keras.utils.set_random_seed(0)
        content = tf.lite.TFLiteConverter.from_keras_model(settled(keras, make(keras))).convert()
        part = file.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.rename(file)


def settled(keras: Any, model: Any) -> Any:
    """The model with activations of a sane size: its normalizations have seen an input."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(np.random.default_rng(7).normal(size=model.input_shape).astype(np.float32), training=True)
    return model


def mobilenet(keras: Any) -> Any:
    image = keras.Input(batch_shape=SHAPES["mobilenet_v2"])
    return keras.applications.MobileNetV2(weights=None, input_tensor=image)


def lite0(keras: Any) -> Any:
    layers = keras.layers

    def unit(x: Any, layer: Any, active: bool = True) -> Any:
        x = layers.BatchNormalization()(layer(x))
        return layers.ReLU(6.0)(x) if active else x

    same = {"padding": "same", "use_bias": False}
    image = x = keras.Input(batch_shape=SHAPES["efficientnet_lite0"])
    x = unit(x, layers.Conv2D(32, 3, strides=2, **same))
    for expansion, channels, repeats, kernel, first_stride in LITE0:
        for repeat in range(repeats):
            before, stride = x, 1 if repeat else first_stride
            if expansion > 1:
                x = unit(x, layers.Conv2D(before.shape[-1] * expansion, 1, **same))
            x = unit(x, layers.DepthwiseConv2D(kernel, strides=stride, **same))
            x = unit(x, layers.Conv2D(channels, 1, **same), active=False)
            if before.shape == x.shape:
                x = layers.Add()([before, x])
    x = layers.GlobalAveragePooling2D()(unit(x, layers.Conv2D(1280, 1, **same)))
    return keras.Model(image, layers.Dense(1000, activation="softmax")(x))


def transformer(keras: Any, blocks: int = 4, heads: int = 8, wide: int = 2048) -> Any:
    """The shape of BERT-small: 128 tokens."""
    layers, operations = keras.layers, keras.ops
    _, length, width = SHAPES["transformer"]
    tokens = x = keras.Input(batch_shape=SHAPES["transformer"])
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        query, key, value = (
            operations.transpose(
                operations.reshape(layers.Dense(width)(y), (1, length, heads, width // heads)), (0, 2, 1, 3)
            )
            for _ in range(3)
        )
        scores = operations.matmul(query, operations.transpose(key, (0, 1, 3, 2))) * (width // heads) ** -0.5
        mixed = operations.matmul(operations.softmax(scores), value)
        mixed = operations.reshape(operations.transpose(mixed, (0, 2, 1, 3)), (1, length, width))
        x = x + layers.Dense(width)(mixed)
        y = layers.Dense(wide)(layers.LayerNormalization()(x))
        x = x + layers.Dense(width)(operations.gelu(y, approximate=True))
    return keras.Model(tokens, x)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
