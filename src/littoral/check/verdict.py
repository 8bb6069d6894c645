"""When a model file must not be used, and what is worth knowing of one that may: whole sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from littoral.check.operators import float_edges, unset_variables
from littoral.check.results import REFERENCE_KERNELS, XNNPACK, KernelRun, OperatorShare
from littoral.check.statistics import OutputError
from littoral.check.tally import Tally
from littoral.tflite import Graph

LEAST_KERNEL_SQNR_DB = 10.0
"""Below this signal to noise between XNNPACK and the reference kernels they may compute different things."""
KERNEL_GAP_DB = 6.0
"""They do, when one of them is so much nearer to the float model than to the other: quantization noise alone would
leave them about as near to each other as to the float model."""
LARGE_KERNEL_SQNR_DB = 20.0
"""Below this their difference is worth a note."""
_MOST_NAMED = 5


def failures(
    graph: Graph,
    recipe: str,
    share: OperatorShare,
    tallies: Sequence[Tally],
    outputs: Sequence[str],
) -> Iterator[str]:
    """Why the file must not be used, from the file itself and whether it ran; nothing where it may."""
    unset = unset_variables(graph)
    if unset:
        yield (
            f"It is not frozen: it reads {_names(unset)} before anything sets {'it' if len(unset) == 1 else 'them'}. "
            "Convert the model itself (from_keras_model), not a concrete function of it."
        )
    if recipe.startswith("full-int8"):
        yield from _partial(share)
    yield from _refusals(tallies)
    for tally in tallies:
        for place, samples in tally.not_finite.items():
            yield (
                f"Output {outputs[place]} is NaN or infinite for {samples} of {tally.samples} samples "
                f"on {tally.device}."
            )


def kernel_failures(runs: Sequence[KernelRun], between: Sequence[OutputError]) -> Iterator[str]:
    """Outputs that one kind of kernels gets wrong, by the float model; nothing can be said without one."""
    if len(runs) < 2:
        return
    for apart, fast, plain in zip(between, runs[0].errors, runs[1].errors, strict=False):
        best = max(fast.sqnr_db, plain.sqnr_db)
        if apart.sqnr_db < LEAST_KERNEL_SQNR_DB and best - apart.sqnr_db > KERNEL_GAP_DB:
            wrong = runs[0 if fast.sqnr_db < plain.sqnr_db else 1].device
            yield (
                f"Output {apart.name} is wrong on {wrong}: XNNPACK and the reference kernels differ by up to "
                f"{apart.max_abs:.3g} (SQNR {apart.sqnr_db:.1f} dB), and the other is near the float model."
            )


def _partial(share: OperatorShare) -> Iterator[str]:
    """A recipe that promises integers only, and a file that computes in float."""
    left = share.total - share.integer
    if left:
        kinds = sorted({f"{one.kind} ({one.output})" for one in share.floats})
        yield f"It is partial: {left} of {share.total} operators compute in float: {_names(kinds)}."


def _refusals(tallies: Sequence[Tally]) -> Iterator[str]:
    refused = {tally.device: tally.refused for tally in tallies if tally.refused}
    if REFERENCE_KERNELS in refused and XNNPACK not in refused:
        yield (
            "It runs under XNNPACK, but the reference kernels refuse it, and so may compilers for other devices: "
            f"{refused[REFERENCE_KERNELS]}"
        )
    elif refused:
        yield f"It does not run: {refused[XNNPACK]}"


def notes(
    graph: Graph,
    recipe: str,
    share: OperatorShare,
    runs: Sequence[KernelRun],
    between: Sequence[OutputError],
) -> Iterator[str]:
    """What is worth knowing and makes the file no worse."""
    if recipe.startswith("full-int8") and (edges := float_edges(graph)):
        yield f"Inputs or outputs are float: {_names(edges)}."
    if share.partial and not recipe.startswith("full-int8"):
        kinds = sorted({one.kind for one in share.floats})
        yield f"{share.total - share.integer} of {share.total} operators compute in float: {_names(kinds)}."
    for error in between:
        if error.sqnr_db < LARGE_KERNEL_SQNR_DB:
            yield (
                f"Output {error.name} differs by up to {error.max_abs:.3g} between XNNPACK and the reference kernels "
                f"(SQNR {error.sqnr_db:.1f} dB, {runs[-1].samples} samples)."
            )


def _names(items: Sequence[str]) -> str:
    shown = ", ".join(items[:_MOST_NAMED])
    return shown if len(items) <= _MOST_NAMED else f"{shown} and {len(items) - _MOST_NAMED} more"
