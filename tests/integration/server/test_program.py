"""The installed `recall serve`: what it prints, how it ends, and a thousand slow clients."""

from __future__ import annotations

import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx

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


def test_a_thousand_slow_clients_do_not_stop_a_search(serve: Callable[..., ServedProgram]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))  # the server's: fewer than there are clients
    server = serve()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    is_done = threading.Event()
    with ExitStack() as stack, server.client() as client:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        stack.callback(is_done.set)
        client.post(SEARCH, json={"query": "a cat"}).raise_for_status()  # loads the encoder
        connections = []
        for number in range(1000):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" if number % 2 else b"G")
            connections.append(connection)

        def send_slowly() -> None:
            while not is_done.wait(0.5):
                for connection in connections:
                    try:
                        connection.send(b"X: 1\r\n")
                    except OSError:
                        continue  # it was cut off

        thread = threading.Thread(target=send_slowly, daemon=True)
        thread.start()
        for _ in range(5):
            with server.client() as other:  # a new connection
                start = time.monotonic()
                assert other.post(SEARCH, json={"query": "a dog"}).status_code == 200
                assert time.monotonic() - start < 5
        is_done.set()
        thread.join()
    assert server.process.poll() is None


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
