"""The installed `recall serve`: what it prints, how it ends, and a thousand slow clients."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from retrieval.server.event_loop import HANDSHAKE_SECONDS
from tests.support.program import Program, assert_error
from tests.support.serving import ServedProgram

SEARCH = "/api/libraries/photos/search"


def test_it_prints_an_address_that_opens_the_gallery_and_ends_with_ctrl_c(serve: Callable[..., ServedProgram]) -> None:
    server = serve()
    with httpx.Client(base_url=server.url, trust_env=False) as browser:
        assert browser.get("/").status_code == 401
        assert browser.get("/", params={"token": server.token}).status_code == 303
        assert browser.get("/").status_code == 200
        os.killpg(server.process.pid, signal.SIGINT)
        _, errors = server.process.communicate(timeout=30)
    assert server.process.returncode == 130
    assert errors == "recall: stopped\n"


def test_ctrl_c_ends_it_while_a_request_is_in_progress(serve: Callable[..., ServedProgram]) -> None:
    server = serve()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(
            f"POST {SEARCH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        time.sleep(0.3)
        os.killpg(server.process.pid, signal.SIGINT)
        _, errors = server.process.communicate(timeout=30)
    assert server.process.returncode == 130
    assert errors == "recall: stopped\n"


def test_each_start_has_a_token_of_its_own(serve: Callable[..., ServedProgram]) -> None:
    assert serve().token != serve().token


def test_a_thousand_slow_clients_do_not_stop_a_search(
    recall_program: Program, served_library: Path, tmp_path: Path
) -> None:
    script = tmp_path / "recall-with-few-files"  # fewer open files than there are clients
    script.write_text(f'#!/bin/sh\nulimit -n 512\nexec "{recall_program.path}" "$@"\n')
    script.chmod(0o700)
    process = replace(recall_program, path=script).start("serve", "--listen", "0", "--library", served_library)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_done = threading.Event()
    with ExitStack() as stack:
        stack.callback(process.communicate)
        stack.callback(process.kill)
        server = ServedProgram(process)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with server.client() as client:
            client.post(SEARCH, json={"query": "a cat"}).raise_for_status()  # loads the encoder
        connections = [stack.enter_context(_slow_client(server.port, number)) for number in range(1000)]
        thread = threading.Thread(target=_send_slowly, args=(connections, is_done), daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(is_done.set)
        for _ in range(5):
            with server.client() as client:  # a new connection
                start = time.monotonic()
                assert client.post(SEARCH, json={"query": "a dog"}).status_code == 200
                assert time.monotonic() - start < 5
    assert process.returncode == -signal.SIGKILL  # it ran until then


def _slow_client(port: int, number: int) -> socket.socket:
    """Return a connection that has sent a part of a request's head."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" if number % 2 else b"G")
    return connection


def _send_slowly(connections: list[socket.socket], is_done: threading.Event) -> None:
    """Send a line on each connection now and then."""
    while not is_done.wait(0.5):
        for connection in connections:
            with suppress(OSError):  # it was cut off
                connection.send(b"X: 1\r\n")


def test_other_machines_are_served_with_tls_or_on_request_only(recall_program: Program, served_library: Path) -> None:
    done = recall_program("serve", "--library", served_library, "--listen", "0.0.0.0:0")
    assert_error(done, "0.0.0.0 can be reached by other machines", "--tls-cert", "--insecure")


def test_a_port_that_is_taken_and_an_address_that_is_none_are_named(
    recall_program: Program, served_library: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert_error(recall_program("serve", "--library", served_library, "--listen", port), port, "--listen 0")
    assert_error(recall_program("serve", "--library", served_library, "--listen", "here"), "[HOST:]PORT")


def test_a_library_that_is_not_there_is_named(recall_program: Program, tmp_path: Path) -> None:
    assert_error(recall_program("serve", "--library", tmp_path / "none.recall", "--listen", "0"), "none.recall")


def test_the_library_before_the_command_counts_more_than_the_variable(recall_program: Program, tmp_path: Path) -> None:
    named = tmp_path / "named.recall"
    done = recall_program("--library", named, "serve", env={"RECALL_LIBRARY": str(tmp_path / "variable.recall")})
    assert (done.returncode, str(named) in done.stderr) == (2, True), done.stderr


def test_with_a_certificate_it_serves_https_and_a_cookie_for_https_only(
    recall_program: Program, served_library: Path, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing, which makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    assert_error(recall_program("serve", "--library", served_library, "--tls-cert", key, "--tls-key", key), "key.pem")
    options = ("--listen", "0", "--library", served_library, "--tls-cert", certificate, "--tls-key", key)
    process = recall_program.start("serve", *options)
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        assert url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(verify=trusted, trust_env=False) as browser:
            cookie = browser.get(url).headers["set-cookie"]
            assert "Secure" in cookie.split("; ")
            assert browser.get(url.partition("?")[0]).status_code == 200
        port = int(url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=HANDSHAKE_SECONDS + 10) as silent:
            assert silent.recv(1) == b""  # a silent client of HTTPS is cut off
    finally:
        process.kill()
        process.communicate()
