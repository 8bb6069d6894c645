"""Everything that littoral raises on purpose.

LittoralError
├── ModelFileError      a file is not a model file that we accept
├── SourceError         a trained model cannot be read or converted
├── DataError           pictures, arrays or labels cannot be used
│   └── ContractError   a contract is malformed, or the data contradict it
├── DeviceError         a device string is unknown, or the device is not here
├── InputError          a model was given tensors that it does not take
├── ClosedError         something was used after close()
└── MissingExtraError   an optional part of littoral is not installed

Each is one line: what is wrong, then the way out. The command line prints that line and exits with 2.
"""

from __future__ import annotations


class LittoralError(Exception):
    """The base of all errors raised on purpose.

    Args:
        cause: What is wrong, naming the file or value, without a full stop at the end.
        remedy: What to do about it: a command, an option, the accepted values. Empty when the cause says it all.
    """

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause}. {self.remedy}" if self.remedy else self.cause


class ModelFileError(LittoralError):
    """A file is not a model file that we accept: truncated, hostile, or of a kind that we do not read."""


class SourceError(LittoralError):
    """A trained model cannot be read or converted."""


class DataError(LittoralError):
    """Pictures, arrays or labels cannot be used."""


class ContractError(DataError):
    """A contract is malformed, or the data contradict it."""


class DeviceError(LittoralError):
    """A device string is unknown, or the device is not on this machine."""


class InputError(LittoralError):
    """A model was given tensors that it does not take."""


class ClosedError(LittoralError):
    """Something was used after it was closed."""


class MissingExtraError(LittoralError):
    """An optional part of littoral is not installed; the remedy is the pip command."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed", f'Install it with: pip install "littoral[{extra}]"')
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return (type(self), (self.cause.removesuffix(" is not installed"), self.extra))
