"""The page that reads in the browser: what its server offers, and what it needs first."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from distill.delivery.demo import ORT_FILES, SHARED_FILES, exported, open_server, prepared
from distill.delivery.serving import open_routes
from students.errors import CheckpointError, UserError
from students.shipped import SHIPPED


@pytest.fixture
def ort_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ort"
    folder.mkdir()
    for name in ORT_FILES:
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def address(onnx_file: Path, ort_folder: Path) -> Iterator[str]:
    with open_server(onnx_file, ort_folder, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_everything_that_the_page_asks_for_is_there(address: str, onnx_file: Path) -> None:
    def get(path: str) -> tuple[str, bytes]:
        with urllib.request.urlopen(address + path) as answer:
            return answer.headers["Content-Type"], answer.read()

    kind, page = get("")
    assert kind.startswith("text/html")
    modules = [get(name)[1] for name in SHARED_FILES]
    for path in (*SHARED_FILES, *(f"ort/{name}" for name in ORT_FILES)):
        assert any(path.split("/")[-1].encode() in text for text in (page, *modules))
        assert get(path)[1]
    assert get("model.onnx")[1] == onnx_file.read_bytes()
    assert json.loads(get("model.json")[1])["charset"] == {"characters": "0123456789"}
    assert get("ort/ort-wasm-simd-threaded.wasm")[0] == "application/wasm"  # browsers stream nothing else


@pytest.mark.parametrize("path", ["../pyproject.toml", "ort/../reader.js", "demo.py", "%2e%2e/cli.py"])
def test_nothing_else_is_served(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address + path)


def asked(address: str, *headers: str, method: str = "GET") -> str:
    """The first line of the answer to a request with these headers."""
    host, _, port = address.removeprefix("http://").rstrip("/").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join((f"{method} / HTTP/1.1", *headers, "", "")).encode())
        return connection.makefile("rb").readline().decode()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:80", "localhost", "LOCALHOST:1", "[::1]:80", "[fe80::1%eth0]", "192.0.2.7"]
)
def test_who_asks_for_this_machine_is_answered(address: str, host: str) -> None:
    assert " 200 " in asked(address, f"Host: {host}")


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org:80", "localhost.example.org", "", "[::1", "1]"])
def test_a_name_from_elsewhere_that_leads_here_gets_nothing(address: str, host: str) -> None:
    assert " 421 " in asked(address, f"Host: {host}")


def test_without_a_host_nothing_is_served(address: str) -> None:
    assert " 421 " in asked(address)


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("GET", ["Content-Length: 60000000"], 413),
        ("GET", ["Transfer-Encoding: chunked"], 413),
        ("POST", ["Content-Length: 60000000"], 501),
        ("GET", [f"X: {'x' * 70_000}"], 431),
        ("GET", ["X: x"] * 200, 431),
    ],
)
def test_bodies_and_endless_headers_are_refused(address: str, method: str, headers: list[str], code: int) -> None:
    assert f" {code} " in asked(address, "Host: localhost", *headers, method=method)


def test_a_run_without_an_export_says_what_to_do(student_file: Path) -> None:
    with pytest.raises(UserError, match=r"distill export .* --to onnx"):
        exported(str(student_file))


def test_a_shipped_student_has_its_graph_and_needs_no_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert exported("scene") == SHIPPED / "scene.onnx"
    with pytest.raises(UserError, match=r"distill export pages --to onnx, then: distill demo pages-onnx$"):
        exported("pages")
    with pytest.raises(CheckpointError, match=r"gone: no such model file .* no shipped student"):
        exported("gone")
    (tmp_path / "scene").mkdir()  # may be a run of that name, which comes first
    with pytest.raises(UserError, match=r"distill export scene --to onnx$"):
        exported("scene")


def test_a_missing_runtime_says_what_to_do(onnx_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make page"):
        open_server(onnx_file, tmp_path, "127.0.0.1", 0)


def test_all_that_is_missing_is_said_at_once(student_file: Path, onnx_file: Path, tmp_path: Path) -> None:
    onnx_file.unlink()
    with pytest.raises(UserError, match=r"(?s)distill export .* --to onnx.*\n.*make page"):
        prepared(str(student_file), tmp_path)


def test_a_damaged_graph_is_not_served(onnx_file: Path, ort_folder: Path) -> None:
    damaged = bytearray(onnx_file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    onnx_file.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="altered or damaged"):
        open_server(onnx_file, ort_folder, "127.0.0.1", 0)


def test_a_port_in_use_is_named(onnx_file: Path, ort_folder: Path, address: str) -> None:
    port = int(address.rstrip("/").rpartition(":")[2])
    with pytest.raises(UserError, match=f"--port {port}"):
        open_server(onnx_file, ort_folder, "127.0.0.1", port)


@pytest.mark.parametrize("host", ["a..b", "203.0.113.7"])
def test_a_host_that_cannot_be_opened_is_named(host: str) -> None:
    with pytest.raises(UserError, match=f"--port 0: cannot be opened on {host}"):
        open_routes({}, host, 0)
