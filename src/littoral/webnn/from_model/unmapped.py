"""Why an operator does not map."""

from __future__ import annotations

from littoral.errors import LittoralError


class Unmapped(LittoralError):  # noqa: N818 - it is an answer, and ends up in a list of them
    """An operator has no form in WebNN: the cause says why, the remedy what would help."""
