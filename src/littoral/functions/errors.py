"""What goes wrong with functions.

LittoralError
├── ModuleError         a module is not WebAssembly that we accept
├── ManifestError       a manifest is malformed; it names the line
├── DeployError         a function cannot be deployed; the old version answers
├── StoreError          a function, a version or an object is not there, or is damaged
└── FunctionError       a request failed in the sandbox; only that request
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from littoral.errors import LittoralError

Kind: TypeAlias = Literal["trap", "time", "memory", "output", "busy", "exit", "host"]
"""Why a request failed: the code did what it may not, a limit, all instances busy, an exit code, a host call."""


class ModuleError(LittoralError):
    """A module is not WebAssembly that we accept: damaged, hostile, or it asks for what we do not give."""


class ManifestError(LittoralError):
    """A manifest is malformed, or the module contradicts it."""


class DeployError(LittoralError):
    """A function cannot be deployed: a model is missing, a self-test fails. The old version goes on answering."""


class StoreError(LittoralError):
    """A function, a version or an object is not there, or is damaged."""


class FunctionError(LittoralError):
    """A request failed in the sandbox; others are not touched.

    Attributes:
        kind: Why, for programs.
        log: What the function wrote to standard error, and the host's remarks, until then.
    """

    def __init__(self, cause: str, remedy: str = "", kind: Kind = "trap", log: str = "") -> None:
        super().__init__(cause, remedy)
        self.kind = kind
        self.log = log

    def __reduce__(self) -> tuple[type[FunctionError], tuple[str, str, Kind, str]]:
        return (type(self), (self.cause, self.remedy, self.kind, self.log))
