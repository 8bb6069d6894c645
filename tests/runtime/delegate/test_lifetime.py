"""Nothing crashes and nothing is left, in whatever order interpreters, delegates and kernels go."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime.delegate.conftest import Scripted, arithmetic, interpreted, sums

from littoral.errors import DeviceError
from littoral.runtime.delegate import Array, Attachment, Kernel, Partition, attach, live_kernels
from littoral.tflite import read, to_bytes

ZEROS = np.zeros(4, np.float32)


def bare(attachment: Attachment, graph: Any) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=to_bytes(graph), experimental_delegates=[attachment])
    interpreter.allocate_tensors()
    return interpreter


def test_kernels_go_with_their_session() -> None:
    before = live_kernels()
    answers = iter([True, False, True])
    session = attach(sums(3), Scripted(arithmetic, claim=lambda _: next(answers)))
    assert live_kernels() == before + 2
    session.close()
    assert live_kernels() == before


def test_kernels_go_without_help() -> None:
    before = live_kernels()
    session = attach(sums(3), Scripted(arithmetic))
    assert live_kernels() == before + 1
    del session
    gc.collect()
    assert live_kernels() == before


def test_the_interpreter_keeps_what_it_needs() -> None:
    graph = sums(2)
    attachment = Attachment(graph, Scripted(arithmetic))
    interpreter = bare(attachment, graph)
    gone = weakref.ref(attachment)
    del attachment
    gc.collect()
    interpreter.set_tensor(0, ZEROS)
    interpreter.invoke()
    assert interpreter.get_tensor(2).tolist() == [2] * 4
    interpreter.resize_tensor_input(0, (3,))
    interpreter.allocate_tensors()
    interpreter.invoke()
    del interpreter
    gc.collect()
    assert gone() is None


def test_the_native_interpreter_may_outlive_everything_else() -> None:
    graph = sums(2)
    attachment = Attachment(graph, Scripted(arithmetic))
    interpreter = bare(attachment, graph)
    view = interpreter.tensor(2)()  # keeps the native interpreter, but not the list of its delegates
    del interpreter, attachment
    gc.collect()
    assert view.shape == (4,)
    del view
    gc.collect()


def test_a_runtime_that_forgot_its_delegate_fails_and_does_not_crash() -> None:
    graph = sums(2)
    interpreter = bare(Attachment(graph, Scripted(arithmetic)), graph)
    interpreter._delegates = None
    gc.collect()
    with pytest.raises(RuntimeError):
        interpreter.invoke()


def test_cycles_are_collected() -> None:
    before = live_kernels()

    def make() -> None:
        def make_kernel(partition: Partition) -> Kernel:
            kernel = arithmetic(partition)

            def keeps_its_session(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
                assert session
                kernel(inputs, outputs)

            return keeps_its_session

        session = attach(sums(2), Scripted(make_kernel))
        session.run(ZEROS)

    make()
    gc.collect()
    assert live_kernels() == before


def test_an_attachment_serves_one_interpreter() -> None:
    graph = sums(1)
    attachment = Attachment(graph, Scripted(arithmetic))
    interpreter = bare(attachment, graph)
    with pytest.raises(DeviceError, match="one interpreter"):
        bare(attachment, graph)
    interpreter.invoke()


def test_a_hundred_come_and_go(coral: Path) -> None:
    file = coral / "mobilenet_v1_0.25_128_quant.tflite"
    graph = read(file)
    before = live_kernels()
    kept = []
    for turn in range(100):
        session = attach(graph, Scripted(lambda _: lambda inputs, outputs: None), file=file)
        session.run(np.zeros((1, 128, 128, 3), np.uint8))
        if turn % 3 == 0:
            kept.append(session)
        if turn % 5 == 0:
            session.close()
        if turn % 10 == 9:
            kept.clear()
    del session
    gc.collect()
    assert live_kernels() == before


def test_two_delegates_on_one_interpreter() -> None:
    from ai_edge_litert.interpreter import Interpreter

    graph = sums(4)
    first_answers, second_answers = iter([True, False, True, False]), iter([True, True, False, True])
    first = Attachment(graph, Scripted(arithmetic, claim=lambda _: next(first_answers)))
    second = Attachment(graph, Scripted(interpreted, claim=lambda _: next(second_answers)))
    interpreter = Interpreter(model_content=to_bytes(graph), experimental_delegates=[first, second])
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, ZEROS)
    interpreter.invoke()
    assert interpreter.get_tensor(4).tolist() == [4] * 4
    assert [place.runner for place in first.placement.operators] == ["scripted", "cpu", "scripted", "cpu"]
    assert [place.runner for place in second.placement.operators] == ["cpu", "scripted", "cpu", "scripted"]
    assert "another delegate" in second.placement.operators[0].reason


ENDINGS = {
    "a global": "session = make()",
    "a cycle": "session = make(); cycle = [session]; cycle.append(cycle)",
    "an attribute of a module": "import sys; sys.keep = make()",
    "a view": "session = make()\nwith session.use() as it: view = it.tensor(0)()",
    "an exit in a kernel": "import sys\nmake(lambda inputs, outputs: sys.exit(7)).run(x)",
    "a thread": "import threading\nsession = make()\n"
    "thread = threading.Thread(target=lambda: [session.run(x) for _ in range(2000)])\nthread.start()",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_python_may_end_with_interpreters_alive(ending: str) -> None:
    program = textwrap.dedent(
        """
        import numpy as np
        from littoral.runtime.delegate import Delegate, attach
        from littoral.runtime.delegate.probe import model

        class Nothing(Delegate):
            name = "nothing"
            def __init__(self, kernel):
                self.kernel = kernel
            def claim(self, subgraph, operator):
                return True
            def compile(self, partition):
                return self.kernel

        def make(kernel=lambda inputs, outputs: None):
            return attach(model(), Nothing(kernel))

        x = np.zeros((3, 4), np.float32)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program + ENDINGS[ending]], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == (7 if "exit" in ending else 0), done.stderr
    assert "Exception ignored" not in done.stderr
