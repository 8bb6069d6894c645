"""A browser's builder and ours agree on random calls: what is refused, and the types and shapes of what comes out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from littoral import webnn
from littoral.webnn.idl import Parameter, signatures

CALL = """async (calls) => {
  const context = await navigator.ml.createContext();
  return calls.map(([operation, given, options]) => {
    const builder = new MLGraphBuilder(context);
    let count = 0;
    const made = (value) => Array.isArray(value) ? value.map(made)
      : value && typeof value === 'object' ? builder.input('x' + count++, value) : value;
    try {
      const named = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, made(value)]));
      named.roundingType = named.outputShapeRounding;  // its name in Chromium 147
      return [builder[operation](...given.map(made), named)].flat().map((each) => [each.dataType, [...each.shape]]);
    } catch (error) { return error.message; }
  });
}"""

OLDER = ("Unsupported data type", "Unsupported rank", "slope is not broadcastable")
"""What Chromium refuses and the draft does not: types that its backend lacks, prelu broadcasting in both directions."""

NEWER = ("which does not divide the", "resample2d: scales")
"""What we refuse and it does not: groups that divide nothing, scales that are wrong beside sizes."""


class _Calls:
    """Random calls, about half of which keep all rules."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def call(self) -> tuple[str, list[Any], dict[str, Any]]:
        operation = self.random.choice(sorted(signatures()))
        signature = signatures()[operation]
        self.base = self._sides(self.random.choice([0, 1, 2, 2, 3, 4, 4]))
        self.types: dict[str, str] = {}
        arguments = [self._value(each) for each in signature.arguments]
        chosen = [each for each in signature.options if self.random.random() < 0.3]
        return operation, arguments, {each.name: self._value(each) for each in chosen}

    def _sides(self, rank: int) -> list[int]:
        return self.random.choices([1, 2, 3, 4], k=rank)

    def _operand(self, parameter: Parameter) -> dict[str, Any]:
        first = not self.types
        kind = self.types.get(parameter.same_type) or self.random.choice(("float32", *parameter.types))
        if parameter.types and kind not in parameter.types and self.random.random() < 0.9:
            kind = parameter.types[0]
        low, high = parameter.ranks
        fits = low <= len(self.base) and (high is None or len(self.base) <= high)
        shape = list(self.base) if fits and (first or self.random.random() < 0.7) else self._sides(low or 1)
        if first:
            self.base = list(shape)
        elif shape and self.random.random() < 0.3:
            shape[self.random.randrange(len(shape))] = self.random.choice([1, 2, 3])
        self.types[parameter.name] = kind
        return {"dataType": kind, "shape": shape}

    def _numbers(self, name: str) -> list[int]:
        pairs = ("strides", "dilations", "outputPadding", "outputSizes", "windowDimensions")
        count = 2 if name in pairs else 4 if name == "padding" else len(self.base)
        if name in ("axes", "permutation"):
            axes = self.random.sample(range(4), self.random.choice([0, 1, 2, 2, min(count, 4)]))
            return self.random.sample(range(count), count) if name == "permutation" else axes
        if name == "sizes" and self.random.random() < 0.5:
            count = 2
        some = [0, 0, 1] if "adding" in name or name == "starts" else [1, 1, 2, 2, 3, 0]
        return self.random.choices(some, k=count + (self.random.random() < 0.05))

    def _value(self, parameter: Parameter) -> Any:
        choose = self.random.choice
        kind, name = parameter.kind, parameter.name
        if kind == "operand":
            return self._operand(parameter)
        if kind == "operands":
            return [self._operand(parameter) for _ in range(choose([1, 2, 3]))]
        if kind == "unsigneds":
            return self._numbers(name)
        if kind == "activations":
            return self.random.choices(["relu", "sigmoid", "tanh"], k=choose([2, 3]))
        choices: dict[str, list[Any]] = {
            "unsigned": [1, 2] if name in ("groups", "hiddenSize", "steps") else [0, 0, 1, 1, 2, 3],
            "splits": [1, 2, 2, 3, [1, 1], [1, 2], [2], 0],
            "signed": [-3, 0, 2],
            "boolean": [False, True],
            "double": [0.5, 1, -1],
            "number": [0.5, 1, -1],
            "doubles": [[1, 2], [0.5, 1.5], [2, 2], [1], [0, 1]],
            "enum": list(parameter.values),
            "type": ["float32", "float16", "int32", "int8", "uint8"],
        }
        return choose(choices[kind])


def _ours(operation: str, given: list[Any], options: dict[str, Any]) -> list[list[Any]] | str:
    builder = webnn.MLGraphBuilder(webnn.MLContext("cpu", None, True))
    names = (f"x{n}" for n in range(100))

    def made(value: Any) -> Any:
        if isinstance(value, list):
            return [made(each) for each in value]
        return builder.input(next(names), value) if isinstance(value, dict) else value

    try:
        result = getattr(builder, operation)(*map(made, given), {name: made(value) for name, value in options.items()})
    except webnn.OperandError as error:
        return str(error)
    return [[each.data_type, list(each.shape)] for each in (result if isinstance(result, list) else [result])]


@pytest.fixture(scope="module")
def page(webnn_browser: Any) -> Iterator[Any]:
    made = webnn_browser.new_page()
    made.route("**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
    made.goto("https://littoral.invalid/")
    yield made
    made.close()


def test_a_browser_agrees(page: Any) -> None:
    calls = [_Calls(seed).call() for seed in range(4000)]
    agreed = {"taken": 0, "refused": 0}
    for call, theirs in zip(calls, page.evaluate(CALL, calls), strict=True):
        ours = _ours(*call)
        if isinstance(theirs, str) and not isinstance(ours, str):
            assert any(words in theirs for words in OLDER), (call, ours, theirs)
        elif isinstance(ours, str) and not isinstance(theirs, str):
            assert any(words in ours for words in NEWER), (call, ours, theirs)
        elif not isinstance(ours, str):
            assert ours == theirs, call
            agreed["taken"] += 1
        else:
            agreed["refused"] += 1
    assert min(agreed.values()) > 1000, agreed
