from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from littoral.coral.compiler_log import KNOWN_FAILURES, Row, parse, read_table
from littoral.coral.rules import LIMITATION, MAPPED, ONE_SUBGRAPH, STATUSES

SUCCESS = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 1379 ms.

Input model: detector.tflite
Input size: 4.96MiB
Output model: out/detector_edgetpu.tflite
Output size: 6.11MiB
On-chip memory used for caching model parameters: 1.92MiB
On-chip memory remaining for caching model parameters: 1.75KiB
Off-chip memory used for streaming uncached model parameters: 3.23MiB
Number of Edge TPU subgraphs: 1
Total number of operations: 136
Operation log: out/detector_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will \
instead run on the CPU, which is slower. If possible, consider updating your model to use only operations supported by \
the Edge TPU. For details, visit g.co/coral/model-reqs.
Number of operations that will run on Edge TPU: 135
Number of operations that will run on CPU: 1

Operator                       Count      Status

CONV_2D                        62         Mapped to Edge TPU
RESHAPE                        73         Mapped to Edge TPU
SOFTMAX                        1          Operation is otherwise supported, but not mapped due to some unspecified \
limitation
Compilation child process completed within timeout period.
Compilation succeeded!
"""

# One line or more for each known failure, as people have reported them, and a word of the way out.
FAILURES = {
    "Invalid model: cam.tflite\nModel not quantized": "full-int8",
    "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'. An older version of this builtin might be "
    "supported.\n\nERROR: Registration failed.\n\nInvalid model: a.tflite\nModel could not be parsed": "--target",
    "ERROR: Encountered unresolved custom op: Atan.\nERROR: Node number 1 (Atan) failed to prepare.\n\nCompilation "
    "failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite interpreter.": "Cut",
    "ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized "
    "tensors.\nCompilation failed: Model failed in Tflite interpreter.": "Fix the batch",
    "ERROR: Restored original execution plan after delegate application failure.\nCompilation failed: Compilation "
    "failed due to large activation tensors in model.\nCompilation failed! ": "smaller input picture",
    "ERROR: :344 no_integer_overflow_from_quantization was not true.\nERROR: Node number 31 (CONV_2D) failed to "
    "prepare.\n\nCompilation failed: Model failed in Tflite interpreter.": "inconsistent",
    "/usr/bin/edgetpu_compiler: line 3: 7056 Segmentation fault      (core dumped) ${d}/edgetpu_compiler": "crashed",
    "libc++abi: terminating with uncaught exception of type std::out_of_range: vector\nCompilation failed! ": "crashed",
    "\nInternal compiler error. Aborting! ": "tried again",
    "Model could not be parsed": "littoral inspect",
    "Compilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded": "littoral run",
    "Invalid model: inference_model_0_quant.tflite": "littoral inspect",
    "Compilation child process completed within timeout period.\nCompilation failed! ": "no reason",
}


def test_a_log_as_values() -> None:
    log = parse(SUCCESS)
    (result,) = log.results
    assert (log.version, log.failures) == ("16.0.384591198", ())
    assert (result.input, result.output) == ("detector.tflite", "out/detector_edgetpu.tflite")
    assert (result.seconds, result.subgraphs, result.operators, result.mapped) == (1.379, 1, 136, 135)
    assert (result.on_chip, result.remaining, result.off_chip) == (round(1.92 * 2**20), 1792, round(3.23 * 2**20))
    assert result.table == (Row("CONV_2D", 62, MAPPED), Row("RESHAPE", 73, MAPPED), Row("SOFTMAX", 1, LIMITATION))


def test_a_log_of_several_models() -> None:
    second = SUCCESS.partition("\n\n")[2].replace("detector", "classifier").replace("3.23MiB", "0.00B")
    first, other = parse(SUCCESS + second).results
    assert (first.output, first.off_chip > 0) == ("out/detector_edgetpu.tflite", True)
    assert (other.output, other.off_chip, len(other.table)) == ("out/classifier_edgetpu.tflite", 0, 3)


def test_what_older_compilers_call_the_memory_left() -> None:
    assert parse(SUCCESS.replace("remaining for", "available for")).results[0].remaining == 1792


def test_a_table_ends_where_other_words_begin() -> None:
    table = (
        "Operator                       Count      Status\n\nADD      6       More than one subgraph is not supported\n"
    )
    assert read_table(table + "... All other operators were mapped successfully.\nMUL 1 No table\n") == (
        Row("ADD", 6, ONE_SUBGRAPH),
    )
    assert read_table("ADD      6       Mapped to Edge TPU") == ()


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_read(status: str) -> None:
    heading = "Operator                       Count      Status\n\n"
    assert read_table(f"{heading}PAD                            17         {status}\n") == (Row("PAD", 17, status),)


@pytest.mark.parametrize(("text", "word"), FAILURES.items(), ids=range(len(FAILURES)))
def test_the_most_telling_failure_comes_first(text: str, word: str) -> None:
    log = parse(f"Edge TPU Compiler version 16.0.384591198\n{text}\n")
    assert log.results == ()
    assert word in log.failures[0].remedy
    assert log.failures[0].line in text


def test_every_known_failure_has_been_seen() -> None:
    first = {parse(text).failures[0].remedy for text in FAILURES}
    assert first == {remedy for _, remedy in KNOWN_FAILURES}
    assert all(re.search(line, "\n".join(FAILURES)) for line, _ in KNOWN_FAILURES)


PIECES = [
    "Model compiled successfully in ",
    "Total number of operations: ",
    "\n",
    " ",
    "7",
    "ms",
    "é",
    *SUCCESS.split("\n"),
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
@example("Model compiled successfully in 1 ms\nOn-chip memory used for caching model parameters: 1.2.3MiB")
@example("Model compiled successfully in " + "9" * 5000 + " ms")
def test_no_text_is_too_odd(text: str) -> None:
    for result in parse(text).results:
        assert result.on_chip >= 0


@given(st.integers(0, len(SUCCESS)))
def test_a_log_may_break_off_anywhere(length: int) -> None:
    for result in parse(SUCCESS[:length]).results:
        assert result.mapped <= 136
