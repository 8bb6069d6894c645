"""littoral takes a trained model to the edge: converts it, proves that it is still right, and runs it.

    import littoral as lt

    report = lt.convert("model.keras", calibrate=lt.ImageFolder("photos/"), evaluate=lt.ImageFolder("labelled/"))
    with lt.load("model.int8.tflite") as model:
        y = model(x)
        top = lt.vision.classify(model, "parrot.jpg", top_k=3)

The names in `__all__` are all that is public. Each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral import vision
    from littoral.check import tune
    from littoral.convert import convert
    from littoral.data import Arrays, Contract, Generator, ImageFolder
    from littoral.errors import LittoralError
    from littoral.runtime import load, memory, scope

    __version__: str

__all__ = [
    "Arrays",
    "Contract",
    "Generator",
    "ImageFolder",
    "LittoralError",
    "__version__",
    "convert",
    "load",
    "memory",
    "scope",
    "tune",
    "vision",
]

_HOMES = {
    "Arrays": "littoral.data",
    "Contract": "littoral.data",
    "Generator": "littoral.data",
    "ImageFolder": "littoral.data",
    "LittoralError": "littoral.errors",
    "load": "littoral.runtime",
    "memory": "littoral.runtime",
    "scope": "littoral.runtime",
    "tune": "littoral.check",
}
_PACKAGES = {"convert", "vision"}  # littoral.convert is a package that can be called


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"littoral.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("littoral")
    if name not in _HOMES:
        raise AttributeError(f"module 'littoral' has no attribute {name!r}: it offers {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
