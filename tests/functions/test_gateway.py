"""The gateway as its users see it: real clients against real processes."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.functions.gateway_stage import Server, put, serving

from littoral.errors import LittoralError
from littoral.functions.application import METRICS, scope_of
from littoral.functions.gateway import LOGS, TOKENS, serve, settings
from littoral.functions.journal import Journal
from littoral.functions.store import Store
from littoral.http.limits import Limits
from littoral.http.tokens import Tokens


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    for name, lines in {
        "echo": "",
        "refuse": "",
        "odd": "",
        "loop": "[limits]\ntime = 0.05",
        "trap": 'route = "pitfall"',
        "hog": "",
    }.items():
        put(store, name, tmp_path_factory.mktemp(name), lines)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(settings(folder, 2, limits=Limits(body=3_000_000))) as server:
        yield server


@pytest.fixture(scope="module")
def tokens(folder: Path) -> Tokens:
    return Tokens(folder / TOKENS)


@pytest.fixture
def call(server: Server, tokens: Tokens) -> Iterator[httpx.Client]:
    """A client that may call the function echo."""
    with server.client(tokens.make(scope_of("echo"))[0]) as client:
        yield client


def test_bytes_go_in_and_come_out(call: httpx.Client) -> None:
    answer = call.post("/functions/echo", content=b"hello")
    assert (answer.status_code, answer.content) == (200, b"hello")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-function-version"] == "1"
    assert {part.split(";")[0] for part in answer.headers["server-timing"].split(", ")} >= {
        "queue",
        "instance",
        "total",
    }


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 150_528, 2_000_000])
def test_bodies_of_all_sizes(call: httpx.Client, size: int) -> None:
    body = os.urandom(size)
    answer = call.post("/functions/echo", content=body)
    if size > 1 << 20:  # the function may answer 1 MiB
        assert answer.status_code == 500
    else:
        assert answer.content == body


def test_json_and_chunks(call: httpx.Client) -> None:
    answer = call.post("/functions/echo", json={"a": [1, 2]})
    assert answer.json() == {"a": [1, 2]}
    assert answer.headers["content-type"] == "application/json"
    pieces = (piece for piece in (b"one ", b"two"))
    assert call.post("/functions/echo", content=pieces).content == b"one two"
    assert call.post("/functions/echo", content=b"\xff\xfe").headers["content-type"] == "application/octet-stream"


def test_versions_by_number(call: httpx.Client, folder: Path, tmp_path: Path) -> None:
    put(Store(folder), "echo", tmp_path, code="(call $say (i32.const 1) (i32.const 16) (i32.const 4)) (i32.const 0)")
    try:
        assert call.post("/functions/echo", content=b"x").content == b"lost"  # at once
        assert call.post("/functions/echo/1", content=b"x").content == b"x"
        assert call.post("/functions/echo/2", content=b"x").content == b"lost"
        assert call.post("/functions/echo/9", content=b"x").status_code == 404
    finally:
        Store(folder).rollback("echo")
    assert call.post("/functions/echo", content=b"x").content == b"x"


def test_nobody_gets_in_without_the_right_key(server: Server, tokens: Tokens, folder: Path) -> None:
    with server.client() as client:
        nothing = client.post("/functions/echo", content=b"x")
        assert nothing.status_code == 401
        assert nothing.headers["www-authenticate"] == "Bearer"
        assert nothing.json()["remedy"] == "Send the header Authorization: Bearer TOKEN"
        assert client.post("/functions/not-there").status_code == 401  # nor learns what there is
        assert client.get("/metrics").status_code == 401
        text, made = tokens.make(scope_of("loop"))
        headers = {"authorization": f"Bearer {text}"}
        assert client.post("/functions/echo", headers=headers).status_code == 403
        assert client.get("/metrics", headers=headers).status_code == 403
        assert client.post("/functions/loop", headers=headers).status_code == 504
        tokens.revoke(made.id)
        assert client.post("/functions/loop", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/functions/not-there", 404),
        ("POST", "/functions/echo/9", 404),
        ("POST", "/functions/echo/0", 404),
        ("POST", "/functions/echo/x", 404),
        ("POST", "/functions/../echo", 404),
        ("POST", "/functions/%2e%2e%2fecho", 404),
        ("POST", "/functions/trap", 404),  # its route is another
        ("GET", "/", 404),
        ("GET", "/functions/echo", 405),
        ("DELETE", "/functions/echo", 405),
        ("POST", "/health/live", 405),
    ],
)
def test_what_is_not_there(call: httpx.Client, method: str, path: str, status: int) -> None:
    answer = call.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "remedy"}


def test_a_guest_that_fails_says_little_to_callers_and_all_to_its_owner(
    server: Server, tokens: Tokens, folder: Path
) -> None:
    with server.client(tokens.make(scope_of("trap"))[0]) as client:
        answer = client.post("/functions/pitfall", headers={"x-request-id": "my-id.7"})
    assert answer.status_code == 500
    assert answer.json() == {
        "error": "the function failed",
        "remedy": "Its owner finds the reason in its log, under my-id.7",
    }
    assert answer.headers["x-request-id"] == "my-id.7"
    [entry] = Journal(folder / LOGS).read("trap", 1)
    assert (entry["id"], entry["event"], entry["version"]) == ("my-id.7", "trap", 1)
    assert "stopped itself" in entry["error"]
    assert entry["log"].startswith("lost my way")


@pytest.mark.parametrize(("name", "status"), [("refuse", 422), ("odd", 500), ("hog", 500), ("loop", 504)])
def test_how_functions_end(server: Server, tokens: Tokens, name: str, status: int) -> None:
    with server.client(tokens.make(scope_of(name))[0]) as client:
        answer = client.post(f"/functions/{name}", content=b"why")
    assert answer.status_code == status
    if name in ("refuse", "odd"):
        assert answer.content == b"why"


def test_bodies_that_are_too_large_are_refused_before_they_come(server: Server, call: httpx.Client) -> None:
    answer = call.post("/functions/echo", content=b"x" * 3_000_001)
    assert answer.status_code == 413
    assert answer.json()["remedy"] == "Accepted: 3000000 bytes"


def test_quotas_hold_over_all_workers(server: Server, tokens: Tokens) -> None:
    text, _ = tokens.make(scope_of("echo"), rate=0.01, burst=5)
    answers = []
    for _ in range(8):
        with server.client(text) as client:  # a connection each: workers take turns
            answers.append(client.post("/functions/echo", content=b"x"))
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert answers[-1].headers["retry-after"] == "60"
    assert answers[-1].json()["error"] == "the token allows 0.01 requests a second"


def test_health_needs_no_token(server: Server) -> None:
    with server.client() as client:
        assert client.get("/health/live").json() == {"status": "ok"}
        assert client.get("/health/ready").status_code == 200
        assert client.head("/health/ready").content == b""


def test_metrics_are_those_of_all_workers(server: Server, tokens: Tokens, tmp_path: Path, folder: Path) -> None:
    put(Store(folder), "odd", tmp_path, 'route = "counted"\n')
    with server.client(tokens.make(METRICS)[0]) as watcher:

        def metric(name: str, **labels: str) -> float:
            families = text_string_to_metric_families(watcher.get("/metrics").text)
            found = [s for family in families for s in family.samples if s.name == name]
            return sum(s.value for s in found if labels.items() <= s.labels.items())

        before = metric("littoral_function_requests_total", function="odd")
        for _ in range(6):
            with server.client(tokens.make(scope_of("odd"))[0]) as client:
                client.post("/functions/counted", content=b"x")
        assert metric("littoral_function_requests_total", function="odd", outcome="error") == before + 6
        assert 1 <= metric("littoral_function_starts_total", function="odd", start="cold") <= 4
        assert metric("littoral_function_starts_total", function="odd") == before + 6
        assert metric("littoral_function_seconds_count", function="odd") == before + 6
        assert metric("littoral_function_memory_bytes", function="odd") == 40 << 16
        assert metric("littoral_function_cpu_seconds_total", function="odd") > 0
        assert metric("littoral_function_instance_seconds_total", function="odd") > 0
        refused = metric("littoral_gateway_refused_total", status="404")
        watcher.get("/nothing")
        assert metric("littoral_gateway_refused_total", status="404") == refused + 1
        assert metric("littoral_gateway_connections") >= 1


def test_tls_from_files(folder: Path, tmp_path: Path) -> None:
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    wanted = settings(
        folder, 1, open=True, certificate=str(tmp_path / "certificate.pem"), key=str(tmp_path / "key.pem")
    )
    with serving(wanted) as server:
        trust = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        assert server.url.startswith("https://")
        with server.client(verify=trust) as client:
            assert client.post("/functions/echo", content=b"x" * 200_000).content == b"x" * 200_000
            assert client.post("/functions/echo", content=b"again").content == b"again"
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP")


def test_what_cannot_be_served_is_said_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(LittoralError, match=r"no\.pem: no TLS certificate"):
        serve(settings(folder, certificate=str(tmp_path / "no.pem")))
    said = pytest.raises(LittoralError, match=r"cannot listen at 127\.0\.0\.1:")
    with socket.create_server(("127.0.0.1", 0)) as taken, said:
        serve(settings(folder), port=taken.getsockname()[1])
    with pytest.raises(LittoralError, match="cannot listen at not an address"):
        serve(settings(folder), host="not an address")


def test_workers_that_cannot_start_end_the_server(folder: Path) -> None:
    with serving(settings(folder, 1, open=True, modules=("not_a_module_of_anybody",))) as server:
        assert server.finish() != 0
    assert any("ModuleNotFoundError" in line.get("text", "") for line in server.log)


def test_requests_that_are_under_way_end_before_the_server(folder: Path, tmp_path: Path) -> None:
    put(Store(folder), "loop", tmp_path, "[limits]\ntime = 1.0")
    with serving(settings(folder, 2, open=True)) as server, server.client() as client:
        client.post("/functions/echo", content=b"x")
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(lambda: httpx.post(f"{server.url}/functions/loop", timeout=30))
            while not any(line["event"] == "request" for line in server.log):
                time.sleep(0.01)
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            assert slow.result().status_code == 504
        assert server.finish() == 0
        with pytest.raises(httpx.ConnectError):
            httpx.post(f"{server.url}/functions/echo")
    put(Store(folder), "loop", tmp_path, "[limits]\ntime = 0.05")


def test_the_log_has_a_line_a_request(folder: Path) -> None:
    with serving(settings(folder, 1, open=True)) as server:
        with server.client() as client:
            client.post("/functions/echo", content=b"hello", headers={"x-request-id": "one"})
            client.get("/nothing", headers={"x-request-id": "not an id of ours"})
        server.process.terminate()
        server.finish()
    first, second = server.events("request")
    assert (first["id"], first["function"], first["status"], first["bytes"]) == ("one", "echo", 200, 5)
    assert {
        "time",
        "level",
        "worker",
        "seconds",
        "queue",
        "load",
        "instance",
        "inference",
        "total",
        "cpu",
    } <= first.keys()
    assert (second["status"], second["path"], second["outcome"]) == (404, "/nothing", "refused")
    assert second["id"] != "not an id of ours"


def test_settings_travel() -> None:
    wanted = dataclasses.replace(settings(Path("/x"), 3), modules=("a", "b"), open=True)
    assert type(wanted).from_json(wanted.to_json()) == wanted
    assert json.loads(wanted.to_json())["care"]["workers"] == 3


def test_from_the_command_line(tmp_path: Path) -> None:
    home = {**os.environ, "LITTORAL_HOME": str(tmp_path)}
    put(Store(tmp_path / "functions"), "echo", tmp_path / "echo")

    def littoral(*words: str) -> str:
        command = [sys.executable, "-c", "from littoral.cli import main; main()", "function", *words]
        return subprocess.run(command, env=home, check=True, capture_output=True, text=True).stdout

    token = littoral("token", "echo", "--rate", "100").strip()
    [listed] = json.loads(littoral("tokens", "--json"))
    assert (listed["scope"], listed["rate"]) == ("function:echo", 100.0)
    assert token.split("_")[1] == listed["id"]
    command = [
        sys.executable,
        "-c",
        "from littoral.cli import main; main()",
        "function",
        "serve",
        "--port",
        "0",
        "--workers",
        "1",
    ]
    with subprocess.Popen(command, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        headers = {"authorization": f"Bearer {token}"}
        assert httpx.post(f"{url}/functions/echo", content=b"x", headers=headers, timeout=30).content == b"x"
        littoral("revoke", listed["id"])
        assert httpx.post(f"{url}/functions/echo", content=b"x", headers=headers).status_code == 401
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    littoral("token", "echo")
    littoral("remove", "echo")
    assert json.loads(littoral("tokens", "--json")) == []
