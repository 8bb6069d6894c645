"""The table of what operations take says what the standard says."""

from __future__ import annotations

import inspect

from littoral.webnn import MLGraphBuilder
from littoral.webnn.bind import snake
from littoral.webnn.idl import signatures

# The methods of MLGraphBuilder that make operands, in the standard's index.
_INDEX = """abs add argMax argMin averagePool2d batchNormalization cast ceil clamp concat conv2d convTranspose2d cos
cumulativeSum dequantizeLinear div elu equal erf exp expand floor gather gatherElements gatherND gelu gemm greater
greaterOrEqual gru gruCell hardSigmoid hardSwish identity instanceNormalization isInfinite isNaN l2Pool2d
layerNormalization leakyRelu lesser lesserOrEqual linear log logicalAnd logicalNot logicalOr logicalXor lstm lstmCell
matmul max maxPool2d min mul neg notEqual pad pow prelu quantizeLinear reciprocal reduceL1 reduceL2 reduceLogSum
reduceLogSumExp reduceMax reduceMean reduceMin reduceProduct reduceSum reduceSumSquare relu resample2d reshape reverse
roundEven scatterElements scatterND sigmoid sign sin slice softmax softplus softsign split sqrt sub tan tanh tile
transpose triangular where"""
NAMES = _INDEX.split()


def test_there_are_the_standard_s_95_operations() -> None:
    assert sorted(signatures()) == sorted(NAMES)
    assert len(NAMES) == 95


def test_each_is_a_method_in_both_spellings() -> None:
    for name in NAMES:
        assert callable(getattr(MLGraphBuilder, name)), name
        assert callable(getattr(MLGraphBuilder, snake(name))), name


def test_snake_case_reads_well() -> None:
    assert [snake(name) for name in ("isNaN", "gatherND", "reduceL1", "convTranspose2d", "aTranspose", "dataType")] == [
        *("is_nan", "gather_nd", "reduce_l1", "conv_transpose2d", "a_transpose", "data_type")
    ]


def test_a_method_shows_what_it_takes() -> None:
    text = str(inspect.signature(getattr(MLGraphBuilder, "gemm")))  # noqa: B009 - made at run time
    assert text == "(self, a, b, *, c=None, alpha=1.0, beta=1.0, aTranspose=False, bTranspose=False, label='')"


def test_what_others_name_is_there() -> None:
    for name, signature in signatures().items():
        operands = [parameter.name for parameter in signature.operands]
        for each in (*signature.operands, *signature.outputs):
            assert bool(each.types) != bool(each.same_type), name
            assert {each.same_type, each.same_rank} <= {"", *operands}, name
        names = [p.name for p in (*signature.arguments, *signature.options)]
        assert len(set(names)) == len(names), name


def test_lists_are_returned_where_the_standard_says_sequence() -> None:
    lists = {name for name, signature in signatures().items() if signature.returns_list}
    assert lists == {"gru", "lstm", "lstmCell", "split"}
