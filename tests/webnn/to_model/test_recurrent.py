"""gru, gruCell, lstm, lstmCell, held against the formulas of the standard in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import compute, operators

from littoral.webnn.program import Array

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}
KINDS = {"lstm": (("iofg", "ifgo"), 3, ("Hidden", "Cell")), "gru": (("zrn", "rzn"), 2, ("Hidden",))}
"""Layouts of the gates, how many activations, states."""


def step(kind: str, x: Array, state: list[Array], given: dict[str, Any]) -> list[Array]:
    """A cell's state after a step; bias and recurrent bias are there."""
    size = given["hiddenSize"]
    w, r, b, rb = (
        {gate: given[name][n * size : (n + 1) * size] for n, gate in enumerate(given["layout"])}
        for name in ("weight", "recurrentWeight", "bias", "recurrentBias")
    )
    functions = [FUNCTIONS[name] for name in given["activations"]]
    hidden = state[0]
    sums = {gate: x @ w[gate].T + b[gate] + hidden @ r[gate].T + rb[gate] for gate in w}
    if kind == "lstm":
        memory = state[1]
        for n, gate in enumerate("iof" if "peepholeWeight" in given else ""):
            sums[gate] = sums[gate] + memory * given["peepholeWeight"][n * size : (n + 1) * size]
        i, o, f = (functions[0](sums[gate]) for gate in "iof")
        memory = f * memory + i * functions[1](sums["g"])
        return [o * functions[2](memory), memory]
    update, reset = functions[0](sums["z"]), functions[0](sums["r"])
    if given["resetAfter"]:
        recurrent = reset * (hidden @ r["n"].T + rb["n"])
    else:
        recurrent = (reset * hidden) @ r["n"].T + rb["n"]
    new = functions[1](x @ w["n"].T + b["n"] + recurrent)
    return [update * hidden + new * (1 - update)]


def network(kind: str, given: dict[str, Any]) -> list[Array]:
    """What a network gives: the last states, and what there was at each step."""
    backward = {"forward": [False], "backward": [True], "both": [False, True]}[given["direction"]]
    lasts, sequences = [], []
    for n, reverse in enumerate(backward):
        of_direction = {
            name: value[n] if isinstance(value, np.ndarray) and name != "input" else value
            for name, value in given.items()
        }
        state = [of_direction[f"initial{which}State"] for which in KINDS[kind][2]]
        outputs = []
        for x in given["input"][::-1] if reverse else given["input"]:
            state = step(kind, x, state, of_direction)
            outputs.append(state[0])
        lasts.append(state)
        sequences.append(np.stack(outputs[::-1] if reverse else outputs))
    final = [np.stack(states) for states in zip(*lasts, strict=True)]
    return [*final, np.stack(sequences, axis=1)] if given["returnSequence"] else final


def drawn(data: st.DataObject, kind: str, steps: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of a network, or of a cell where there are no steps; and again with all that may be left out."""
    layouts, activations, states = KINDS[kind]
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    batch, size, hidden = (data.draw(st.integers(1, 3)) for _ in range(3))
    rows = len(layouts[0]) * hidden
    direction = data.draw(st.sampled_from(["forward", "backward", "both"]))
    front = () if steps is None else (2 if direction == "both" else 1,)
    shapes = {
        "input": (batch, size) if steps is None else (steps, batch, size),
        "weight": (*front, rows, size),
        "recurrentWeight": (*front, rows, hidden),
        "bias": (*front, rows),
        "recurrentBias": (*front, rows),
        **({"peepholeWeight": (*front, 3 * hidden)} if kind == "lstm" else {}),
    }
    names = [f"{which.lower()}State" if steps is None else f"initial{which}State" for which in states]
    shapes |= dict.fromkeys(names, (*front, batch, hidden))
    data_type = data.draw(st.sampled_from(["float32", "float16"]))
    full: dict[str, Any] = {name: random.normal(0, 0.5, shape).astype(data_type) for name, shape in shapes.items()}
    optional = ["bias", "recurrentBias", "peepholeWeight", *(names if steps is not None else [])]
    left_out = data.draw(st.sets(st.sampled_from([name for name in optional if name in full])))
    full |= {name: np.zeros_like(full[name]) for name in left_out}
    full["hiddenSize"] = hidden
    full["layout"] = data.draw(st.sampled_from(layouts))
    full["activations"] = data.draw(
        st.lists(st.sampled_from(sorted(FUNCTIONS)), min_size=activations, max_size=activations)
    )
    if steps is not None:
        full |= {"steps": steps, "direction": direction, "returnSequence": data.draw(st.booleans())}
    if kind == "gru":
        full["resetAfter"] = data.draw(st.booleans())
    return {name: value for name, value in full.items() if name not in left_out}, full


def check(found: list[Array], wanted: list[Array]) -> None:
    """Float16 is computed in float32, and rounded at the end."""
    assert len(found) == len(wanted)
    for each, exact in zip(found, wanted, strict=True):
        assert each.shape == exact.shape
        tolerance = 2e-6 if each.dtype == np.float32 else 1e-3
        np.testing.assert_allclose(each.astype(np.float64), exact, rtol=tolerance, atol=tolerance)


def in_float64(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments for the reference."""
    return {name: value.astype(np.float64) if isinstance(value, np.ndarray) else value for name, value in given.items()}


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), steps=st.integers(1, 3), data=st.data())
def test_networks(kind: str, steps: int, data: st.DataObject) -> None:
    given, full = drawn(data, kind, steps)
    known = data.draw(st.sets(st.sampled_from(["weight", "recurrentWeight", "bias", "recurrentBias"])))
    check(compute(kind, known, **given), network(kind, in_float64(full)))


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), data=st.data())
def test_cells(kind: str, data: st.DataObject) -> None:
    given, full = drawn(data, kind, None)
    exact = in_float64(full)
    state = [exact[f"{which.lower()}State"] for which in KINDS[kind][2]]
    check(compute(f"{kind}Cell", **given), step(kind, exact["input"], state, exact))


def test_inputs_of_all_steps_are_multiplied_at_once() -> None:
    shapes = {"input": (5, 1, 2), "weight": (1, 12, 2), "recurrentWeight": (1, 12, 3)}
    given = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    made = operators("lstm", ["weight", "recurrentWeight"], **given, steps=5, hiddenSize=3)
    assert made.count("FULLY_CONNECTED") == 1 + 5
