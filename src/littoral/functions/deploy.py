"""From a folder with a manifest to a version that answers: every step is done before anybody sees it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from littoral.functions import compiled, manifest
from littoral.functions.described import describe, path_of
from littoral.functions.errors import DeployError, FunctionError
from littoral.functions.function import Function
from littoral.functions.manifest import Manifest, SelfTest
from littoral.functions.store import Store, Version
from littoral.runtime import Model, load

MANIFEST = "function.toml"
"""The file of the manifest in a function's folder."""

Told = Callable[[str], None]
"""Hears of each step."""


def deploy(
    store: Store, folder: str | os.PathLike[str], models: Mapping[str, Path] | None = None, told: Told = lambda _: None
) -> Version:
    """Deploys a function: checks, initialises, tests and stores it, and only then has it answer.

    Args:
        store: Where.
        folder: With its manifest, module and files.
        models: Model files by the manifest's names, in place of those that it names.
        told: Hears of each step.

    Raises:
        ManifestError: The manifest is malformed, or names what is not there.
        ModuleError: The module is not WebAssembly that we accept.
        DeployError: A model is not given, or a self-test fails.
        LittoralError: A model cannot be loaded, or the store not be written. The old version answers in all cases.
    """
    folder = Path(folder)
    wanted = manifest.read(folder / MANIFEST)
    paths = _model_files(wanted, folder, models or {})
    files = wanted.read_files(folder)
    with ExitStack() as stack:
        stack.enter_context(store.writing())
        loaded: dict[str, Model] = {}
        for name, path in paths.items():
            told(f"loading {path.name}")
            use = wanted.models[name]
            loaded[name] = stack.enter_context(load(path, use.device, use.threads))
            files[path_of(name)] = describe(loaded[name].inputs, loaded[name].outputs, loaded[name].contract)
        told("compiling and initialising")
        source = manifest.read_beside(folder, wanted.module)
        prepared = _prepare(source, wanted, files)
        module = store.objects.put(prepared)
        code = compiled.load(module, lambda: prepared)
        with Function(code, wanted, loaded, files) as function:
            for number, test in enumerate(wanted.self_test, 1):
                told(f"self-test {number} of {len(wanted.self_test)}")
                _check(function, test, number, folder)
        told("storing")
        fresh = Version(
            number=0,
            deployed=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            route=wanted.route,
            manifest=store.objects.put((folder / MANIFEST).read_bytes()),
            source=store.objects.put(source),
            module=module,
            models={name: store.objects.put(path) for name, path in paths.items()},
            files={path: store.objects.put(content) for path, content in files.items()},
        )
        return store.commit(wanted.name, fresh)


def _model_files(wanted: Manifest, folder: Path, given: Mapping[str, Path]) -> dict[str, Path]:
    if unknown := sorted(given.keys() - wanted.models.keys()):
        there = ", ".join(wanted.models) or "none"
        raise DeployError(f"{wanted.name} has no model {unknown[0]!r}", f"Models of its manifest: {there}")
    found: dict[str, Path] = {}
    for name, use in wanted.models.items():
        if name in given:
            found[name] = given[name]
        elif use.file:
            found[name] = folder / use.file
        else:
            raise DeployError(f"{wanted.name} needs the model {name!r}", f"Give it: --model {name}=FILE.tflite")
    return found


def _prepare(source: bytes, wanted: Manifest, files: Mapping[str, bytes]) -> bytes:
    try:
        return compiled.prepare(source, wanted, files)
    except FunctionError as error:
        raise DeployError(_told(f"the initialisation of {wanted.name} failed: {error.cause}", error.log)) from error


def _told(cause: str, log: str) -> str:
    """A cause, and what the guest said last."""
    guests = log.partition("littoral: error while executing")[0]  # what follows is the trap's place
    last = next((line.strip() for line in reversed(guests.splitlines()) if line.strip()), "")
    return f"{cause}; its last words: {last[:200]}" if last else cause


def _check(function: Function, test: SelfTest, number: int, folder: Path) -> None:
    body = manifest.read_beside(folder, test.body) if test.body else b""
    name = f"self-test {number} of {function.manifest.name}"
    try:
        answer = function.invoke(body)
    except FunctionError as error:
        raise DeployError(_told(f"{name} failed: {error.cause}", error.log), error.remedy) from error
    said = answer.body.decode(errors="replace")
    if answer.status != test.status:
        raise DeployError(f"{name} gave status {answer.status}, not {test.status}: {said[:200] or answer.log[:200]}")
    if test.contains not in said:
        raise DeployError(f"{name} was answered without {test.contains!r}: {said[:200]}")
