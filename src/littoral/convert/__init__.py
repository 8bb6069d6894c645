"""Trained models in, model files out: read, calibrated, quantized, proven.

The package can be called as `littoral.convert(...)`, which is `littoral.convert.convert(...)`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from littoral.convert.calibrate import Ranges, calibrate
from littoral.convert.pipeline import convert
from littoral.convert.quantize import quantize
from littoral.convert.recipes import RECIPES, Recipe, recipes_of
from littoral.convert.sources import Options, Source, open_source, settle

__all__ = [
    "RECIPES",
    "Options",
    "Ranges",
    "Recipe",
    "Source",
    "calibrate",
    "convert",
    "open_source",
    "quantize",
    "recipes_of",
    "settle",
]


class _Callable(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        return convert(*args, **options)


sys.modules[__name__].__class__ = _Callable
