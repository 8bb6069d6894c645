"""Maps of segmentation models."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def get_output(interpreter: Any) -> npt.NDArray[np.uint8]:
    """The first output without its batch axis, as uint8: [height, width], or one more axis of stored scores."""
    details = interpreter.get_output_details()[0]
    result: npt.NDArray[np.uint8] = interpreter.tensor(details["index"])()[0].astype(np.uint8)
    return result
