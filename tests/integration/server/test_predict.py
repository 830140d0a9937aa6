"""`/predict`: requests as Immich's server sends them, see `machine-learning.repository.ts` there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from retrieval import Library
from tests.support.serving import Running

VISUAL = json.dumps({"clip": {"visual": {"modelName": "compact"}}})
TEXTUAL = json.dumps({"clip": {"textual": {"modelName": "compact", "options": {"language": "en"}}}})


@pytest.fixture
def immich(start: Callable[..., Running], served_library: Path) -> Iterator[httpx.Client]:
    """Return a client without a token, as Immich is one."""
    with start(served_library, predict=True).client(token=None) as client:
        yield client


def test_a_picture_and_a_text_get_the_vectors_of_the_encoder(
    immich: httpx.Client, served_library: Path, served_album: Path
) -> None:
    assert immich.get("/ping").text == "pong"
    picture = served_album / "chelsea.png"
    seen = immich.post("/predict", data={"entries": VISUAL}, files={"image": ("blob", picture.read_bytes())}).json()
    read = immich.post("/predict", data={"entries": TEXTUAL, "text": "a cat"}).json()
    assert (seen["imageWidth"], seen["imageHeight"]) == (451, 300)
    assert list(read) == ["clip"]
    with Library.open(served_library) as library:
        expected = library.encoder.encode([picture, "a cat"])
    np.testing.assert_allclose([json.loads(seen["clip"]), json.loads(read["clip"])], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("entries", "status", "expected"),
    [
        (json.dumps({"clip": {"textual": {"modelName": "ViT-B-32__openai"}}}), 422, "'compact'"),
        (json.dumps({"facial-recognition": {"detection": {"modelName": "buffalo_l"}}}), 422, "clip"),
        ("{", 422, "entries"),
        (VISUAL, 400, "image"),
    ],
)
def test_another_encoder_or_task_is_refused(immich: httpx.Client, entries: str, status: int, expected: str) -> None:
    answer = immich.post("/predict", data={"entries": entries, "text": "a cat"})
    assert answer.status_code == status
    assert expected in answer.json()["detail"]


def test_it_opens_nothing_else_and_no_page_may_use_it(immich: httpx.Client) -> None:
    assert immich.get("/api/libraries").status_code == 401
    assert immich.get("/ping", headers={"Origin": "http://attacker.example"}).status_code == 403


def test_without_the_option_there_is_no_predict(client: httpx.Client, shared_server: Running) -> None:
    assert client.get("/ping").status_code == 404
    with shared_server.client(token=None) as stranger:
        assert stranger.get("/ping").status_code == 401


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_refused(immich: httpx.Client, content: bytes) -> None:
    answer = immich.post("/predict", data={"entries": VISUAL}, files={"image": ("blob", content)})
    assert answer.status_code == 422
