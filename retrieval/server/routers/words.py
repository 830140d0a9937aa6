"""Private words: names that the user taught the library by photos."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from indexer.errors import FeedbackError
from retrieval.schemas.text import utc_text
from retrieval.server.answers import Json
from retrieval.server.lanes import ENCODING
from retrieval.server.libraries import ServedLibrary, WritableLibrary
from retrieval.server.numbers import ItemId
from retrieval.server.problems import ProblemError
from retrieval.server.searching import items_of

ROUTER = APIRouter(prefix="/api/libraries/{library}/words", tags=["learning"])

_LONGEST = 200


class NewWord(BaseModel):
    """A word, and photos that show what it means."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"word": "Biscuit", "item_ids": [1, 2]}]})

    word: Annotated[str, Field(min_length=1, max_length=_LONGEST, description='A name, for instance "Biscuit".')]
    item_ids: list[ItemId] = Field(min_length=1, max_length=100, description="Photos of it; three are a good start.")


class UnreadPhoto(BaseModel):
    """A photo that cannot be read, and why."""

    path: str
    reason: str


class Learnt(BaseModel):
    """What was learnt."""

    word: str
    added: int = Field(description="New examples.")
    repeated: int = Field(description="Photos that were examples already.")
    examples: int = Field(description="All examples of the word.")
    failures: list[UnreadPhoto]


class WordExample(BaseModel):
    """A photo of which the library has a copy."""

    path: str
    item_id: int | None = Field(description="null if it is not in the library any more.")


class WordModel(BaseModel):
    """A private word."""

    word: str
    examples: list[WordExample]
    added_at: str = Field(description="In UTC.")


@ROUTER.get("", response_model=list[WordModel])
def list_words(served: ServedLibrary) -> Json:
    """List the private words with the photos that taught them."""
    words = served.library.words()
    paths = [str(path) for word in words for path in word.examples]
    numbers = {item.id: item.item_id for item in served.library.get(paths)}
    return Json(
        [
            {
                "word": word.word,
                "examples": [{"path": str(path), "item_id": numbers.get(str(path))} for path in word.examples],
                "added_at": utc_text(word.added_at),
            }
            for word in words
        ]
    )


@ROUTER.post("", status_code=201, response_model=Learnt, dependencies=[ENCODING])
def learn_word(served: WritableLibrary, new: NewWord) -> Json:
    """Teach the library a word by photos of it; searches understand it from then on."""
    report = served.library.learn(new.word, items_of(served, new.item_ids))
    return Json(
        {
            "word": report.word,
            "added": report.added,
            "repeated": report.repeated,
            "examples": report.examples,
            "failures": [{"path": str(path), "reason": reason} for path, reason in report.failures],
        },
        status_code=201,
    )


@ROUTER.delete("/{word:path}", status_code=204, response_class=Response)
def forget_word(served: WritableLibrary, word: Annotated[str, Path(max_length=_LONGEST)]) -> Response:
    """Delete a private word."""
    try:
        served.library.forget_word(word)
    except FeedbackError as error:
        raise ProblemError(404, f"the library has no private word {word!r}") from error
    return Response(status_code=204)
