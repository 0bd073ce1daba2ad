"""The service under what clients send: pictures, other things, too much, too slowly, nothing at all."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import students
from students.charset import Charset
from students.reader import Reader
from students.serving.__main__ import main
from students.serving.server import listening
from tests.samples import SHIPPED_NAMES, png_bytes, write_talkative
from tests.serving import PATIENCE_S, PNG, Served, serving, until


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    path = tmp_path_factory.mktemp("student") / "model.safetensors"
    return students.load(write_talkative(path, Charset(characters="abcdefghij 0123456789")))


@pytest.fixture(scope="module")
def served(reader: Reader) -> Iterator[Served]:
    with serving(reader, max_bytes=50_000, max_pixels=10_000, body_s=PATIENCE_S) as served:
        yield served


class Gated:
    """A reader whose network waits until it is let go."""

    def __init__(self, reader: Reader) -> None:
        self.let_go = threading.Event()
        self.reading = threading.Semaphore(0)

        def gated(images_NCHW: np.ndarray) -> np.ndarray:
            self.reading.release()
            assert self.let_go.wait(PATIENCE_S)
            return reader.logits_of(images_NCHW)

        self.reader = Reader(reader.description, reader.path, gated)


def test_a_picture_is_answered_with_what_the_reader_reads(served: Served, reader: Reader) -> None:
    picture = png_bytes(32, 200)
    expected = reader.read(picture)
    plain, whole = served.read(picture), served.ask("POST", "/read?characters=true", picture)
    assert (plain.status, whole.status) == (200, 200)
    assert plain.json == {"text": expected.text, "confidence": expected.confidence, "review": False}
    assert [each["text"] for each in whole.json["characters"]] == [each.text for each in expected.characters]
    health = served.ask("GET", "/health")
    assert (health.status, health.json["status"], health.json["version"]) == (200, "ok", students.__version__)
    assert served.figure('students_requests_total{code="200"}') >= 2
    assert served.figure("students_line_seconds_count") == served.figure('students_line_seconds_bucket{le="+Inf"}') >= 2


def gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (64, 32)).save(buffer, "GIF")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b'{"picture": "line.png"}', {"Content-Type": "application/json"}, 415, "application/json is not read; send"),
        (gif(), {"Content-Type": "image/gif"}, 415, "image/gif is not read"),
        (gif(), PNG, 422, "not a readable image"),
        (png_bytes()[:-40], PNG, 422, "the image is damaged"),
        (png_bytes(40, 400), PNG, 422, "400 x 40 px; at most 10,000 pixels"),
        (b"", PNG, 400, "the body is empty"),
        (bytes(60_000), PNG, 413, "60,000 bytes; at most 50,000 are read"),
        (iter([bytes(20_000)] * 4), PNG, 413, "more bytes; at most 50,000"),  # of a length that is not told
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(
    served: Served, body: Any, headers: dict[str, str], status: int, words: str
) -> None:
    answer = served.ask("POST", "/read", body, headers)
    assert answer.status == status
    assert words in answer.json["detail"]
    assert served.figure("students_held_bytes") == 0


def test_sixty_megabytes_are_refused_before_they_are_sent(served: Served) -> None:
    with served.opened(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n\r\n") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
        for _ in range(60):  # who sends them all the same is listened to, and nothing is kept
            connection.sendall(bytes(100_000))
    assert served.figure("students_held_bytes") == 0


def test_too_many_pictures_at_a_time_are_answered_with_503_and_none_is_lost(reader: Reader) -> None:
    gate = Gated(reader)
    pictures = [png_bytes(32, 96, seed) for seed in range(4)]
    with serving(gate.reader, max_waiting=3, max_batch=8) as served, ThreadPoolExecutor(4) as clients:
        answers = [clients.submit(served.read, pictures[0])]
        assert gate.reading.acquire(timeout=PATIENCE_S)
        answers += [clients.submit(served.read, picture) for picture in pictures[1:]]
        until(lambda: served.figure("students_waiting") == 3)
        refused = served.read(pictures[0])
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert "too many pictures wait" in refused.json["detail"]
        assert served.ask("GET", "/health").status == 200  # it is busy, and well
        gate.let_go.set()
        assert [each.result().json["text"] for each in answers] == [r.text for r in reader.read(pictures)]
        assert (served.figure("students_lines_total"), served.figure("students_batches_total")) == (4, 2)


def test_a_stop_answers_what_was_begun(reader: Reader) -> None:
    gate = Gated(reader)
    with ThreadPoolExecutor(1) as clients:
        with serving(gate.reader) as served:
            answer = clients.submit(served.read, png_bytes())
            assert gate.reading.acquire(timeout=PATIENCE_S)
            served.server.should_exit = True
            gate.let_go.set()
        assert answer.result().status == 200
        with pytest.raises(ConnectionRefusedError):
            served.read(png_bytes())


def test_a_defect_costs_its_batch_and_nothing_else(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    broken = [True]

    def logits_of(images_NCHW: np.ndarray) -> np.ndarray:
        if broken.pop() if broken else False:
            raise RuntimeError("a defect")
        return reader.logits_of(images_NCHW)

    with serving(Reader(reader.description, reader.path, logits_of)) as served:
        assert served.read(png_bytes()).status == 500
        assert served.read(png_bytes()).status == 200
        assert served.figure('students_requests_total{code="500"}') == 1
    assert "pictures read as one batch, and failed: 1" in caplog.text


def test_silent_connections_keep_nobody_out(reader: Reader) -> None:
    with serving(reader, max_connections=8) as served:
        silent = [served.opened() for _ in range(100)]
        assert served.read(png_bytes()).status == 200
        assert served.figure("students_connections") <= 8
        assert served.figure('students_connections_closed_total{reason="made room"}') >= 92
        for each in silent:
            each.close()


def test_connections_that_all_say_something_leave_no_place(reader: Reader) -> None:
    gate = Gated(reader)
    with serving(gate.reader, max_connections=2) as served, ThreadPoolExecutor(2) as clients:
        answers = [clients.submit(served.read, png_bytes()) for _ in range(2)]
        until(lambda: len(served.server.server_state.tasks) == 2)
        with served.opened() as third:
            assert third.recv(4096).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        gate.let_go.set()
        assert [each.result().status for each in answers] == [200, 200]


@pytest.mark.parametrize(
    ("sent", "limit", "words"),
    [
        (b"", "head_s", b"the headers did not come within 0.1 s"),
        (b"POST /read HT", "head_s", b"the headers did not come within 0.1 s"),
        (b"POST /read HTTP/1.1\r\nContent-Length: 9\r\n\r\nsome", "body_s", b"the picture did not come within 0.1 s"),
    ],
)
def test_a_slow_client_is_told_so(reader: Reader, sent: bytes, limit: str, words: bytes) -> None:
    with serving(reader, **{limit: 0.1}) as served, served.opened(sent) as connection:
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert words in answer


def test_who_asks_on_and_on_without_listening_is_cut_off(reader: Reader) -> None:
    gate = Gated(reader)
    with serving(gate.reader, max_ahead=2) as served, ThreadPoolExecutor(1) as clients:
        answer = clients.submit(served.read, png_bytes())
        assert gate.reading.acquire(timeout=PATIENCE_S)
        few = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnone"
        with served.opened(few, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 50) as connection:
            assert not connection.recv(4096)  # it is closed, and none of the fifty was begun
        assert served.figure('students_connections_closed_total{reason="too far ahead"}') == 1
        gate.let_go.set()
        assert answer.result().status == 200
        with served.opened(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 3) as connection:
            answers = b""
            while answers.count(b"HTTP/1.1 200 ") < 3:  # what fits is answered, in order
                answers += connection.recv(4096) or pytest.fail("closed too early")


def test_what_is_no_http_is_told_so(served: Served) -> None:
    with served.opened(b"\x16\x03\x01 hello\r\n\r\n") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert served.figure('students_connections_closed_total{reason="no HTTP"}') == 1


def test_headers_without_end_are_refused(served: Served) -> None:
    with served.opened(b"GET /health HTTP/1.1\r\nX: " + b"a" * 20_000) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["receipts", "--max-waiting", "0"], "--max-waiting 0: input should be greater than or equal to 1"),
        (["nothing"], f"no shipped student; there are {SHIPPED_NAMES}"),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_port_in_use_is_named(student_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listening("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        assert main([str(student_file), "--port", port]) == 2
    assert f"--port {port}: cannot be opened" in capsys.readouterr().err
