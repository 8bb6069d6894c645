"""From a module to one that requests can start from, and from that to machine code, which is made once on a machine.

`prepare` does what is done when a function is deployed: it checks a module, initialises it and takes the snapshot,
which is a plain module again. `load` makes machine code of it, once on a machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from littoral.functions import code, snapshot
from littoral.functions.calls import find
from littoral.functions.declare import HostFunction
from littoral.functions.engine import engine
from littoral.functions.errors import ManifestError, ModuleError
from littoral.functions.files import tree
from littoral.functions.host import Host, World
from littoral.functions.instance import Instance
from littoral.functions.limits import PAGE, show_size
from littoral.functions.link import check_imports, linker
from littoral.functions.native import address, lasting
from littoral.functions.sandbox import run
from littoral.functions.wasm import FunctionType, Module

if TYPE_CHECKING:
    import wasmtime

    from littoral.functions.manifest import Manifest

COMMAND = "_start"
"""The entry of a program that starts anew for each request; it has no snapshot."""

_ENTRIES = (FunctionType((), ("i32",)), FunctionType((), ()))
_LONGEST_INIT = 60.0  # seconds


@dataclass(frozen=True)
class Linked:
    """A module bound to what it imports, from which instances are made.

    Attributes:
        pre: wasmtime's object.
        address: Of its native part.
    """

    pre: wasmtime.InstancePre
    address: int

    def close(self) -> None:
        """Frees it."""
        self.pre.close()


class Compiled:
    """Machine code of a prepared module.

    Attributes:
        digest: SHA-256 of the prepared module, in hexadecimal digits.
        memory: Bytes that an instance begins with.
        entries: Exported functions that may be an entry, and whether they give a status.
    """

    def __init__(self, digest: str, module: wasmtime.Module) -> None:
        from wasmtime import FuncType, MemoryType

        self.digest = digest
        self._module = lasting(module)
        self.memory = 0
        self.entries: dict[str, bool] = {}
        for export in module.exports:
            kind = export.type
            if isinstance(kind, MemoryType) and export.name == "memory":
                self.memory = kind.limits.min * PAGE
            if isinstance(kind, FuncType) and _function_type(kind) in _ENTRIES:
                self.entries[export.name] = bool(kind.results)

    def check_entry(self, manifest: Manifest) -> None:
        """Compares it with a manifest.

        Raises:
            ManifestError: There is no such entry, or instances are larger than limits.memory.
        """
        if manifest.entry not in self.entries:
            raise ManifestError(*_no_entry(manifest, self.entries))
        _check_size(self.memory, manifest)

    def link(self, calls: tuple[HostFunction, ...]) -> Linked:
        """Binds it to what it imports.

        Raises:
            ModuleError: It imports something else.
        """
        from wasmtime import WasmtimeError

        try:
            pre = lasting(linker(calls).instantiate_pre(self._module))
        except WasmtimeError as error:
            raise ModuleError(f"the module cannot be linked: {_line(error)}", "List its host_calls") from error
        return Linked(pre, address(pre.ptr()))


def prepare(module: bytes, manifest: Manifest, files: Mapping[str, bytes] | None = None) -> bytes:
    """What is done once, when a function is deployed: checks, initialisation, snapshot.

    Args:
        module: A .wasm file.
        manifest: What it may use.
        files: By path in the sandbox: `init` may read them.

    Returns:
        The module that requests start from.

    Raises:
        ModuleError: It is not WebAssembly that we accept, imports what we do not offer, or cannot be snapshotted.
        ManifestError: The manifest contradicts the module.
        FunctionError: The initialisation failed.
    """
    name = manifest.module
    parsed = Module.read(module, name)
    calls = find(manifest.host_calls)
    check_imports(parsed, calls, name)
    _check_memory(parsed, name)
    candidates = {e.name: True for e in parsed.exports if parsed.function_type(e.name) in _ENTRIES}
    if manifest.entry not in candidates:
        raise ManifestError(*_no_entry(manifest, candidates))
    if manifest.entry == COMMAND:
        if parsed.start is not None:
            raise ModuleError(f"{name} is a command that has a start function as well", "Build it as a reactor")
        return _valid(module, name)
    if not snapshot.needed(parsed):
        return _valid(module, name)
    world = manifest.preparing(tree(files or {}), _LONGEST_INIT)

    def initialise(instrumented: bytes, work: Callable[[Instance], None]) -> None:
        _initialise(Compiled("", _module(instrumented, name)), calls, world, work)

    prepared = snapshot.take(parsed, initialise, name)
    _check_size(Module.read(prepared).memories[0].least * PAGE, manifest)
    return prepared


def load(digest: str, read: Callable[[], bytes]) -> Compiled:
    """Machine code of a prepared module: from this machine's cache, or made now.

    Args:
        digest: SHA-256 of the prepared module, in hexadecimal digits.
        read: Gives the prepared module; called only where there is no machine code yet.

    Raises:
        ModuleError: What `read` gives is something else, or not a prepared module.
    """
    found = code.find(digest)
    if found is None:
        content = read()
        if hashlib.sha256(content).hexdigest() != digest:
            raise ModuleError(f"a prepared module is damaged: its hash is not {digest[:12]}...", "Deploy it again")
        if Module.read(content).start is not None:
            raise ModuleError("a module with a start function was not prepared", "Deploy it again")
        made = _module(content, "the prepared module")
        found = code.keep(digest, made) or made
    return Compiled(digest, found)


def compile(module: bytes, manifest: Manifest, files: Mapping[str, bytes] | None = None) -> Compiled:  # noqa: A001
    """`prepare`, then `load`."""
    prepared = prepare(module, manifest, files)
    return load(hashlib.sha256(prepared).hexdigest(), lambda: prepared)


def _initialise(
    compiled: Compiled, calls: tuple[HostFunction, ...], world: World, work: Callable[[Instance], None]
) -> None:
    linked = compiled.link(calls)
    host = Host(world)
    try:
        run(linked.address, host, work, lambda: _refuse_exit(world.name))
        if left := [entry for number, entry in host.descriptors.items() if number > 3]:
            names = ", ".join(getattr(entry, "name", "?") for entry in left)
            raise ModuleError(
                f"init of {world.name} leaves files open, which a snapshot cannot hold: {names}", "Close them"
            )
        if set(range(4)) - host.descriptors.keys():
            raise ModuleError(f"init of {world.name} closes a standard stream", "Leave it open for handle")
    finally:
        linked.close()


def _refuse_exit(name: str) -> None:
    raise ModuleError(f"init of {name} ends the program", "Return from it")


def _check_memory(module: Module, name: str) -> None:
    memory = module.export("memory", "memory")
    if len(module.memories) != 1 or memory is None:
        raise ModuleError(f"{name} has {len(module.memories)} memories, or does not export memory", "One, exported")
    if module.memories[0].flags > 1:
        raise ModuleError(f"{name} has a shared or 64-bit memory", "Build it for wasm32 without threads")


def _check_size(memory: int, manifest: Manifest) -> None:
    if memory > manifest.limits.memory:
        cause = f"{manifest.name} begins with {show_size(memory)} of memory, more than limits.memory"
        raise ManifestError(f"{cause}, {show_size(manifest.limits.memory)}", "Raise limits.memory")


def _no_entry(manifest: Manifest, there: Mapping[str, object]) -> tuple[str, str]:
    cause = f"{manifest.module} exports no function {manifest.entry!r} of type () -> i32 or () -> ()"
    return cause, f"It exports of that type: {', '.join(there) or 'none'}"


def _module(content: bytes, name: str) -> wasmtime.Module:
    from wasmtime import Module as Native
    from wasmtime import WasmtimeError

    try:
        return Native(engine(), content)
    except WasmtimeError as error:
        raise ModuleError(f"{name} is not valid WebAssembly: {_line(error)}", "Build it again") from error


def _valid(content: bytes, name: str) -> bytes:
    _module(content, name).close()
    return bytes(content)


def _function_type(kind: wasmtime.FuncType) -> FunctionType:
    return FunctionType(tuple(map(str, kind.params)), tuple(map(str, kind.results)))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
