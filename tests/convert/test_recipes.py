from __future__ import annotations

import re

import pytest

from littoral.convert.recipes import RECIPES, recipes_of
from littoral.errors import SourceError


def test_an_unknown_recipe_lists_all() -> None:
    with pytest.raises(SourceError) as caught:
        recipes_of(["int8", "int7"])
    assert str(caught.value) == (
        "there is no recipe 'int7'. Accepted: float32, float16, dynamic, int8, full-int8, int16x8, int4"
    )


def test_each_recipe_once_in_the_order_asked_for() -> None:
    assert [recipe.name for recipe in recipes_of(["int8", "float16", "int8"])] == ["int8", "float16"]


def test_which_need_calibration() -> None:
    assert [name for name, recipe in RECIPES.items() if recipe.needs_calibration] == ["int8", "full-int8", "int16x8"]


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.rules])
def test_no_rule_of_a_recipe_replaces_another(name: str) -> None:
    entries = RECIPES[name].for_quantizer()
    scopes = [(entry["regex"], entry["operation"]) for entry in entries]
    assert len(set(scopes)) == len(scopes)
    assert all(re.search(entry["regex"], "any/output;") for entry in entries)


def test_edges_stay_float_unless_the_recipe_says_otherwise() -> None:
    left = [entry["operation"] for entry in RECIPES["int8"].for_quantizer() if entry["algorithm_key"] == "no_quantize"]
    assert left == ["INPUT", "OUTPUT"]
    assert all(entry["algorithm_key"] != "no_quantize" for entry in RECIPES["full-int8"].for_quantizer())


def test_operators_are_named_exactly() -> None:
    scope = "a.b(1);"
    only, *_ = RECIPES["int8"].for_quantizer(only=[scope])
    *_, but, _, _ = RECIPES["int8"].for_quantizer(but=[scope])
    for entry in (only, but):
        assert re.search(entry["regex"], scope)
    assert not re.search(only["regex"], "x/a.b(1);")
    assert not re.search(only["regex"], "a.b(1);c;")
    assert not re.search(but["regex"], "axb(1);")
