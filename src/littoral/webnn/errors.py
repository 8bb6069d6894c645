"""The errors that the standard names, as Python has them.

LittoralError
├── OperandError        an argument breaks a rule of the operation; the standard's and Python's TypeError
├── InvalidStateError   something was built, destroyed or lost before
├── OperationError      the device fails
└── NotSupportedError   there is no such context
"""

from __future__ import annotations

from littoral.errors import LittoralError


class OperandError(LittoralError, TypeError):
    """An argument breaks a rule of the operation (TypeError in the standard)."""


class InvalidStateError(LittoralError):
    """A builder has built, or a tensor, graph or context was destroyed or lost."""


class OperationError(LittoralError):
    """The device failed."""


class NotSupportedError(LittoralError):
    """There is no such context."""
