"""Fixtures for the server: a library of real photos and a text, served through real sockets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.program import Program
from tests.support.serving import Running, ServedProgram, running_server
from tests.support.six_photos import six_photos


@pytest.fixture(scope="session")
def served_album(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Path:
    """Return a folder of six photos and a text, to be read only, and make a library of it beside it."""
    return six_photos(tmp_path_factory.mktemp("server") / "album", skimage_photos)


@pytest.fixture
def served_library(served_album: Path, tmp_path: Path) -> Path:
    """Return a copy of the album's library."""
    return Path(shutil.copytree(served_album.parent / "photos.recall", tmp_path / "photos.recall"))


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Return a function that starts servers, which end with the test; see `running_server`."""
    with running_server() as start:
        yield start


@pytest.fixture(scope="module")
def shared_server(served_album: Path) -> Iterator[Running]:
    """Return a server on the album's library that the tests of a module share and do not change."""
    with running_server() as start:
        yield start(served_album.parent / "photos.recall", read_only=True)


@pytest.fixture
def client(shared_server: Running) -> Iterator[httpx.Client]:
    """Return a client of the shared server that sends its token."""
    with shared_server.client() as client:
        yield client


@pytest.fixture
def serve(recall_program: Program, served_library: Path) -> Iterator[Callable[..., ServedProgram]]:
    """Return a function that starts the program on a copy of the album's library."""
    with ExitStack() as stack:

        def start(*options: str) -> ServedProgram:
            process = recall_program.start("serve", "--listen", "0", "--library", served_library, *options)
            stack.callback(_end, process)
            return ServedProgram(process)

        yield start


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
