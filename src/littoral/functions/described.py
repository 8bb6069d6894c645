"""What a guest is told of a model: the read-only file `models/NAME.json` beside the function's own files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from littoral.data import Contract
from littoral.runtime import TensorInfo

FOLDER = "models"  # of the file system that a guest sees


def path_of(name: str) -> str:
    """Where a guest finds the description of the model that its manifest calls `name`."""
    return f"{FOLDER}/{name}.json"


def describe(inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], contract: Contract) -> bytes:
    """The description of a model: its tensors as wasi-nn counts them, and its contract. No weights.

    Returns:
        JSON: `inputs` and `outputs`, each a list of {"name", "shape" (-1 = any), "type" (numpy's name), "scale",
        "zero_point"} (real = scale * (stored - zero_point); scale 0 where values are real), and `contract`, as
        `Contract.to_json` writes it.
    """
    tensors = {"inputs": [_tensor(info) for info in inputs], "outputs": [_tensor(info) for info in outputs]}
    return json.dumps({**tensors, "contract": json.loads(contract.to_json())}, ensure_ascii=False).encode()


def _tensor(info: TensorInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "shape": info.shape,
        "type": str(info.dtype),
        "scale": info.scale,
        "zero_point": info.zero_point,
    }
