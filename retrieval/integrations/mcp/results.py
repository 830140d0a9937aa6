"""What the tools return: models with a schema, and how items and hits become them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from indexer.catalog.statements.item import Item
from indexer.types import with_offset
from retrieval.explain import Explanation
from retrieval.schemas.text import plain
from retrieval.search.hits import Hit

EXCERPT = 1000
"""Characters of a text in a list of results."""

WHOLE_TEXT = 50_000
"""Characters of a text, a description or a value of one item, at most."""

Scalar = str | int | float | bool | list[str] | None


class Result(BaseModel):
    """What a tool returns; values that are not known are left out."""

    @model_serializer(mode="wrap")
    def _without_blanks(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {
            name: value
            for name, value in dump(self).items()
            if fields[name].is_required() or value not in (None, [], {})
        }


class ItemResult(Result):
    """A photo, a text, or an item that an app added."""

    id: str = Field(description="Its id for the other tools; for a file its path.")
    collection: str | None = Field(None, description="The collection of an added item; none for files.")
    kind: str = Field(description="photo or text.")
    path: str | None = Field(None, description="Its file; none for an added item.")
    uri: str | None = Field(None, description="Where an added item is from.")
    text: str | None = Field(None, description="The text, or its beginning.")
    text_is_cut: bool | None = Field(None, description="Whether there is more of the text.")
    title: str | None = None
    description: str | None = None
    taken_at: str | None = Field(None, description="Time of the photo, by its camera's clock, with its zone if known.")
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = Field(None, description="Degrees, north positive.")
    longitude: float | None = Field(None, description="Degrees, east positive.")
    rating: int | None = Field(None, description="0 to 5; -1 for rejected.")
    tags: list[str] = []
    people: list[str] = []
    places: list[str] = []
    format: str | None = None
    width: int | None = None
    height: int | None = None
    metadata: dict[str, Scalar] = Field(default={}, description="What an app stored with an added item.")


class HitResult(ItemResult):
    """A result of a search."""

    score: float | None = Field(None, description="Cosine similarity; none if only a filter found it.")
    probability: float | None = Field(None, description="How likely people call it a match, 0 to 1; none if unknown.")
    found_words: list[str] = Field(default=[], description="Words of the query in its names, metadata or text.")


class SearchResult(Result):
    """The results of a search, best first."""

    results: list[HitResult]
    hidden: int = Field(description="Unlikely results that were left out.")
    expected: float | None = Field(None, description="Estimated number of matches in the whole library.")
    understood: str | None = Field(None, description="What a date, a place or a negation in the words was taken for.")
    unknown_words: dict[str, list[str]] = Field(
        default={}, description="Words that the encoder does not know, with what may be meant."
    )
    note: str | None = Field(None, description="Why there is no result.")


class ItemList(Result):
    """A page of items."""

    items: list[ItemResult]
    total: int | None = Field(None, description="Number of items that pass the filters; only on the first page.")
    cursor: str | None = Field(None, description="Give it to the same tool for the next page; none on the last.")


class ItemsById(Result):
    """Items by their ids."""

    items: list[ItemResult]
    unknown: list[str] = Field(description="Ids that the library does not have.")


class PhotosShown(Result):
    """Which photos the pictures of an answer show, in their order."""

    shown: list[str] = Field(description="Ids.")
    failed: dict[str, str] = Field(description="Why the others cannot be shown, by id.")


class WordWeight(Result):
    """How much a word of the query counts."""

    word: str
    effect: float = Field(description="The score with it minus the score without it.")


class ExplanationResult(Result):
    """Why an item is or is not among the results of a search."""

    id: str
    in_results: bool
    reasons: list[str] = Field(description="Why it is not, and anything else to know about it.")
    rank: int | None = Field(None, description="1 for the best of its kind.")
    total: int | None = Field(None, description="Number of items that it was ranked among.")
    score: float | None = None
    last_score: float | None = Field(None, description="Score of the last result.")
    probability: float | None = None
    word_effects: list[WordWeight] = []


class SourceResult(Result):
    """A folder, file, table or collection of the library."""

    path: str
    synced_at: str | None = Field(None, description="When it was last indexed, in UTC.")


class StatusResult(Result):
    """What the library holds."""

    photos: int
    texts: int
    failed: int = Field(description="Files that could not be indexed.")
    encoder: str | None
    sources: list[SourceResult]
    can_write: bool = Field(description="Whether tools may change the library.")


def item_result(item: Item | Hit, *, longest: int = EXCERPT, model: type[ItemResult] = ItemResult) -> ItemResult:
    """Return an item or a hit as a result.

    Args:
        item: The item.
        longest: Characters of its text and of other long values, at most.
        model: The result's class.
    """
    text = item.text
    values: dict[str, Any] = {
        name: _short(getattr(item, name), longest)
        for name in ("title", "description", "camera", "lens", "tags", "people", "places", "format", "uri")
    } | {name: getattr(item, name) for name in ("latitude", "longitude", "rating", "width", "height")}
    return model(
        id=plain(item.id),
        collection=item.collection,
        kind=str(item.kind),
        path=None if item.collection is not None else plain(str(item.path)),
        text=_short(text, longest),
        text_is_cut=None if text is None else len(text) > longest,
        taken_at=with_offset(item.taken_at, item.utc_offset).isoformat() if item.taken_at else None,
        metadata={plain(key): _short(value, longest) for key, value in item.metadata.items()},
        **values,
    )


def hit_result(hit: Hit) -> HitResult:
    """Return a hit as a result."""
    result = item_result(hit, model=HitResult)
    return result.model_copy(  # type: ignore[return-value]  # of the class that was asked for
        update={
            "score": round(hit.score, 4) if hit.part_scores else None,
            "probability": None if hit.probability is None else round(hit.probability, 3),
            "found_words": [plain(word) for word in hit.words],
        }
    )


def explanation_result(explanation: Explanation, id_: str) -> ExplanationResult:
    """Return an explanation as a result."""
    numbers: Mapping[str, float | None] = {
        name: getattr(explanation, name) for name in ("score", "last_score", "probability")
    }
    return ExplanationResult(
        id=id_,
        in_results=explanation.in_results,
        reasons=[plain(reason) for reason in explanation.reasons],
        rank=explanation.rank,
        total=explanation.total,
        word_effects=[
            WordWeight(word=plain(each.word), effect=round(each.effect, 4))
            for each in explanation.word_effects
            if each.word is not None
        ],
        **{name: None if value is None else round(value, 4) for name, value in numbers.items()},
    )


def _short(value: Any, longest: int) -> Any:
    """Return a value as JSON can carry it, its texts cut."""
    if isinstance(value, str):
        return plain(value[:longest])
    return [plain(text[:longest]) for text in value] if isinstance(value, tuple | list) else value
