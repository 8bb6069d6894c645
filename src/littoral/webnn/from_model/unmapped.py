"""Why an operator does not map, and what would help."""

from __future__ import annotations

from littoral.errors import LittoralError

_BEHIND = "It is post-processing: the device webnn runs what lies before it, and leaves it to the processor"
_SIZE = "How much it gives is known only while it runs: do that outside the model"
_CONTROL = "Unroll the loop, or take the branch, before converting"
_STATE = "Give state as an input, and take it as an output"
_TEXT = "Look words up before the model"
_RANDOM = "Give random numbers as an input"
_REMEDIES = {
    **dict.fromkeys(("TFLite_Detection_PostProcess", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"), _BEHIND),
    **dict.fromkeys(("PosenetDecoderOp", "TOPK_V2"), _BEHIND),
    **dict.fromkeys(("UNIQUE", "WHERE", "SPARSE_TO_DENSE", "SEGMENT_SUM"), _SIZE),
    **dict.fromkeys(("IF", "WHILE", "CALL", "CALL_ONCE", "STABLEHLO_WHILE", "STABLEHLO_CASE"), _CONTROL),
    **dict.fromkeys(("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "LSTM", "RNN", "SVDF"), _STATE),
    **dict.fromkeys(("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_LOOKUP", "HASHTABLE_SIZE"), _TEXT),
    **dict.fromkeys(("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"), _RANDOM),
    "edgetpu-custom-op": "Take the model file from before the Edge TPU compiler",
}
_OTHERWISE = "Replace it, or leave it to the processor: the device webnn runs what lies before and behind it"


class Unmapped(LittoralError):  # noqa: N818 - it is an answer, and ends up in a list of them
    """An operator has no form in WebNN: the cause says why, the remedy what would help."""


def unknown(name: str) -> Unmapped:
    """Of an operator that WebNN has nothing for."""
    if name.startswith("Flex"):
        return Unmapped(f"{name} is an operator of TensorFlow", "Convert without select TensorFlow operators")
    return Unmapped(f"WebNN has nothing for {name}", _REMEDIES.get(name, _OTHERWISE))
