"""The core of functions: a fresh instance for each request, against the model called in the same process.

    python benchmarks/functions_core.py [--requests N]

Native and function take turns, so that a busy machine slows both. Models: Coral's MobileNet v1 1.0 224 without its
last layer (uint8), and MobileNet v1 1.0 224 (float32, random weights), one thread. The guest is
tests/functions/guests/infer.c.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import wasmtime

from littoral.functions import compiled, manifest
from littoral.functions.function import Function
from littoral.functions.host import ModelLike
from littoral.functions.instance import Instance
from littoral.runtime import load
from littoral.runtime.home import cache_folder

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("LITTORAL_TEST_DATA", ROOT.parent / "shared" / "data"))
BUILD = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-nostdlib", "-Wl,--no-entry", "-O2"]
STATE = 17_200_000  # bytes
GROWN = f"""(module (memory (export "memory") 1)
  (func (export "init") (local $place i32) (local $value i32)
    (drop (memory.grow (i32.const {STATE // 65536})))
    (loop $fill
      (local.set $value (i32.add (i32.mul (local.get $value) (i32.const 1103515245)) (i32.const 12345)))
      (i32.store (local.get $place) (local.get $value))
      (local.set $place (i32.add (local.get $place) (i32.const 4)))
      (br_if $fill (i32.lt_u (local.get $place) (i32.const {STATE})))))
  (func (export "handle") (result i32) (i32.load (i32.const 9000000)) (drop) (i32.const 0)))"""
SMALL = '(module (memory (export "memory") 2) (func (export "init")) (func (export "handle") {code}))'
TOUCH = "(i32.store (i32.const 1000) (i32.const 1)) (i32.store (i32.const 99000) (i32.const 1))"
FLOAT = """
import sys, tensorflow as tf
model = tf.keras.applications.MobileNet(weights=None, input_shape=(224, 224, 3))
open(sys.argv[1], "wb").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())
"""


def float_model() -> Path:
    """MobileNet v1 in float32, made once."""
    path = cache_folder() / "benchmarks" / "mobilenet_v1.tflite"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([sys.executable, "-c", FLOAT, str(path)], check=True, env=environment, capture_output=True)
    return path


def infer_guest(kind: int, size: int) -> bytes:
    """The guest for an input of 224 x 224 colours of a type, of so many bytes."""
    source, target = ROOT / "tests/functions/guests/infer.c", cache_folder() / "benchmarks" / f"infer-{kind}.wasm"
    target.parent.mkdir(parents=True, exist_ok=True)
    sizes = [f"-DTYPE={kind}", "-DDIMENSIONS=1,224,224,3", f"-DINPUT={size}", "-DOUTPUT=8192"]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *BUILD, *sizes, source, "-o", target], check=True)
    return target.read_bytes()


def function(module: bytes, model: ModelLike | None = None, name: str = "bench") -> Function:
    """A function of a module that may call one model, named model."""
    described = manifest.parse(f'name = "{name}"\n' + ("[models.model]" if model else ""))
    return Function(compiled.compile(module, described), described, {"model": model} if model else {})


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def microseconds(values: list[float]) -> str:
    return f"p50 {np.percentile(values, 50) * 1e6:7.1f}, p99 {np.percentile(values, 99) * 1e6:7.1f} us"


def against_native(path: Path, kind: int, dtype: str, requests: int) -> None:
    with load(path, threads=1) as model:
        picture = np.random.default_rng(0).integers(0, 255, (1, 224, 224, 3)).astype(dtype)
        body = picture.tobytes()
        served = function(infer_guest(kind, len(body)), model)
        assert served.invoke(body).body == np.asarray(model(picture, raw=True)).tobytes()
        native, ours, outside = [], [], []
        for _ in range(requests):
            native.append(seconds(lambda: model(picture, raw=True)))
            start = time.perf_counter()
            answer = served.invoke(body)
            ours.append(time.perf_counter() - start)
            outside.append(ours[-1] - answer.timing.inference)
        served.close()
    ratio = np.percentile(ours, 50) / np.percentile(native, 50)
    print(f"{dtype:8} native   {microseconds(native)}")
    print(f"         function {microseconds(ours)}: {ratio:.3f}x; outside of the model {microseconds(outside)}")


def from_snapshot(requests: int) -> None:
    described = manifest.parse('name = "state"')
    prepared = compiled.prepare(bytes(wasmtime.wat2wasm(GROWN)), described)
    digest = hashlib.sha256(prepared).hexdigest()
    compiled.load(digest, lambda: prepared)
    again = seconds(lambda: compiled.load(digest, lambda: prepared))
    with Function(compiled.load(digest, lambda: prepared), described) as large:
        made = [large.invoke().timing.instance for _ in range(requests)]
    print(f"instance from a snapshot of {STATE / 1e6:.1f} MB: {microseconds(made)}")
    print(f"its machine code loaded in {again * 1e6:.0f} us")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory(count: int) -> None:
    """Of idle functions, each of another module."""
    first = function(bytes(wasmtime.wat2wasm(SMALL.format(code=TOUCH))))
    first.invoke()
    modules = [bytes(wasmtime.wat2wasm(SMALL.format(code=TOUCH + f"(drop (i32.const {n}))"))) for n in range(count)]
    digests = {}
    described = manifest.parse('name = "idle"')
    for module in modules:  # compiled by now, as on any machine where they were deployed
        prepared = compiled.prepare(module, described)
        digests[hashlib.sha256(prepared).hexdigest()] = prepared
        compiled.load(hashlib.sha256(prepared).hexdigest(), lambda prepared=prepared: prepared)  # type: ignore[misc]
    before = resident()
    idle = [Function(compiled.load(digest, lambda: b""), described) for digest in digests]
    for each in idle:
        each.invoke()
    print(f"an idle function: {(resident() - before) / count / 1000:.1f} kB (of {count}, each called once)")
    linked = compiled.load(next(iter(digests)), lambda: b"").link(())
    before = resident()
    live = [Instance(linked.address, described.limits) for _ in range(count)]
    for instance in live:
        instance.call(b"handle")
    print(f"a live instance: {(resident() - before) / count / 1000:.1f} kB (of {count})")
    for instance in live:
        instance.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=600)
    requests = parser.parse_args().requests
    against_native(DATA / "coral" / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite", 3, "uint8", requests)
    against_native(float_model(), 1, "float32", requests // 3)
    from_snapshot(requests * 5)
    memory(200)


if __name__ == "__main__":
    main()
