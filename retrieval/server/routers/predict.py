"""The encoder in the form of Immich's machine-learning service, so that other photo servers can use it.

Immich sends no token, so these are open; they tell nothing about a library but the name of its encoder. See
`ModelTask.SEARCH` in Immich's `machine-learning.repository.ts`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Form
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import PlainTextResponse

from indexer.types import Vectors
from retrieval.library import Library
from retrieval.server.answers import Json
from retrieval.server.lanes import lane
from retrieval.server.problems import ProblemError
from retrieval.server.state import Shared, State

ROUTER = APIRouter(tags=["immich"])

_LANE = lane("predict", 4)
"""Strangers may call it: they take no turns of those who have a token."""


class _Model(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    name: str = Field(alias="modelName", max_length=200)


class _Clip(BaseModel):
    visual: _Model | None = None
    textual: _Model | None = None


class _Entries(BaseModel):
    """What is asked for; other tasks than clip are not served."""

    model_config = ConfigDict(extra="forbid")

    clip: _Clip


class Prediction(BaseModel):
    """The vector of a picture or a text."""

    clip: str = Field(description="The vector: a list of numbers as JSON in a string.")
    image_height: int | None = Field(None, alias="imageHeight", description="Of a picture.")
    image_width: int | None = Field(None, alias="imageWidth", description="Of a picture.")


@ROUTER.get("/ping", response_class=PlainTextResponse)
def ping() -> PlainTextResponse:
    """Say that the server answers."""
    return PlainTextResponse("pong")


@ROUTER.post("/predict", response_model=Prediction, dependencies=[_LANE])
def predict(
    shared: Shared,
    entries: Annotated[str, Form(max_length=10_000, examples=['{"clip": {"visual": {"modelName": "compact"}}}'])],
    image: Annotated[bytes | None, File()] = None,
    text: Annotated[str | None, Form(max_length=10_000)] = None,
) -> Json:
    """Encode a picture or a text, as Immich asks for it."""
    library = next(iter(shared.libraries.values())).library
    clip = _read(entries)
    if image is not None and clip.visual is not None:
        _check_name(library, clip.visual.name)
        return Json(_of_picture(library, shared, image))
    if text is not None and clip.textual is not None:
        _check_name(library, clip.textual.name)
        return Json({"clip": _as_text(library.encoder.encode_texts([text]))})
    raise ProblemError(400, "either an image with clip.visual or a text with clip.textual is needed")


def _read(entries: str) -> _Clip:
    """Return what is asked for.

    Raises:
        ProblemError: It is something else than clip.
    """
    try:
        return _Entries.model_validate_json(entries).clip
    except ValidationError:
        expected = '{"clip": {"visual" or "textual": {"modelName": NAME}}}'
        raise ProblemError(422, f"entries is {entries[:100]!r}; this server has {expected} only") from None


def _check_name(library: Library, name: str) -> None:
    """Raise a problem if another encoder is asked for: vectors of two encoders must not meet in Immich's database."""
    served = library.encoder.name
    if name not in (served, served.replace("/", "__")):
        raise ProblemError(
            422,
            f"this server has the encoder {served.replace('/', '__')!r}, not {name!r}; set it as the model in Immich",
        )


def _of_picture(library: Library, shared: State, image: bytes) -> dict[str, Any]:
    encoder = library.encoder
    seen = shared.reader.look_at_sent(image, side=8)
    pixels = shared.reader.pixels(image, preprocess=encoder.preprocess)
    vectors = encoder.encode_images(pixels[None])
    return {"clip": _as_text(vectors), "imageHeight": seen.height, "imageWidth": seen.width}


def _as_text(vectors: Vectors) -> str:
    """Return the only vector as JSON."""
    return json.dumps([float(number) for number in vectors[0]])
