"""All items at once: for a grid, for filters with counts, and for a map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from indexer.catalog.statements.facets import FacetValue
from retrieval.search.engine import SearchKind
from retrieval.search.listing import ItemSort
from retrieval.server.answers import Json
from retrieval.server.filter_param import FilterParam
from retrieval.server.libraries import ServedLibrary

ROUTER = APIRouter(prefix="/api/libraries/{library}", tags=["items"])


class LayoutAnswer(BaseModel):
    """The items that pass the filters, as columns."""

    item_ids: list[int]
    widths: list[int | None] = Field(description="Pixels, upright; null without a picture.")
    heights: list[int | None]
    kinds: list[Literal["photo", "text"]]
    days: list[str | None] = Field(description="When photos were taken.", examples=[["2019-05-01", None]])
    total: int


class Counted(BaseModel):
    """A value, and how many items have it."""

    value: str
    count: int


class Year(Counted):
    """A year with its months, the latest first."""

    months: list[Counted]


class FacetsAnswer(BaseModel):
    """How many items have each value, the most frequent first, at most 200 values each; years the latest first."""

    years: list[Year]
    cameras: list[Counted]
    lenses: list[Counted]
    tags: list[Counted]
    people: list[Counted]
    places: list[Counted]
    ratings: list[Counted] = Field(description='"5" to "0", and "-1" for rejected.')
    folders: list[Counted] = Field(description="The indexed folders, and those in them: absolute paths.")
    formats: list[Counted]
    kinds: list[Counted]
    collections: list[Counted]
    undated: int = Field(description="Items without a date.")
    total: int


class PositionsAnswer(BaseModel):
    """Where the items with a position were taken, as columns."""

    item_ids: list[int]
    latitudes: list[float]
    longitudes: list[float]


@ROUTER.get("/layout", response_model=LayoutAnswer)
def layout(served: ServedLibrary, where: FilterParam, sort: ItemSort = "-date", kind: SearchKind = "all") -> Json:
    """Return what a grid needs of all items that pass the filters, in an order."""
    found = served.library.layout(where, kind=kind, sort=sort)
    return Json(
        {
            "item_ids": found.item_ids,
            "widths": found.widths,
            "heights": found.heights,
            "kinds": found.kinds,
            "days": found.days,
            "total": len(found),
        }
    )


@ROUTER.get("/facets", response_model=FacetsAnswer)
def facets(served: ServedLibrary, where: FilterParam, kind: SearchKind = "all") -> Json:
    """Count the items that pass the filters by date, camera, place and so on."""
    found = served.library.facets(where, kind=kind)
    names = ("cameras", "lenses", "tags", "people", "places", "ratings", "folders", "formats", "kinds", "collections")
    years = [
        {
            **_counted(year),
            "months": [_counted(month) for month in found.months if month.value.startswith(year.value)],
        }
        for year in found.years
    ]
    counts = {name: _all_counted(getattr(found, name)) for name in names}
    return Json({"years": years, **counts, "undated": found.undated, "total": found.total})


@ROUTER.get("/positions", response_model=PositionsAnswer)
def positions(served: ServedLibrary, where: FilterParam) -> Json:
    """Return where the items that pass the filters were taken, for a map."""
    found = served.library.positions(where)
    return Json({"item_ids": found.item_ids, "latitudes": found.latitudes, "longitudes": found.longitudes})


def _all_counted(values: Iterable[FacetValue]) -> list[dict[str, Any]]:
    return [_counted(value) for value in values]


def _counted(value: FacetValue) -> dict[str, Any]:
    return {"value": value.value, "count": value.count}
