"""The GPU: without one, the reason; with a software driver, that results are right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from littoral.devices import Device
from littoral.errors import DeviceError
from littoral.runtime.engine import Source
from littoral.runtime.litert.gpu import _wrong, complaint, open_gpu
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, to_bytes

SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")  # from Debian's package chromium

LOG = """\
INFO: [gpu_registry.cc:138] Dynamically loaded GPU accelerator(libLiteRtWebGpuAccelerator.so) registered.
ERROR: [delegate_webgpu.cc:361] Failed to initialize WebGPU environment: INTERNAL: No adapters found.
ERROR: [litert_compiled_model.cc:51] ERROR: [compiled_model.cc:10]
└ it failed
Traceback (most recent call last):
NativeError: it failed at run time
"""


def test_the_reason_is_taken_from_the_log() -> None:
    assert complaint(LOG) == "Failed to initialize WebGPU environment: INTERNAL: No adapters found"
    assert complaint("ERROR: [a.cc:1] first\nERROR: [b.cc:2] second") == "second"
    assert complaint("Segmentation fault") == "Segmentation fault"
    assert complaint("") == ""


def test_without_a_gpu_the_reason_is_said(subtract: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("littoral.runtime.litert.gpu._absence", lambda _: "No adapters found")
    with pytest.raises(DeviceError, match=r"no device gpu:fp16: No adapters found\. It needs a GPU with a Vulkan"):
        open_gpu(Source(subtract, "the model", None, to_bytes(subtract)), Device("gpu", ("fp16",)))


def test_what_the_gpu_gets_wrong_is_refused() -> None:
    def layer(given: tuple[int, ...]) -> Graph:
        tensors = [Tensor(name=name, shape=shape) for name, shape in (("x", given), ("w", (4, 18)), ("y", (1, 4)))]
        operator = Operator(code=OperatorCode.of("FULLY_CONNECTED"), inputs=(0, 1, -1), outputs=(2,))
        main = Subgraph(tensors=tensors, inputs=(0,), outputs=(2,), operators=[operator])
        return Graph(subgraphs=[main], metadata=[], signatures=[])

    assert _wrong(layer((1, 18))) == ""
    assert _wrong(layer((1, 1, 1, 18))) == ""
    assert "a FULLY_CONNECTED that flattens its input" in _wrong(layer((1, 3, 3, 2)))


CHECK = """
import sys
import numpy as np
from littoral.runtime import load
for file, tolerance in zip(sys.argv[1::2], map(float, sys.argv[2::2])):
    for device, factor in (("gpu", 1), ("gpu:fp16", 2)):
        with load(file, "cpu") as cpu, load(file, device) as gpu:
            info = gpu.inputs[0]
            x = np.random.default_rng(0).integers(0, 256, info.shape).astype(info.dtype)
            want, got = (np.asarray(model(x, raw=True)).astype(np.float64).ravel() for model in (cpu, gpu))
            assert want.std() > 0, "the model says nothing"
            cosine = want @ got / np.linalg.norm(want) / np.linalg.norm(got)
            assert cosine > 1 - tolerance * factor, (file, device, cosine)
            assert gpu.placement.accelerated == 1, gpu.placement
            assert gpu.device == device
print("right")
"""


@pytest.mark.slow
def test_results_on_a_software_driver(coral: Path) -> None:
    if not SWIFTSHADER.exists():
        pytest.skip(f"{SWIFTSHADER} is not there: Debian's package chromium brings this software driver of Vulkan")
    environment = os.environ | {
        "VK_DRIVER_FILES": str(SWIFTSHADER),
        "LD_LIBRARY_PATH": str(SWIFTSHADER.parent),  # libvulkan.so.1 is there too
        "XDG_RUNTIME_DIR": "/tmp",
    }
    files = [str(coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite"), "0.02"]
    child = subprocess.run(
        [sys.executable, "-c", CHECK, *files], env=environment, capture_output=True, text=True, check=False
    )
    if "no adapters" in child.stderr.lower():
        pytest.skip("this Vulkan driver shows no adapter here")
    assert child.stdout.endswith("right\n"), child.stderr[-2000:]
