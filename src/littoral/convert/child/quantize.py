"""Child program: TensorFlow's own quantizer, for comparison and for what the other cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from littoral.convert.child.channel import RefusalError, Request, main
from littoral.convert.child.to_float import converted
from littoral.convert.child.trained import Say, converter_of


def answer(request: Request, say: Say) -> dict[str, Any]:
    """Write the variant of request["recipe"] to request["output"].

    float16 and dynamic begin with the trained model, because TensorFlow makes them while it converts. int8 (or
    int8-dense-by-tensor, where dense layers have one scale a tensor) and int16x8 begin with the float model file
    request["float"] and the samples request["samples"] (an .npy file an input, in the order of the file's inputs), as
    TensorFlow's converter itself does once it has made that file.
    """
    recipe = request["recipe"]
    if recipe in ("float16", "dynamic"):
        model = _while_converting(recipe, request, say)
    else:
        say(f"{recipe}: starting TensorFlow")
        model = _from_float(recipe, Path(request["float"]).read_bytes(), request, say)
    Path(request["output"]).write_bytes(model)
    return {}


def _while_converting(recipe: str, request: Request, say: Say) -> bytes:
    if request["kind"] == "tflite":
        raise RefusalError(
            f"TensorFlow makes {recipe} only from a trained model, and {request['name']} is a model file",
            "Use --engine auto",
        )
    converter, _ = converter_of(request, say)
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe == "float16":
        converter.target_spec.supported_types = [tf.float16]
    say(f"{recipe}: quantizing with TensorFlow")
    return converted(converter, request["name"])


def _from_float(recipe: str, model: bytes, request: Request, say: Say) -> bytes:
    """What the converter does to its float file when it has samples (tensorflow/lite/python/lite.py, _quantize)."""
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    arrays = [np.load(path, mmap_mode="r")[: request["count"]] for path in request["samples"]]

    def samples() -> Iterator[list[np.ndarray[Any, Any]]]:
        for index in range(request["count"]):
            yield [array[index : index + 1] for array in arrays]

    calibrator = Calibrator(add_intermediate_tensors(model))
    say(f"{recipe}: calibrating and quantizing with TensorFlow")
    if recipe.startswith("int8"):
        dense_by_tensor = recipe == "int8-dense-by-tensor"
        return bytes(mlir_quantize(calibrator.calibrate(samples), disable_per_channel_for_dense_layers=dense_by_tensor))
    return bytes(calibrator.calibrate_and_quantize(samples, tf.float32, tf.float32, True, tf.int16, tf.int64))


if __name__ == "__main__":
    main(answer)
