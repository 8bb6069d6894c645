"""When a model file must not be used, and what is worth knowing of one that may: whole sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from littoral.check.operators import float_edges, unset_variables
from littoral.check.results import REFERENCE_KERNELS, XNNPACK, KernelRun, OperatorShare
from littoral.check.statistics import OutputError
from littoral.check.tally import Tally
from littoral.tflite import Graph

LEAST_KERNEL_SQNR_DB = 10.0
"""Below this signal to noise between XNNPACK and the reference kernels, one of them computes something else."""
LARGE_KERNEL_SQNR_DB = 25.0
"""Below this their difference is worth a note."""
_MOST_NAMED = 5


def failures(
    graph: Graph,
    recipe: str,
    share: OperatorShare,
    tallies: Sequence[Tally],
    between: Sequence[OutputError],
    outputs: Sequence[str],
) -> Iterator[str]:
    """Why the file must not be used; nothing where it may."""
    unset = unset_variables(graph)
    if unset:
        yield (
            f"It is not frozen: it reads {_names(unset)} before anything sets {'it' if len(unset) == 1 else 'them'}. "
            "Convert the model itself (from_keras_model), not a concrete function of it."
        )
    if recipe.startswith("full-int8"):
        yield from _partial(graph, share)
    for tally in tallies:
        yield from _refused(tally, tallies)
        for place, samples in tally.not_finite.items():
            yield (
                f"Output {outputs[place]} is NaN or infinite for {samples} of {tally.samples} samples "
                f"on {tally.device}."
            )
    for error in between:
        if error.sqnr_db < LEAST_KERNEL_SQNR_DB:
            yield (
                f"Output {error.name} is not the same under XNNPACK and the reference kernels: they differ by up to "
                f"{error.max_abs:.3g} (SQNR {error.sqnr_db:.1f} dB)."
            )


def _partial(graph: Graph, share: OperatorShare) -> Iterator[str]:
    """A recipe that promises integers only, and a file that computes in float."""
    left = share.total - share.integer
    if left:
        kinds = sorted({f"{one.kind} ({one.output})" for one in share.floats})
        yield f"It is partial: {left} of {share.total} operators compute in float: {_names(kinds)}."
    edges = float_edges(graph)
    if edges:
        yield f"It is partial: {_names(edges)} at its edge {'is' if len(edges) == 1 else 'are'} float."


def _refused(tally: Tally, tallies: Sequence[Tally]) -> Iterator[str]:
    if not tally.refused:
        return
    runs_elsewhere = any(other.device == XNNPACK and not other.refused for other in tallies)
    if tally.device == REFERENCE_KERNELS and runs_elsewhere:
        yield (
            "It runs under XNNPACK, but the reference kernels refuse it, and so may compilers for other devices: "
            f"{tally.refused}"
        )
    else:
        yield f"{tally.device} refuses it: {tally.refused}"


def notes(
    recipe: str,
    share: OperatorShare,
    runs: Sequence[KernelRun],
    between: Sequence[OutputError],
) -> Iterator[str]:
    """What is worth knowing and makes the file no worse."""
    if share.partial and not recipe.startswith("full-int8"):
        kinds = sorted({one.kind for one in share.floats})
        yield f"{share.total - share.integer} of {share.total} operators compute in float: {_names(kinds)}."
    for error in between:
        if LEAST_KERNEL_SQNR_DB <= error.sqnr_db < LARGE_KERNEL_SQNR_DB:
            yield (
                f"Output {error.name} differs by up to {error.max_abs:.3g} between XNNPACK and the reference kernels "
                f"(SQNR {error.sqnr_db:.1f} dB, {runs[-1].samples} samples)."
            )


def _names(items: Sequence[str]) -> str:
    shown = ", ".join(items[:_MOST_NAMED])
    return shown if len(items) <= _MOST_NAMED else f"{shown} and {len(items) - _MOST_NAMED} more"
