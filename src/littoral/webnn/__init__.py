"""The W3C Web Neural Network API in Python, and lowering between model files and WebNN programs.

    from littoral import webnn

    with webnn.create_context("cpu") as context:
        builder = webnn.MLGraphBuilder(context)
        x = builder.input("x", {"dataType": "float32", "shape": [1, 4]})
        graph = builder.build({"y": builder.softmax(x, 1)})

Standard: https://www.w3.org/TR/webnn/. Names are the standard's, or their snake_case.
"""

from littoral.webnn.builder import MLGraphBuilder, replay
from littoral.webnn.context import LostInfo, MLContext, create_context
from littoral.webnn.errors import InvalidStateError, NotSupportedError, OperandError, OperationError
from littoral.webnn.graph import MLGraph
from littoral.webnn.operand import MLOperand
from littoral.webnn.program import Call, Descriptor, Program, Ref
from littoral.webnn.tensor import MLTensor

createContext = create_context  # noqa: N816 - the standard's name

__all__ = [
    "Call",
    "Descriptor",
    "InvalidStateError",
    "LostInfo",
    "MLContext",
    "MLGraph",
    "MLGraphBuilder",
    "MLOperand",
    "MLTensor",
    "NotSupportedError",
    "OperandError",
    "OperationError",
    "Program",
    "Ref",
    "createContext",
    "create_context",
    "replay",
]
