"""Who quantizes: ai-edge-quantizer in this process, or TensorFlow in a child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from littoral.check.operators import operator_share
from littoral.convert.calibrate import Ranges
from littoral.convert.process import run_child
from littoral.convert.quantize import quantize
from littoral.convert.recipes import Recipe
from littoral.convert.rounding import refine
from littoral.convert.sources import Options, Source, control_flow, request_of
from littoral.errors import DeviceError, SourceError
from littoral.runtime import load, main_inputs
from littoral.tflite import Graph, read, set_io, to_bytes

if TYPE_CHECKING:
    from littoral.check import Progress, Samples

Engine = Literal["auto", "tf"]
Io = Literal["float32", "int8", "uint8"]

_UNROLL = "Build the recurrent layers with unroll=True, or use dynamic or float16"


@dataclass
class Workshop:
    """Makes the variants of one float model.

    Attributes:
        source: The trained model.
        options: With which it was read.
        float_file: The float model file; its folder takes temporary files.
        ranges: None where there was nothing to calibrate on.
        samples: The calibration samples, again.
        engine: "auto" takes ai-edge-quantizer, and TensorFlow where that one cannot.
        refined: Weights are rounded by what they meet in the samples.
        threads: For the interpreters.
        progress: Told what is being done.
    """

    source: Source
    options: Options
    float_file: Path
    ranges: Ranges | None
    samples: Samples | None
    engine: Engine = "auto"
    refined: bool = False
    threads: int = 2
    progress: Progress | None = None

    def say(self, words: str) -> None:
        """Tell what is being done."""
        if self.progress:
            self.progress(words, 0, 1)

    def make(self, recipe: Recipe, io: Io = "int8") -> tuple[Graph, list[str]]:
        """A variant, and notes in sentences.

        Args:
            recipe: Which one.
            io: The type of inputs and outputs, for a recipe of integer edges.

        Raises:
            SourceError: It cannot be made; for a recipe of integer edges also when operators stay float.
            DataError: It needs calibration, and there were no samples.
        """
        if not recipe.rules:
            return read(self.float_file), []
        self._refuse_loops(recipe)
        if self.engine == "tf":
            graph, notes = self._by_tensorflow(recipe), [f"{recipe.name} was made by TensorFlow's quantizer."]
        else:
            graph, notes = self._by_either(recipe)
        if self.refined and (count := self._refine(graph)):
            notes.append(f"{recipe.name}: the weights of {count} layers are rounded by what they meet in the samples.")
        if not recipe.integer_edges:
            return graph, notes
        if floats := _float_operators(graph):
            raise SourceError(
                f"full-int8 cannot be made of {self.source.path.name}: {_listed(floats)} would stay float",
                "Use int8, which keeps those operators in float, or replace their layers"
                + ("" if self.engine == "tf" or notes else "; --engine tf may quantize them"),
            )
        return set_io(graph, io, io), notes

    def _by_either(self, recipe: Recipe) -> tuple[Graph, list[str]]:
        """ai-edge-quantizer's variant, or TensorFlow's where that fails or leaves in float what must not be."""
        try:
            graph = quantize(self.float_file, recipe, self.ranges)
            if recipe.needs_calibration:
                self._check_runs(graph)
        except (SourceError, DeviceError):
            if not self._has_tensorflow(recipe):
                raise
            return self._by_tensorflow(recipe), [f"{recipe.name} was made by TensorFlow: ai-edge-quantizer could not."]
        floats = _float_operators(graph) if recipe.integer_edges else []
        if not floats or not self._has_tensorflow(recipe):
            return graph, []
        return self._by_tensorflow(recipe), [
            f"{recipe.name} was made by TensorFlow: ai-edge-quantizer leaves {_listed(floats)} in float."
        ]

    def _check_runs(self, graph: Graph) -> None:
        """Let both sets of kernels prepare the graph: XNNPACK's take files that the stricter ones refuse.

        Raises:
            DeviceError: One refuses it, but not the float model, as where it has no such operator at all.
        """
        content = to_bytes(graph)
        for device in ("cpu", "cpu:reference"):
            try:
                load(content, device).close()
            except DeviceError:
                if _runs(self.float_file, device):
                    raise

    def _refine(self, graph: Graph) -> int:
        assert self.samples is not None
        assert self.ranges is not None
        return refine(
            graph,
            read(self.float_file),
            self.samples,
            self.ranges.samples,
            threads=self.threads,
            progress=self.progress,
        )

    def _has_tensorflow(self, recipe: Recipe) -> bool:
        return recipe.by_tensorflow is not None and find_spec("tensorflow") is not None

    def _refuse_loops(self, recipe: Recipe) -> None:
        loops = control_flow(read(self.float_file))
        if loops and recipe.needs_calibration and self.engine == "auto":
            what = f"{recipe.name} cannot be made of {self.source.path.name}"
            raise SourceError(f"{what}: it has a loop ({', '.join(loops)}), as a rolled LSTM or GRU does", _UNROLL)

    def _by_tensorflow(self, recipe: Recipe) -> Graph:
        if recipe.by_tensorflow is None:
            raise SourceError(f"TensorFlow's quantizer has no {recipe.name}", "Use --engine auto")
        output = self.float_file.with_name(f"tensorflow.{recipe.name}.tflite")
        request = request_of(self.source, self.options) | {
            "recipe": recipe.by_tensorflow,
            "float": str(self.float_file),
            "output": str(output),
        }
        if recipe.needs_calibration:
            count, files = self._spooled
            request |= {"count": count, "samples": [str(file) for file in files]}
        run_child(
            "littoral.convert.child.quantize",
            request,
            work=self.float_file.parent,
            progress=self.say,
            timeout=self.options.timeout,
            hint=_UNROLL if control_flow(read(self.float_file)) else "Try --engine auto",
        )
        return read(output)

    @cached_property
    def _spooled(self) -> tuple[int, list[Path]]:
        """The calibration samples as .npy files, one an input: written and read one sample at a time."""
        assert self.samples is not None
        assert self.ranges is not None
        infos = main_inputs(read(self.float_file))
        files = [self.float_file.with_name(f"samples.{place}.npy") for place in range(len(infos))]
        arrays = [
            np.lib.format.open_memmap(file, "w+", info.dtype, (self.ranges.samples, *info.shape[1:]))
            for file, info in zip(files, infos, strict=True)
        ]
        count = 0
        for sample in islice(self.samples(), self.ranges.samples):
            values = list(sample.inputs.values()) if len(infos) == 1 else [sample.inputs[info.name] for info in infos]
            for array, info, value in zip(arrays, infos, values, strict=True):
                array[count] = info.accept(value)[0]
            count += 1
        return count, files


def _runs(file: Path, device: str) -> bool:
    try:
        load(file, device).close()
    except DeviceError:
        return False
    return True


def _float_operators(graph: Graph) -> list[str]:
    return [f"{one.kind} '{one.output}'" for one in operator_share(graph).floats]


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
