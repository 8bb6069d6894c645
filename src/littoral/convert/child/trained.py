"""Read a trained model with the Keras that wrote it, give it a static batch, and hold TensorFlow's converter ready."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from littoral.convert.child.channel import RefusalError, Request

Say = Callable[[str], None]

SMALL_FACTOR = 0.05
"""Whoever multiplies by less, or divides by more than its inverse, expects pixels of 0..255."""


def converter_of(request: Request, say: Say) -> tuple[Any, dict[str, Any]]:
    """TensorFlow's converter for the model of a request, and what is known of that model: "takes_pixels".

    Args:
        request: "path", "kind" ("keras", "h5", "savedmodel"), "sizes" ([height, width] or None, for open
            picture sizes), "custom_objects" (a module's name or file, or None), "unsafe_lambda".
        say: Reports progress.
    """
    path = Path(request["path"])
    if request["kind"] == "savedmodel":
        return _saved_model(path, request, say)
    config, version = _description(path, request["kind"])
    if not request["unsafe_lambda"] and any(name in ("Lambda", "__lambda__") for name in _classes(config)):
        raise RefusalError(
            f"{path.name} has a Lambda layer: loading it runs code that is stored in the file",
            "If you trust who made it, give --unsafe-lambda",
        )
    legacy = not version.startswith("3")
    say(f"starting TensorFlow for {path.name} (Keras {version})")
    keras = _keras(legacy)
    model = _load(keras, path, request)
    say(f"{path.name}: making the float model file")
    import tensorflow as tf

    pixels = takes_pixels(model)
    model = _with_static_shape(keras, model, request)
    return tf.lite.TFLiteConverter.from_keras_model(model), {"takes_pixels": pixels}


def _description(path: Path, kind: str) -> tuple[dict[str, Any], str]:
    """The model's configuration and the version of the Keras that wrote it, read without Keras."""
    if kind == "keras":
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(archive.read("metadata.json"))
            return json.loads(archive.read("config.json")), str(metadata["keras_version"])
    import h5py  # type: ignore[import-untyped]

    with h5py.File(path, "r") as file:
        config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "2")
    if config is None:
        raise RefusalError(
            f"{path.name} is an HDF5 file without a Keras model (weights alone, or no Keras at all)",
            "Save the whole model: model.save('model.keras')",
        )
    return json.loads(config), _text(version)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _classes(config: object) -> Iterator[str]:
    """The class names of all layers and functions in a configuration, at any depth."""
    if isinstance(config, dict):
        if isinstance(name := config.get("class_name"), str):
            yield name
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from _classes(part)


def _keras(legacy: bool) -> Any:
    """The Keras package that reads the file; it must be chosen before TensorFlow is imported."""
    if not legacy:
        import keras

        return keras
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    if importlib.util.find_spec("tf_keras") is None:
        raise RefusalError("tf-keras, which reads Keras 2 files,", kind="missing")
    import tf_keras

    return tf_keras


def _load(keras: Any, path: Path, request: Request) -> Any:
    custom = _custom_objects(request["custom_objects"])
    if request["unsafe_lambda"] and hasattr(keras, "config"):
        keras.config.enable_unsafe_deserialization()
    try:
        return keras.models.load_model(path, custom_objects=custom, compile=False)
    except Exception as error:
        missing = _missing_class(str(error))
        if missing is None:
            raise RefusalError(f"Keras cannot read {path.name}: {' '.join(str(error).split())[:300]}") from error
        raise RefusalError(
            f"{path.name} needs the custom class or function {missing}",
            "Give the Python file or module that defines it: --custom-objects MODULE",
        ) from error


def _custom_objects(where: str | None) -> dict[str, Any]:
    """Every public class and function of a module, given by its name or its file."""
    if where is None:
        return {}
    try:
        if where.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(where).stem, where)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            sys.path.insert(0, str(Path.cwd()))
            module = importlib.import_module(where)
    except Exception as error:
        raise RefusalError(
            f"--custom-objects {where} cannot be imported: {error}", "Give a module's name, or the path of a .py file"
        ) from error
    return {name: value for name, value in vars(module).items() if callable(value) and not name.startswith("_")}


def _missing_class(message: str) -> str | None:
    """The name in Keras's complaint about a class or function that it does not know, else None."""
    for before in ("Could not locate class '", "Could not locate function '", "Unknown layer: '", "Unknown object: '"):
        if before in message:
            return message.split(before, 1)[1].split("'", 1)[0]
    for kind in ("layer", "object", "activation function", "initializer"):
        if (before := f"Unknown {kind}: ") in message:
            return message.split(before, 1)[1].split()[0].strip("'\".,")
    return None


def _with_static_shape(keras: Any, model: Any, request: Request) -> Any:
    """The model behind inputs of a fixed shape: operators that compute shapes go, and recurrent layers convert."""
    name = Path(request["path"]).name
    if not getattr(model, "inputs", None):
        raise RefusalError(
            f"{name} does not say the shape of its input (a subclassed model, or one that was never built)",
            "Export it as a SavedModel: model.export('folder')",
        )
    fresh = [
        keras.Input(
            batch_size=1,
            shape=fixed(tuple(old.shape), request, old.name)[1:],
            dtype=old.dtype,
            name=old.name.split(":")[0].replace("/", "_"),
        )
        for old in model.inputs
    ]
    structure = getattr(
        model, "input", fresh
    )  # a Sequential that was never called has no input, but it has one in inputs
    if isinstance(structure, dict):
        outputs = model({key: fresh[_index(model.inputs, old)] for key, old in structure.items()})
    else:
        outputs = model(fresh if len(fresh) > 1 else fresh[0])
    return keras.Model(fresh, outputs)


def takes_pixels(model: Any) -> bool:
    """Whether the first layer that computes makes small numbers of a pixel's 0..255, as Rescaling(1 / 255) does.

    The converter may fold such a layer into the next one, so that the model file does not show it.
    """
    layer = next((layer for layer in model.layers if not _passes(layer)), None)
    if layer is None or hasattr(layer, "layers"):
        return layer is not None and takes_pixels(layer)
    kind = type(layer).__name__
    if kind == "Rescaling":
        return bool(np.max(np.abs(layer.scale)) <= SMALL_FACTOR)
    return kind == "Normalization" and bool(np.max(np.sqrt(layer.variance)) >= 1 / SMALL_FACTOR)


def _passes(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind.startswith(("Input", "Random", "ZeroPadding")) or kind in ("Identity", "Resizing", "Permute", "Reshape")


def _index(tensors: list[Any], wanted: object) -> int:
    return next(i for i, tensor in enumerate(tensors) if tensor is wanted)


def fixed(shape: tuple[int | None, ...], request: Request, what: str) -> tuple[int, ...]:
    """The shape with its batch, and open picture sizes, filled in from the request."""
    sizes = request["sizes"]
    rest = list(shape[1:])
    if sizes and len(rest) == 3:
        rest[:2] = [size if old is None else old for old, size in zip(rest[:2], sizes, strict=True)]
    known = [size for size in rest if size is not None]
    if not shape or len(known) < len(rest):
        raise RefusalError(
            f"{Path(request['path']).name}: input '{what}' has the open shape {shape}",
            "Give a contract with the picture's width and height (--contract FILE), or save it with fixed sizes",
        )
    return (1, *known)


def _saved_model(path: Path, request: Request, say: Say) -> tuple[Any, dict[str, Any]]:
    """A SavedModel by its signature serving_default."""
    say(f"starting TensorFlow for {path.name} (SavedModel)")
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    if "serving_default" not in loaded.signatures:
        raise RefusalError(
            f"{path.name} has no signature serving_default (it has: {', '.join(loaded.signatures) or 'none'})",
            "Export it with model.export('folder')",
        )
    serve = loaded.signatures["serving_default"]
    specs = {key: _fixed_spec(tf, spec, key, request) for key, spec in serve.structured_input_signature[1].items()}
    say(f"{path.name}: making the float model file")
    concrete = tf.function(lambda **tensors: serve(**tensors)).get_concrete_function(**specs)
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], loaded), {"takes_pixels": False}


def _fixed_spec(tf: Any, spec: Any, key: str, request: Request) -> Any:
    if spec.shape.rank is None:
        raise RefusalError(
            f"{Path(request['path']).name}: input '{key}' does not say its shape", "Export it with fixed sizes"
        )
    shape = tuple(spec.shape)
    return tf.TensorSpec(fixed(shape, request, key) if None in shape else shape, spec.dtype, key)
