"""Whatever a delegate's own code does wrong reaches the caller in words, and leaves the process in order."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.runtime.delegate.conftest import Scripted, arithmetic, sums

from littoral.errors import ClosedError, DeviceError
from littoral.runtime.delegate import Array, Kernel, Partition, Session, attach

ZEROS = np.zeros(4, np.float32)


def failing(error: BaseException) -> Callable[[Partition], Kernel]:
    def make_kernel(_: Partition) -> Kernel:
        def broken_kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            raise error

        return broken_kernel

    return make_kernel


def test_what_a_kernel_raises_is_the_cause_with_its_traceback() -> None:
    with attach(sums(3), Scripted(failing(KeyError("kaputt")))) as session, pytest.raises(DeviceError) as caught:
        session.run(ZEROS)
    assert str(caught.value) == (
        "delegate scripted failed in the kernel of 3 operators from 0 (ADD): KeyError: 'kaputt'. "
        "The first traceback shows where in its code"
    )
    assert isinstance(caught.value.__cause__, KeyError)
    assert "broken_kernel" in "".join(traceback.format_tb(caught.value.__cause__.__traceback__))


def test_what_compile_raises_is_the_cause() -> None:
    def make_kernel(_: Partition) -> Kernel:
        raise ValueError("no room")

    with pytest.raises(DeviceError, match=r"failed in compiling the kernel of operator 0 \(ADD\): ValueError: no room"):
        attach(sums(1), Scripted(make_kernel))


def test_a_kernel_that_fails_once_may_run_again() -> None:
    answers = iter([True, False, True])

    def make_kernel(partition: Partition) -> Kernel:
        kernel = arithmetic(partition)

        def moody(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            if not next(answers):
                raise RuntimeError("not now")
            kernel(inputs, outputs)

        return moody

    with attach(sums(2), Scripted(make_kernel)) as session:
        assert session.run(ZEROS)[0].tolist() == [2] * 4
        with pytest.raises(DeviceError, match="not now"):
            session.run(ZEROS)
        assert session.run(ZEROS)[0].tolist() == [2] * 4


def test_an_old_failure_is_not_given_for_a_new_one() -> None:
    with attach(sums(1), Scripted(failing(KeyError("old")))) as session:
        with pytest.raises(DeviceError, match="old"):
            session.run(ZEROS)
        with pytest.raises(DeviceError) as caught:
            session.run(np.zeros(5, np.float32))
    assert "old" not in str(caught.value)
    assert "Dimension mismatch" in str(caught.value)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ClosedError])
def test_what_is_not_an_accident_passes_as_it_is(kind: Callable[[str], BaseException]) -> None:
    error = kind("on purpose")
    with attach(sums(1), Scripted(failing(error))) as session, pytest.raises(type(error)) as caught:
        session.run(ZEROS)
    assert caught.value is error


@pytest.mark.parametrize("words", ["100 %", "%s%n%d", "%", "ä\N{SNOWMAN}\0", "x" * 5000])
def test_words_of_any_kind_pass_through_the_runtime(words: str) -> None:
    with attach(sums(1), Scripted(failing(ValueError(words)))) as session, pytest.raises(DeviceError) as caught:
        session.run(ZEROS)
    assert words in str(caught.value)


def scribbles_on_inputs(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
    inputs[0][...] = 1


def gives_another_shape(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
    outputs[0][...] = np.zeros(7)


def puts_another_array(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
    outputs[0] = inputs[0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (scribbles_on_inputs, "read-only"),
        (gives_another_shape, "broadcast"),
        (puts_another_array, "item assignment"),
        (None, "not callable"),
        ("kernel", "not callable"),
    ],
)
def test_wrong_kernels(kernel: Any, words: str) -> None:
    with attach(sums(1), Scripted(lambda _: kernel)) as session, pytest.raises(DeviceError, match=words):
        session.run(ZEROS)


def test_a_failure_while_resizing_leaves_a_session_that_works() -> None:
    def make_kernel(partition: Partition) -> Kernel:
        if partition.tensor(0).shape == (3, 4):
            raise MemoryError("three is too many")
        return arithmetic(partition)

    with attach(sums(2, (1, 4), (-1, 4)), Scripted(make_kernel)) as session:
        with pytest.raises(DeviceError, match="three is too many"):
            session.resize({0: (3, 4)})
        session.resize({0: (2, 4)})
        assert session.run(np.zeros((2, 4), np.float32))[0].tolist() == [[2] * 4] * 2


def test_views_on_memory_do_not_escape_with_an_exception() -> None:
    def run_and_close() -> DeviceError:
        def make_kernel(_: Partition) -> Kernel:
            def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
                seen = inputs[0]
                assert seen is None

            return kernel

        with attach(sums(1), Scripted(make_kernel)) as session:
            try:
                session.run(ZEROS)
            except DeviceError as error:
                return error
        raise AssertionError

    error: BaseException | None = run_and_close()
    while error is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_name == "kernel"]
        assert all(not frame.f_locals for frame in frames)
        error = error.__cause__


def test_the_runtime_reports_it_to_those_who_use_no_session() -> None:
    from ai_edge_litert.interpreter import Interpreter

    from littoral.runtime.delegate import Attachment
    from littoral.tflite import to_bytes

    graph = sums(1)
    attachment = Attachment(graph, Scripted(failing(ValueError("50 % is not enough"))))
    interpreter = Interpreter(model_content=to_bytes(graph), experimental_delegates=[attachment])
    interpreter.allocate_tensors()
    with pytest.raises(RuntimeError, match="ValueError: 50 % is not enough"):
        interpreter.invoke()


def test_an_error_of_the_runtime_itself_is_one_line() -> None:
    def misuse(session: Session) -> None:
        with session.use() as interpreter:
            interpreter.set_tensor(99, ZEROS)

    with (
        attach(sums(1), Scripted(arithmetic)) as session,
        pytest.raises(DeviceError, match="does not run with") as caught,
    ):
        misuse(session)
    assert "\n" not in str(caught.value)
