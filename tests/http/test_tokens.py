"""Tokens: made once, kept as hashes, refused when they are anything else."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from littoral.http.answers import Problem
from littoral.http.tokens import TokenError, Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


def test_a_token_opens_what_it_was_made_for(tokens: Tokens, tmp_path: Path) -> None:
    text, made = tokens.make("function:a", rate=2.0)
    assert tokens.check(f"Bearer {text}") == made
    assert Tokens(tmp_path / "tokens.json").check(f"bearer  {text}") == made
    assert (made.scope, made.rate, made.burst) == ("function:a", 2.0, 2.0)


def test_the_secret_is_kept_nowhere(tokens: Tokens, tmp_path: Path) -> None:
    text, made = tokens.make("x")
    file = tmp_path / "tokens.json"
    assert text.rpartition("_")[2] not in file.read_text()
    assert made.sha256 in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "wrong",
    ["", "Bearer", "Bearer x", "Basic {}", "{}", "Bearer {}x", "Bearer lt_000000000000_" + "a" * 43, "Bearer é"],
)
def test_nobody_gets_in_with_anything_else(tokens: Tokens, wrong: str) -> None:
    text, _ = tokens.make("x")
    with pytest.raises(Problem) as caught:
        tokens.check(wrong.format(text))
    assert caught.value.status == 401
    assert caught.value.headers == {"www-authenticate": "Bearer"}


def test_a_secret_does_not_fit_another_identifier(tokens: Tokens) -> None:
    (one, _), (two, _) = tokens.make("x"), tokens.make("x")
    mixed = "_".join([*one.split("_")[:2], *two.split("_", 2)[2:]])
    with pytest.raises(Problem, match="not valid"):
        tokens.check(f"Bearer {mixed}")


def test_what_is_revoked_is_shut_at_once(tokens: Tokens, tmp_path: Path) -> None:
    text, made = tokens.make("x")
    tokens.check(f"Bearer {text}")
    assert Tokens(tmp_path / "tokens.json").revoke(made.id) == made
    with pytest.raises(Problem):
        tokens.check(f"Bearer {text}")
    with pytest.raises(TokenError, match="no token"):
        tokens.revoke(made.id)


def test_numbers_are_used_again(tokens: Tokens) -> None:
    made = [tokens.make("x")[1] for _ in range(3)]
    tokens.revoke(made[1].id)
    assert [token.number for token in made] == [0, 1, 2]
    assert tokens.make("x")[1].number == 1


def test_lists_by_scope(tokens: Tokens) -> None:
    tokens.make("a")
    tokens.make("b")
    assert [token.scope for token in tokens.list()] == ["a", "b"]
    assert [token.scope for token in tokens.list("b")] == ["b"]


@pytest.mark.parametrize(("rate", "burst"), [(0.0, None), (-1.0, None), (1e9, None), (float("nan"), None), (1.0, 0.5)])
def test_a_quota_that_is_none(tokens: Tokens, rate: float, burst: float | None) -> None:
    with pytest.raises(TokenError, match="Accepted"):
        tokens.make("x", rate, burst)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 1, "tokens": [{"id": "x"}]}'])
def test_a_damaged_file_is_said(tokens: Tokens, tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.json").write_text(content)
    with pytest.raises(TokenError, match="damaged"):
        tokens.list()


def test_a_newer_file_is_said(tokens: Tokens, tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text('{"format": 2, "tokens": []}')
    with pytest.raises(TokenError, match="newer littoral"):
        tokens.list()


def test_many_may_make_tokens_at_once(tokens: Tokens) -> None:
    threads = [threading.Thread(target=lambda: [tokens.make("x") for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(token.number for token in tokens.list()) == list(range(20))
