"""Child program: a trained model in, a float model file out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from littoral.convert.child.channel import RefusalError, Request, main
from littoral.convert.child.trained import Say, converter_of


def answer(request: Request, say: Say) -> dict[str, Any]:
    """Write the float model file to request["output"]; return what is known of the model."""
    converter, about = converter_of(request, say)
    Path(request["output"]).write_bytes(converted(converter, request["name"]))
    return about


def converted(converter: Any, name: str) -> bytes:
    """The converter's model file.

    Raises:
        RefusalError: It would need operators that LiteRT does not have (they are named).
    """
    try:
        model: bytes = converter.convert()
    except Exception as error:
        found = {op.strip() for line in _OPERATORS.findall(str(error)) for op in line.split(",")}
        if not found:
            raise
        raise RefusalError(
            f"{name} needs operators that LiteRT does not have: {', '.join(sorted(found))}",
            "Replace the layers that make them, or compute them outside of the model",
        ) from error
    return model


_OPERATORS = re.compile(r"^(?:TF Select|Flex|Custom) ops: (.+)$", re.MULTILINE)
"""The converter's complaint: the operators that only the TensorFlow (flex) runtime or a custom kernel would have."""


if __name__ == "__main__":
    main(answer)
