"""Fixtures for every test: real photos, the installed program, and no network."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import tests.support.offline.sitecustomize  # noqa: F401 - cuts this process off the network
from tests.support.program import Program, program_env

if TYPE_CHECKING:
    from tests.support.postgresql import PostgresServer
    from tests.support.s3 import S3Server
    from tests.support.server_index import ServerIndex

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("recall", deadline=None)  # a busy machine is not a failure
settings.load_profile("recall")

PHOTOS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)
"""The photos in skimage/data; the other files are logos, patterns, arrays and stacks."""

CLIENT_SETTINGS = ("RECALL_", "PG", "AWS_")
"""Beginnings of variables by which Recall and clients of PostgreSQL and S3 are set up."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --part, by which CI runs other slow tests each day."""
    parser.addoption("--part", metavar="K/N", help="Run only the K-th of N parts of the tests; K counts on past N.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the runs with PostgreSQL of tests marked folder, and the tests of other parts.

    A file stays whole in its part: its tests share what takes long to make.
    """
    items[:] = [item for item in items if not (_is_on_postgresql(item) and item.get_closest_marker("folder"))]
    if not (part := config.getoption("--part")):
        return
    number, parts = map(int, part.split("/"))
    mine = [item for item in items if (zlib.crc32(item.path.name.encode()) - number) % parts == 0]
    config.hook.pytest_deselected(items=[item for item in items if item not in mine])
    items[:] = mine


def _is_on_postgresql(item: pytest.Item) -> bool:
    return (
        isinstance(item, pytest.Function)
        and getattr(item, "callspec", None) is not None
        and (item.callspec.params.get("library_place") == "postgresql")
    )


@pytest.fixture(scope="session")
def encoder_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for exports of encoders, shared by all tests because each export takes seconds."""
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, encoder_cache: Path) -> None:
    """Hide the user's settings and exports, and the network except from tests marked hub."""
    for name in [name for name in os.environ if name.startswith(CLIENT_SETTINGS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RECALL_CACHE", str(encoder_cache))
    monkeypatch.setenv("XDG_DATA_HOME", str(encoder_cache / "data"))
    if request.node.get_closest_marker("hub"):
        monkeypatch.setenv("RECALL_TEST_NETWORK", "1")
    else:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def skimage_photos() -> Path:
    """Return scikit-image's folder of photos (and other files), which tests only read."""
    spec = importlib.util.find_spec("skimage")  # not imported, which takes a second
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("scikit-image is not installed: pip install recall-photos[demo]")
    return Path(spec.submodule_search_locations[0]) / "data"


@pytest.fixture
def photos(skimage_photos: Path, tmp_path: Path) -> Path:
    """Return a folder of 21 real photos, which the test may change."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in PHOTOS:
        shutil.copy(skimage_photos / name, folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of evaluation and training sets next to the checkout, or skip the test."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the evaluation sets are missing; expected in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def recall_path() -> Path:
    """Return the installed program of this environment."""
    path = Path(sys.executable).parent / ("recall.exe" if os.name == "nt" else "recall")
    if not path.exists():
        pytest.fail(f"{path} is missing: install Recall into this environment, for instance with `make test`")
    return path


@pytest.fixture
def recall_program(request: pytest.FixtureRequest, recall_path: Path, tmp_path: Path, encoder_cache: Path) -> Program:
    """Return the installed program with a home and a library of its own, in `library_place`."""
    env = {**program_env(tmp_path), "RECALL_CACHE": str(encoder_cache)}
    if "library_place" in request.fixturenames:
        env["RECALL_LIBRARY"] = str(request.getfixturevalue("library_place"))
    return Program(path=recall_path, env=env, cwd=tmp_path)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    """Return a database server that the tests of this process share; those that stop it use `own_postgresql`."""
    from tests.support.postgresql import PostgresServer  # late, as below: only tests marked cluster need servers

    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresServer) -> Iterator[str]:
    """Return the URL of a library that is not there yet, in a schema of its own."""
    schema = f"test_{secrets.token_hex(6)}"
    yield postgresql_server.url(schema)
    postgresql_server.drop(schema)


@pytest.fixture
def server_indexes(postgresql_url: str) -> Iterator[Callable[[int], ServerIndex]]:
    """Return a maker of empty indexes in a database server, by the length of their vectors."""
    from tests.support.server_index import making_server_indexes

    with making_server_indexes(postgresql_url) as make:
        yield make


@pytest.fixture
def own_postgresql() -> Iterator[PostgresServer]:
    """Return a database server that the test may stop and kill."""
    from tests.support.postgresql import PostgresServer

    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Return an object store that the tests of this process share."""
    from tests.support.s3 import S3Server

    server = S3Server()
    yield server
    server.close()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of an empty bucket, which this process and programs that it starts may use."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.make_bucket()}"
