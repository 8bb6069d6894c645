"""The GPU through LiteRT's WebGPU accelerator: `gpu`, `gpu:fp16`."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

from littoral.devices import Device
from littoral.errors import DeviceError
from littoral.runtime.engine import Source
from littoral.runtime.litert.compiled import Compiled, Settings, misfit
from littoral.runtime.litert.library import GPU, NativeError
from littoral.tflite import Graph

_FP16, _FP32 = 1, 2  # LiteRtDelegatePrecision
_SECONDS = 60
_REMEDY = "It needs a GPU with a Vulkan driver (on Linux: vulkaninfo shows it), or use cpu"


def open_gpu(source: Source, device: Device) -> Compiled:
    """A model on the GPU, all of it: what the GPU takes in part runs faster on the processor, or through a delegate.

    Raises:
        DeviceError: There is no GPU, or it cannot run the model.
    """
    if reason := misfit(source.graph) or _wrong(source.graph):
        raise DeviceError(f"{source.name} does not run on {device}: {reason}", "Use cpu")
    if reason := _absence(os.environ.get("VK_DRIVER_FILES", "")):
        raise DeviceError(f"there is no device {device}: {reason}", _REMEDY)
    try:
        return Compiled(source, gpu_settings(device))
    except NativeError as error:
        raise DeviceError(
            f"{source.name} does not run on {device}: {error}", "LiteRT's GPU must take every operator: use cpu"
        ) from error


def gpu_settings(device: Device) -> Settings:
    """How to compile for the GPU."""
    precision = _FP16 if "fp16" in device.options else _FP32
    return Settings(str(device), GPU, {"gpu_options": {"precision": precision}})


def _wrong(graph: Graph) -> str:
    """What LiteRT's GPU computes wrongly without a word (seen with ai-edge-litert 2.3.0); empty for nothing."""
    for subgraph in graph.subgraphs:
        for index, operator in enumerate(subgraph.operators):
            if operator.name == "FULLY_CONNECTED":
                given, weights = (subgraph.tensors[tensor].shape for tensor in operator.inputs[:2])
                if given and given[-1] != weights[-1]:
                    return (
                        f"its GPU gives wrong results for operator {index}, a FULLY_CONNECTED that flattens its input"
                    )
    return ""


@cache
def _absence(_: str) -> str:
    """Why there is no GPU; empty when there is one. Asked in a child process, where drivers may crash or complain."""
    command = [sys.executable, "-m", "littoral.runtime.litert.probe"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        child = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        return f"the test of it did not end: {error}"
    if not child.returncode:
        return ""
    return complaint(child.stderr) or f"the test of it ended with {child.returncode}"


def complaint(text: str) -> str:
    """The line of LiteRT's log that says why: the last error or warning, without its tags and numbers."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "adapter" in line.lower()]
    told = told or [line for line in lines if line.startswith(("ERROR", "└"))] or lines
    return told[-1].rpartition("] ")[2].lstrip("└ ").rstrip(".")[:300] if told else ""
