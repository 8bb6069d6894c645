"""Who may ask: bearer tokens, of which only hashes are kept.

A token is `lt_ID_SECRET`. The secret has 256 random bits, so that a plain SHA-256 cannot be searched; the identifier
finds the entry, and is what logs and lists show.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from littoral.errors import LittoralError
from littoral.http.answers import Problem
from littoral.http.quota import MOST_TOKENS

_TOKEN = re.compile(r"lt_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_FORMAT = 1


class TokenError(LittoralError):
    """A token cannot be made, found or read."""


@dataclass(frozen=True)
class Token:
    """What is known of a token.

    Attributes:
        id: Names it.
        number: Its own among all tokens that there are.
        scope: What it opens.
        sha256: Of the whole token, in hexadecimal.
        made: When, in UTC: ISO 8601.
        rate: Requests a second; None for any number.
        burst: Requests that may come at once.
    """

    id: str
    number: int
    scope: str
    sha256: str
    made: str
    rate: float | None = None
    burst: float = 1.0


class Tokens:
    """The tokens in a file, which several processes may read and change. Only its owner can read it.

    Args:
        file: Made with the first token.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._path = str(file)
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Token] = {}

    def make(self, scope: str, rate: float | None = None, burst: float | None = None) -> tuple[str, Token]:
        """Makes a token. It is shown once: only its hash is kept.

        Args:
            scope: What it opens.
            rate: Requests a second; None for any number.
            burst: Requests that may come at once; those of a second when not given, and at least one.

        Raises:
            TokenError: The rate or the burst is none, or there are as many tokens as there may be.
        """
        if rate is not None and not 0 < rate < 1e6:
            raise TokenError(f"a rate of {rate:g} requests a second", "Accepted: more than 0, less than a million")
        if burst is not None and not 1 <= burst < 1e6:
            raise TokenError(f"a burst of {burst:g} requests", "Accepted: from 1 to a million")
        identifier = secrets.token_hex(6)
        text = f"lt_{identifier}_{secrets.token_urlsafe(32)}"
        made = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        with self._changing() as known:
            taken = {token.number for token in known.values()}
            number = next((free for free in range(MOST_TOKENS) if free not in taken), None)
            if number is None:
                raise TokenError(f"there are {MOST_TOKENS} tokens", "Revoke those that nobody uses")
            burst = max(1.0, rate or 1.0) if burst is None else burst
            known[identifier] = Token(identifier, number, scope, _hash(text), made, rate, burst)
        return text, known[identifier]

    def list(self, scope: str | None = None) -> list[Token]:
        """All tokens, or those of a scope; the oldest first."""
        return sorted((t for t in self._read().values() if scope in (None, t.scope)), key=lambda token: token.made)

    def revoke(self, identifier: str) -> Token:
        """Forgets a token: nobody gets in with it any more.

        Raises:
            TokenError: There is none of that identifier.
        """
        with self._changing() as known:
            if identifier not in known:
                raise TokenError(f"there is no token {identifier!r}", "littoral function tokens lists them")
            return known.pop(identifier)

    def check(self, authorization: str) -> Token:
        """Who asks, by the header `Authorization` of a request.

        Raises:
            Problem: 401: it is not there, or no token of ours.
        """
        kind, _, text = authorization.partition(" ")
        match = _TOKEN.fullmatch(text.strip()) if kind.lower() == "bearer" else None
        token = self._current().get(match[1]) if match else None
        # The same work where there is no such token, so that time does not tell.
        right = hmac.compare_digest(_hash(text.strip()), token.sha256 if token else "0" * 64)
        if token is None or not right:
            cause = "the token is not valid" if authorization else "this needs a token"
            remedy = "Send the header Authorization: Bearer TOKEN"
            raise Problem(401, cause, remedy, {"www-authenticate": "Bearer"})
        return token

    def _current(self) -> dict[str, Token]:
        """The tokens, read again when the file has changed."""
        try:
            state = os.stat(self._path)  # noqa: PTH116 - for each request: a fifth of what Path takes
        except FileNotFoundError:
            self._stamp, self._known = None, {}
            return self._known
        stamp = state.st_ino, state.st_mtime_ns
        if stamp != self._stamp:
            self._known, self._stamp = self._read(), stamp
        return self._known

    def _read(self) -> dict[str, Token]:
        try:
            content = json.loads(self._file.read_bytes())
            if content["format"] != _FORMAT:
                raise TokenError(f"{self._file} was written by a newer littoral", "Update littoral")
            return {entry["id"]: Token(**entry) for entry in content["tokens"]}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError) as error:
            raise TokenError(f"{self._file} is damaged: {error}", "Remove it and make tokens anew") from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            yield known
            content = {"format": _FORMAT, "tokens": [asdict(token) for token in known.values()]}
            self._write(json.dumps(content, indent=1).encode())

    def _write(self, content: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix=".new-")  # of mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
