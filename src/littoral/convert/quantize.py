"""ai-edge-quantizer: a float model file and ranges in, a variant out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from littoral.convert.calibrate import Ranges
from littoral.convert.process import one_line
from littoral.convert.recipes import Recipe
from littoral.errors import MissingExtraError, SourceError
from littoral.tflite import Graph, TensorType, read
from littoral.tflite.edit import spell_codes


def quantize(
    float_file: Path,
    recipe: Recipe,
    ranges: Ranges | None = None,
    *,
    only: Sequence[int] | None = None,
    but: Sequence[int] = (),
) -> Graph:
    """Make a variant.

    Args:
        float_file: A float model file; tensor names are unique.
        recipe: Not float32. Integer edges are int8.
        ranges: For recipes that need calibration.
        only: Operators of the main subgraph to quantize, by index; None for all.
        but: Operators that stay float.

    Raises:
        MissingExtraError: ai-edge-quantizer is not installed.
        SourceError: It cannot quantize this model.
    """
    if find_spec("ai_edge_quantizer") is None:
        raise MissingExtraError("ai-edge-quantizer", "convert")
    # The pinned quantizer's own parts: its front end builds an interpreter that keeps every tensor, only to count them.
    from ai_edge_quantizer.model_modifier import ModelModifier
    from ai_edge_quantizer.params_generator import ParamsGenerator
    from ai_edge_quantizer.recipe_manager import RecipeManager
    from ai_edge_quantizer.utils.tfl_flatbuffer_utils import get_model_content, read_model

    scopes = _scopes(float_file, (*(only or ()), *but))
    manager = RecipeManager()
    manager.load_quantization_recipe(
        recipe.for_quantizer(None if only is None else [scopes[i] for i in only], [scopes[i] for i in but])
    )
    model = read_model(get_model_content(str(float_file)))
    statistics = _statistics(model, ranges)
    try:
        with np.errstate(invalid="ignore", over="ignore"):  # biases behind activations of almost no range
            parameters = ParamsGenerator(model).generate_quantization_parameters(
                manager, statistics, enable_progress_bar=False
            )
        graph = read(bytes(ModelModifier(model).modify_model(parameters, enable_progress_bar=False)))
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise SourceError(
            f"{recipe.name} cannot be made of {float_file.name}: {one_line(str(error))}", "Try --engine tf"
        ) from error
    _type_unused_outputs(graph)
    spell_codes(graph)  # the quantizer leaves the field empty that OpenVINO reads
    return graph


def _type_unused_outputs(graph: Graph) -> None:
    """Give an output that nobody reads the type of its siblings: the quantizer overlooks it, kernels do not."""
    main = graph.main
    read_later = {i for operator in main.operators for i in operator.inputs} | set(main.outputs)
    for operator in main.operators:
        outputs = [main.tensors[i] for i in operator.outputs if i >= 0]
        sibling = next((tensor for tensor in outputs if tensor.is_quantized), None)
        for index in operator.outputs:
            tensor = main.tensors[index]
            if sibling is not None and index not in read_later and tensor.type is TensorType.FLOAT32:
                tensor.type, tensor.quantization = sibling.type, sibling.quantization


def _scopes(float_file: Path, indices: Sequence[int]) -> dict[int, str]:
    """What the quantizer calls an operator: the names of its outputs, each with a semicolon behind it."""
    if not indices:
        return {}
    main = read(float_file).main
    return {
        index: "".join(f"{main.tensors[output].name};" for output in main.operators[index].outputs if output >= 0)
        for index in indices
    }


def _statistics(model: Any, ranges: Ranges | None) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """The ranges in the quantizer's own form: arrays of as many dimensions as the tensor has."""
    if ranges is None:
        return {}
    dimensions = {tensor.name.decode(): len(tensor.shape) for tensor in model.subgraphs[0].tensors}
    return {
        name: {
            "min": np.full((1,) * dimensions[name], low, np.float32),
            "max": np.full((1,) * dimensions[name], high, np.float32),
        }
        for name, (low, high) in ranges.tensors.items()
    }
