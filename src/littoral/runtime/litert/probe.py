"""`python -m littoral.runtime.litert.probe` runs x + x on the GPU; LiteRT's log is on standard error."""

from __future__ import annotations

import numpy as np

from littoral.devices import Device
from littoral.runtime.engine import Source, main_entry
from littoral.runtime.litert.compiled import Compiled
from littoral.runtime.litert.gpu import gpu_settings
from littoral.runtime.litert.library import GPU, environment
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, to_bytes
from littoral.tflite.options.elementwise import AddOptions


def sum_model() -> Graph:
    """Four floats in, each of them twice out."""
    add = Operator(code=OperatorCode.of("ADD"), inputs=(0, 0), outputs=(1,), options=AddOptions())
    tensors = [Tensor(name=name, shape=(1, 4)) for name in ("x", "sum")]
    return Graph(
        subgraphs=[Subgraph(tensors=tensors, inputs=(0,), outputs=(1,), operators=[add])], metadata=[], signatures=[]
    )


def probe() -> None:
    """Runs it.

    Raises:
        AssertionError: The sum is wrong.
        NativeError: LiteRT finds no GPU, or it does not work.
    """
    environment(GPU, talks=True)
    graph = sum_model()
    source = Source(graph, "the probe", None, to_bytes(graph))
    x = np.arange(4, dtype=np.float32).reshape(1, 4)
    [total] = Compiled(source, gpu_settings(Device("gpu"))).run(main_entry(graph), [x])
    assert np.array_equal(total, x + x), f"the GPU says {total}"


if __name__ == "__main__":
    probe()
