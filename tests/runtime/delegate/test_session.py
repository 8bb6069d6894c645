"""Models with a delegate give what they give without it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runtime.delegate.conftest import (
    Scripted,
    arithmetic,
    graph_of,
    interpreted,
    is_arithmetic,
    operator,
    random_inputs,
    subgraph,
    sums,
    tensor,
    without_delegate,
)

from littoral.errors import ClosedError, DeviceError, InputError
from littoral.runtime.delegate import Array, Kernel, Partition, Session, attach
from littoral.tflite import Graph, Operator, TensorType, read, write
from littoral.tflite.options.control import WhileOptions

CLAIMS: dict[str, Callable[[Operator], bool]] = {
    "everything": lambda _: True,
    "convolutions": lambda operator: operator.name == "CONV_2D",
    "all but convolutions": lambda operator: operator.name != "CONV_2D",
    "nothing": lambda _: False,
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_real_models_give_the_same_bits(model_file: Path, claim: str) -> None:
    graph = read(model_file)
    inputs = random_inputs(graph)
    with attach(graph, Scripted(interpreted, CLAIMS[claim]), file=model_file) as session:
        for _ in range(2):
            with session.use() as interpreter:
                interpreter.reset_all_variables()
            for got, expected in zip(session.run(*inputs), without_delegate(model_file, inputs), strict=True):
                assert np.array_equal(got, expected)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16), share=st.floats(0.05, 0.95))
def test_any_claims_give_the_same_bits(model_file: Path, seed: int, share: float) -> None:
    graph = read(model_file)
    random = np.random.default_rng(seed)
    inputs = random_inputs(graph, seed)
    with attach(graph, Scripted(interpreted, lambda _: bool(random.random() < share)), file=model_file) as session:
        for got, expected in zip(session.run(*inputs), without_delegate(model_file, inputs), strict=True):
            assert np.array_equal(got, expected)


def test_the_whole_of_a_model_is_one_kernel(coral: Path) -> None:
    file = coral / "movenet_single_pose_lightning_ptq.tflite"
    with attach(read(file), Scripted(interpreted), file=file) as session:
        assert session.placement.accelerated == 1.0
        assert {place.runner for place in session.placement.operators} == {"scripted"}


def test_state_stays_with_the_runtime(coral: Path) -> None:
    file = coral / "keras_lstm_mnist_ptq.tflite"
    with attach(read(file), Scripted(interpreted), file=file) as session:
        left = [place for place in session.placement.operators if place.runner == "cpu"]
    assert [place.name for place in left] == ["UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert "state in a variable" in left[0].reason


def test_a_graph_that_no_file_holds(tmp_path: Path) -> None:
    graph = sums(2)
    write(graph, tmp_path / "sums.tflite")
    for file in (None, tmp_path / "sums.tflite"):
        with attach(graph, Scripted(arithmetic), file=file) as session:
            assert session.run(np.zeros(4, np.float32))[0].tolist() == [2, 2, 2, 2]


def test_threads_reach_the_kernels() -> None:
    delegate = Scripted(arithmetic)
    with attach(sums(1), delegate, threads=2):
        assert delegate.compiled[0].threads == 2


def test_another_file_than_the_graph_is_refused(tmp_path: Path) -> None:
    write(sums(3), tmp_path / "other.tflite")
    with pytest.raises(DeviceError, match="another model"):
        attach(sums(2), Scripted(arithmetic), file=tmp_path / "other.tflite")


# Shapes


def test_a_resize_compiles_again_and_only_then() -> None:
    delegate = Scripted(arithmetic)
    with attach(sums(3, (1, 4), (-1, 4)), delegate) as session:
        for rows in (1, 5, 5, 2):
            session.resize({0: (rows, 4)})
            x = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)
            assert np.array_equal(session.run(x)[0], x + 3)
        assert [partition.tensor(3).shape for partition in delegate.compiled] == [(1, 4), (5, 4), (2, 4)]


def test_a_resize_between_kernels_reaches_them_all() -> None:
    answers = iter([True, False, True])
    delegate = Scripted(interpreted, claim=lambda _: next(answers))
    with attach(sums(3, (1, 4), (-1, 4)), delegate) as session:
        session.resize({0: (7, 4)})
        assert session.run(np.zeros((7, 4), np.float32))[0].tolist() == [[3] * 4] * 7


def test_kernels_may_bind_their_tensors_once() -> None:
    seen: list[tuple[tuple[Array, ...], tuple[Array, ...]]] = []

    def make_kernel(partition: Partition) -> Kernel:
        kernel = arithmetic(partition)

        def remember(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            seen.append((inputs, outputs))
            kernel(inputs, outputs)

        return remember

    with attach(sums(2, (1, 4), (-1, 4)), Scripted(make_kernel)) as session:
        session.run(np.zeros((1, 4), np.float32))
        session.run(np.ones((1, 4), np.float32))
        session.resize({0: (3, 4)})
        session.run(np.ones((3, 4), np.float32))
        assert seen[0][0] is seen[1][0]
        assert seen[0][1] is seen[1][1]
        assert seen[2][0] is not seen[1][0]
        seen.clear()


def test_tensors_without_elements_and_without_axes() -> None:
    scalar = graph_of(subgraph([tensor("x", ()), tensor("y", ())], [operator("ADD", (0, 0), (1,))], (0,), (1,)))
    with attach(scalar, Scripted(arithmetic)) as session:
        assert session.run(np.array(2, np.float32))[0] == 4
    with attach(sums(2, (1, 4), (-1, 4)), Scripted(arithmetic)) as session:
        session.resize({0: (0, 4)})
        assert session.run(np.zeros((0, 4), np.float32))[0].shape == (0, 4)


def reshaping() -> Graph:
    """x -> +x -> RESHAPE to a shape that is an input -> +itself: only the first addition can be taken."""
    return graph_of(
        subgraph(
            [
                tensor("x", (4,)),
                tensor("shape", (2,), type=TensorType.INT32),
                tensor("twice"),
                tensor("square", (2, 2)),
                tensor("y", (2, 2)),
            ],
            [operator("ADD", (0, 0), (2,)), operator("RESHAPE", (2, 1), (3,)), operator("ADD", (3, 3), (4,))],
            (0, 1),
            (4, 3),
        )
    )


def test_shapes_that_values_decide() -> None:
    with attach(reshaping(), Scripted(arithmetic)) as session:
        assert [place.runner for place in session.placement.operators] == ["scripted", "cpu", "cpu"]
        for shape in ([2, 2], [4, 1], [1, 4], [2, 2]):
            result, square = session.run(np.arange(4, dtype=np.float32), np.array(shape, np.int32))
            assert result.ravel().tolist() == [0, 4, 8, 12]
            assert square.shape == tuple(shape)


# Subgraphs


def counting() -> Graph:
    """y = 2 * (x + 3 * however often it takes to get to 20), with the loop in other subgraphs."""
    values = {"three": np.array([3], np.float32), "twenty": np.array([20], np.float32)}
    three, twenty = (tensor(name, value=value) for name, value in values.items())
    main = subgraph(
        [tensor("x", (1,)), tensor("looped", (1,)), tensor("y", (1,))],
        [
            operator("WHILE", (0,), (1,), options=WhileOptions(cond_subgraph_index=1, body_subgraph_index=2)),
            operator("ADD", (1, 1), (2,)),
        ],
        (0,),
        (2,),
    )
    condition = subgraph(
        [tensor("c", (1,)), twenty, tensor("more", (1,), type=TensorType.BOOL)],
        [operator("LESS", (0, 1), (2,))],
        (0,),
        (2,),
    )
    body = subgraph([tensor("b", (1,)), three, tensor("next", (1,))], [operator("ADD", (0, 1), (2,))], (0,), (2,))
    return graph_of(main, condition, body)


def test_loops_run_kernels_of_their_own_subgraphs() -> None:
    delegate = Scripted(arithmetic, claim=is_arithmetic)
    with attach(counting(), delegate) as session:
        assert session.run(np.array([1], np.float32))[0].tolist() == [44]  # 1, 4, ... 22
        assert session.run(np.array([25], np.float32))[0].tolist() == [50]
        assert {(part.subgraph, part.operators) for part in delegate.compiled} == {(0, (1,)), (2, (0,))}
        assert [place.runner for place in session.placement.operators] == ["cpu", "scripted", "cpu", "scripted"]


# Custom operators


def custom() -> Graph:
    """x -> CUSTOM -> y, where no runtime knows the operator."""
    return graph_of(
        subgraph(
            [tensor("x", (1, 4), shape_signature=(-1, 4)), tensor("y", (1, 4), shape_signature=(-1, 4))],
            [operator("my-custom-op", (0,), (1,))],
            (0,),
            (1,),
        )
    )


def negate(_: Partition) -> Kernel:
    def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        np.negative(inputs[0], out=outputs[0])

    return kernel


def test_a_delegate_runs_operators_that_no_runtime_knows() -> None:
    with attach(custom(), Scripted(negate)) as session:
        assert session.run(np.ones((1, 4), np.float32))[0].tolist() == [[-1] * 4]


def test_operators_that_no_runtime_knows_have_fixed_shapes() -> None:
    with attach(custom(), Scripted(negate)) as session, pytest.raises(DeviceError, match="cannot follow a resize"):
        session.resize({0: (2, 4)})


def test_an_operator_that_nobody_takes_is_named() -> None:
    with pytest.raises(DeviceError, match="my-custom-op"):
        attach(custom(), Scripted(negate, claim=lambda _: "too custom"))


# Threads, kernels that call back, closing


def test_threads_share_a_session(coral: Path) -> None:
    file = coral / "mobilenet_v1_0.25_128_quant.tflite"
    graph = read(file)
    pictures = [random_inputs(graph, seed) for seed in range(6)]
    expected = [without_delegate(file, picture)[0] for picture in pictures]
    with attach(graph, Scripted(interpreted), file=file) as session, ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda picture: session.run(*picture)[0], pictures * 3))
    assert all(np.array_equal(got, want) for got, want in zip(results, expected * 3, strict=True))


def test_threads_share_a_delegate(coral: Path) -> None:
    file = coral / "mobilenet_v1_0.25_128_quant.tflite"
    graph = read(file)
    picture = random_inputs(graph)
    expected = without_delegate(file, picture)[0]
    delegate = Scripted(interpreted)
    start = threading.Barrier(3)

    def use(_: int) -> bool:
        start.wait()
        with attach(graph, delegate, file=file) as session:
            return all(np.array_equal(session.run(*picture)[0], expected) for _ in range(5))

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(use, range(3)))
    assert len(delegate.compiled) == 3


def run_on_zeros(session: Session) -> None:
    session.run(np.zeros(4, np.float32))


@pytest.mark.parametrize("misuse", [run_on_zeros, Session.close])
def test_a_kernel_may_not_use_the_model_that_it_is_part_of(misuse: Callable[[Session], None]) -> None:
    sessions: list[Session] = []

    def make_kernel(_: Partition) -> Kernel:
        return lambda inputs, outputs: misuse(sessions[0])

    with attach(sums(1), Scripted(make_kernel)) as session:
        sessions.append(session)
        with pytest.raises(DeviceError, match="part of"):
            run_on_zeros(session)


def test_a_kernel_may_run_other_models() -> None:
    with attach(sums(2), Scripted(arithmetic)) as inner:

        def make_kernel(_: Partition) -> Kernel:
            def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
                outputs[0][...] = inner.run(inputs[0])[0]

            return kernel

        with attach(sums(1), Scripted(make_kernel)) as outer:
            assert outer.run(np.zeros(4, np.float32))[0].tolist() == [2] * 4


def test_the_number_of_inputs_is_checked() -> None:
    with attach(sums(1), Scripted(arithmetic)) as session, pytest.raises(InputError, match="1 inputs and got 2"):
        session.run(np.zeros(4, np.float32), np.zeros(4, np.float32))


def test_a_closed_session_says_so() -> None:
    session = attach(sums(1), Scripted(arithmetic))
    session.close()
    session.close()
    with pytest.raises(ClosedError, match="closed"):
        session.run(np.zeros(4, np.float32))
