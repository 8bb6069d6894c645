"""A model file as a page runs it: numbers at its edge that JavaScript has, and no post-processing of detectors inside.

Browsers' runtimes differ in what they take, and what they all take is float32, int32 and uint8. Neither WebNN nor
LiteRT.js has TFLite_Detection_PostProcess: the script does it (js/web/detection.ts), so it is cut off here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.errors import ModelFileError
from littoral.runtime import TensorInfo
from littoral.runtime.names import main_inputs, main_outputs
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, TensorType, flexbuffer, set_io
from littoral.tflite.edit import add_tensor, copied, moved_signature, without_unused_tensors
from littoral.tflite.options.conversion import CastOptions

OPERATOR = "TFLite_Detection_PostProcess"

_PLAIN = (TensorType.FLOAT32, TensorType.INT32, TensorType.UINT8)
_NEEDED = ("max_detections", "max_classes_per_detection", "num_classes", "nms_score_threshold", "nms_iou_threshold")
_SCALES = ("y_scale", "x_scale", "h_scale", "w_scale")
_PER_CLASS = 100  # detections_per_class where the file does not say, as in TFLite


@dataclass(frozen=True, eq=False)
class Detection:
    """What a detector's last operator does.

    Attributes:
        boxes: Which of the cut graph's outputs are the boxes' encodings [1, N, 4].
        scores: Which are the scores [1, N, classes].
        anchors: float32 [N, 4]: middle y, middle x, height, width.
        options: The operator's, by the names in the model file.
        places: Where its boxes, classes, scores and count stand among the whole graph's outputs.
        kept: Where the cut graph's other outputs stand among the whole graph's: (cut, whole).
    """

    boxes: int
    scores: int
    anchors: npt.NDArray[np.float32]
    options: dict[str, Any]
    places: tuple[int, ...]
    kept: tuple[tuple[int, int], ...]


def plain_edges(graph: Graph) -> Graph:
    """The graph with float32 at its edge in place of quantized values, and int32 in place of other integers."""
    graph = set_io(graph, _real(main_inputs(graph)), _real(main_outputs(graph)))
    graph = copied(graph)
    main = graph.main
    moves = {tensor: _cast(main, tensor, into=True) for tensor in _odd(main, main.inputs)}
    moves |= {tensor: _cast(main, tensor, into=False) for tensor in _odd(main, main.outputs)}
    main.inputs, main.outputs = (
        tuple(moves.get(tensor, tensor) for tensor in tensors) for tensors in (main.inputs, main.outputs)
    )
    return graph.replaced(signatures=[moved_signature(each, moves) for each in graph.signatures])


def cut_detection(graph: Graph, name: str) -> tuple[Graph, Detection | None]:
    """The graph without the operator that picks a detector's boxes, and what that operator does; None without one.

    Args:
        graph: A detector.
        name: Names it in errors.

    Raises:
        ModelFileError: The operator's options or anchors are not what TFLite takes.
    """
    main = graph.main
    last = next((op for op in main.operators if op.name == OPERATOR), None)
    if last is None or not set(last.outputs) <= set(main.outputs) or len(last.outputs) != 4 or len(last.inputs) != 3:
        return graph, None
    rest = [tensor for tensor in main.outputs if tensor not in last.outputs]
    cut = copied(graph)
    cut.main.operators = [operator for operator in main.operators if operator is not last]
    cut.main.outputs = (*last.inputs[:2], *rest)
    places = tuple(main.outputs.index(tensor) for tensor in last.outputs)
    kept = tuple((i, main.outputs.index(tensor)) for i, tensor in enumerate(rest, start=2))
    detection = Detection(0, 1, _anchors(main, last, name), _options(last, name), places, kept)
    # Signatures name outputs that are gone; a page goes by the order.
    return without_unused_tensors(cut.replaced(signatures=[])), detection


def _real(infos: Sequence[TensorInfo]) -> str | None:
    small = [info for info in infos if info.dtype.itemsize < 4 and info.dtype.kind in "iu"]
    return "float32" if small and all(info.is_quantized for info in small) else None


def _odd(main: Subgraph, tensors: Sequence[int]) -> list[int]:
    return [tensor for tensor in dict.fromkeys(tensors) if main.tensors[tensor].type not in _PLAIN]


def _cast(main: Subgraph, tensor: int, into: bool) -> int:
    """Puts a CAST between a tensor and the edge; the int32 tensor there, which has its name now."""
    inner = main.tensors[tensor]
    outer = add_tensor(main, inner.replaced(type=TensorType.INT32, quantization=None))
    main.tensors[tensor] = inner.replaced(name=f"{inner.name}/stored")
    types = (TensorType.INT32, inner.type) if into else (inner.type, TensorType.INT32)
    cast = Operator(
        code=OperatorCode.of("CAST", 1),
        inputs=(outer if into else tensor,),
        outputs=(tensor if into else outer,),
        options=CastOptions(in_data_type=types[0], out_data_type=types[1]),
    )
    main.operators.insert(0 if into else len(main.operators), cast)
    return outer


def _anchors(main: Subgraph, operator: Operator, name: str) -> npt.NDArray[np.float32]:
    tensor = main.tensors[operator.inputs[2]]
    data = tensor.data
    if data is None or data.ndim != 2 or data.shape[1] != 4:
        raise ModelFileError(f"{name}: the anchors of {OPERATOR} are no constant [N, 4]", "The model is broken")
    info = TensorInfo.of(tensor, operator.inputs[2], tensor.name)
    return info.dequantize(data) if info.is_quantized else np.ascontiguousarray(data, np.float32)


def _options(operator: Operator, name: str) -> dict[str, Any]:
    given = flexbuffer.read_map(operator.custom_options or b"", f"{name}: the options of {OPERATOR}")
    wanted = (*_NEEDED, *_SCALES)
    if missing := [key for key in wanted if not isinstance(given.get(key), int | float)]:
        raise ModelFileError(f"{name}: {OPERATOR} has no number {missing[0]!r}", "The model is broken")
    per_class = given.get("detections_per_class")
    rest = {
        "use_regular_nms": bool(given.get("use_regular_nms", False)),
        "detections_per_class": per_class if isinstance(per_class, int) else _PER_CLASS,
    }
    return {**{key: given[key] for key in wanted}, **rest}
