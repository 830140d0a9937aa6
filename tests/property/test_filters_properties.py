"""Filters in any combination: SQL finds the items that a loop in plain Python finds."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from indexer.catalog.filters.criteria import Folder, Kind, MinPixels, MinSize, Near, Orientation, Rating, Shape, Taken
from indexer.catalog.filters.expression import And, Filter, Not, Or, Term
from indexer.catalog.filters.geo import EARTH_KM, box_around, distance_km
from indexer.catalog.filters.matching import failed_criteria, filter_ids, matching_ids
from indexer.catalog.filters.patterns import FORMAT_ALIASES, Format, Label, TextPattern
from indexer.catalog.statements import encoders, writes
from indexer.catalog.text_key import text_key
from indexer.types import Modality, Preprocess
from tests.support.catalog import add_source, item_row
from tests.support.vectors import HALVES

START = datetime(2024, 1, 1)  # noqa: DTZ001 - cameras record no time zone
FOLDERS = ("/photos", "/photos/a", "/photos/a/b", "/photos/ab", "/elsewhere")
CAMERAS = ("Canon EOS R5", "canon [x]", "NIKON D90", "Canon", "Z*", None)
LENSES = ("RF 50mm F1.8", "24-70", None)
NAMES = ("img_1.jpg", "IMG_2.JPG", "notes.md", "çedille.png", "a[1].nef")
ITEM_FORMATS = ("JPEG", "HEIF", "RAW", None)
TAGS = ("dog", "Beach", "Été", "hot dog")
PEOPLE = ("Grace Hopper", "Ada Lovelace")
PLACES = ("Lisbon", "London")
POSITIONS = (
    (0.0, 0.0),
    (90.0, 10.0),
    (-90.0, 0.0),
    (52.5, 13.4),
    (52.6, 13.4),
    (10.0, 180.0),
    (10.0, -179.9),
    (-10.0, 0.3),
)


def make_item(number: int) -> dict[str, Any]:
    """Return the metadata of item `number`; every pair of values occurs together in some item."""

    def pick(values: tuple[Any, ...], step: int) -> Any:
        return values[(number * step + number // 7) % len(values)]

    latitude, longitude = pick((*POSITIONS, (None, None)), 5)
    width, height = pick(((4000, 3000), (3000, 4000), (100, 100), (None, None), (1080, 1920)), 3)
    return {
        "path": f"{pick(FOLDERS, 1)}/{number}/{pick(NAMES, 2)}",
        "format": pick(ITEM_FORMATS, 3),
        "taken_at": None if number % 11 == 0 else START + timedelta(hours=13 * number),
        "latitude": latitude,
        "longitude": longitude,
        "width": width,
        "height": height,
        "camera": pick(CAMERAS, 1),
        "lens": pick(LENSES, 1),
        "rating": pick((None, -1, 0, 3, 4, 5), 1),
        "tags": [tag for position, tag in enumerate(TAGS) if number >> position & 1],
        "people": [name for position, name in enumerate(PEOPLE) if number >> position & 1],
        "places": [pick(PLACES, 1)],
    }


ITEMS = [make_item(number) for number in range(120)]
KINDS = [Modality.TEXT if number % 5 == 0 else Modality.PHOTO for number in range(len(ITEMS))]


@pytest.fixture(scope="module")
def connection(engine: Engine) -> Iterator[Connection]:
    """Return a catalog of `ITEMS`; ids of their embeddings begin with 1."""
    with engine.begin() as connection:
        encoder = encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))
        source = add_source(connection, "/photos")
        saved = writes.save_items(connection, [item_row(source, **item) for item in ITEMS])
        for item, kind in zip(saved, KINDS, strict=True):
            writes.add_embeddings(connection, [item], encoder.id, HALVES[:1], kind=kind)
        yield connection


def is_like(value: str | None, pattern: str, *, part: bool) -> bool:
    """Return whether a value matches a pattern, by Python's wildcards."""
    if value is None:
        return False
    if part and not set("*?") & set(pattern):
        return text_key(pattern) in text_key(value)
    literal = re.sub(r"\[", "[[]", text_key(pattern))
    return fnmatch.fnmatchcase(text_key(value), literal)


def angle_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two positions in km, by the angle between their vectors."""
    vectors = []
    for latitude, longitude in (one, other):
        up, along = math.radians(latitude), math.radians(longitude)
        vectors.append((math.cos(up) * math.cos(along), math.cos(up) * math.sin(along), math.sin(up)))
    return EARTH_KM * 2 * math.asin(min(1.0, math.dist(*vectors) / 2))


def passes(criterion: Any, item: dict[str, Any], kind: Modality) -> bool:  # noqa: C901, PLR0911 - one case each
    """Return whether an item passes a criterion."""
    match criterion:
        case Taken(after, before):
            time = item["taken_at"]
            return time is not None and (after is None or time >= after) and (before is None or time < before)
        case Folder(path):
            return bool(item["path"] == path or item["path"].startswith(path + "/"))
        case TextPattern("name", pattern):
            return is_like(Path(item["path"]).name, pattern, part=False)
        case TextPattern(column, pattern):
            return is_like(item[column], pattern, part=True)
        case Format(name):
            return bool(
                item["format"] == FORMAT_ALIASES[name]
                if name in FORMAT_ALIASES
                else item["path"].lower().endswith(f".{name}")
            )
        case Near(latitude, longitude, km):
            position = item["latitude"], item["longitude"]
            return position[0] is not None and angle_km(position, (latitude, longitude)) <= km
        case Orientation(shape):
            width, height = item["width"], item["height"]
            return width is not None and shape == (
                "square" if width == height else "landscape" if width > height else "portrait"
            )
        case MinSize(longer, shorter):
            sides = sorted(side or 0 for side in (item["width"], item["height"]))
            return sides[0] >= shorter and sides[1] >= longer
        case MinPixels(pixels):
            return item["width"] is not None and item["width"] * item["height"] >= pixels
        case Rating(at_least, at_most):
            return item["rating"] is not None and at_least <= item["rating"] <= at_most
        case Label(field, pattern):
            labels = item[{"tag": "tags", "person": "people", "place": "places"}[field]]
            return any(is_like(label, pattern, part=False) for label in labels)
        case Kind(modality):
            return kind == modality
    raise AssertionError(criterion)


def matches(where: Filter, item: dict[str, Any], kind: Modality) -> bool:
    """Return whether an item passes a filter, in plain Python."""
    match where:
        case Term(criterion):
            return passes(criterion, item, kind)
        case And(parts):
            return all(matches(part, item, kind) for part in parts)
        case Or(parts):
            return any(matches(part, item, kind) for part in parts)
        case Not(part):
            return not matches(part, item, kind)
    raise AssertionError(where)


TIMES = st.integers(0, 1600).map(lambda hours: START + timedelta(hours=hours))
PATTERNS = st.sampled_from(["*canon*", "Canon*", "canon", "?", "*", "[x]", "*50*", "d90", "z*", "*.JPG", "Ç*", "a[1]*"])

SINGLE = st.one_of(
    TIMES.map(lambda time: Filter.taken(after=time)),
    TIMES.map(lambda time: Filter.taken(before=time)),
    TIMES.map(lambda time: Filter.taken(on=time.date())),
    st.sampled_from(FOLDERS).map(Filter.folder),
    PATTERNS.map(Filter.name),
    PATTERNS.map(Filter.camera),
    PATTERNS.map(Filter.lens),
    st.sampled_from(["jpg", "heic", "raw", "nef", "md"]).map(Filter.format),
    st.sampled_from([*POSITIONS, (89.9, -100.0), (10.0, -180.0)]).flatmap(
        lambda position: st.sampled_from([1, 20, 500, 3000, 19000, 20100]).map(lambda km: Filter.near(*position, km=km))
    ),
    st.sampled_from(get_args(Shape)).map(Filter.orientation),
    st.sampled_from([(1920, 1080), (4000, 3000), (1, 1)]).map(lambda size: Filter.min_size(*size)),
    st.sampled_from([1, 10_000, 12_000_000]).map(Filter.min_pixels),
    st.sampled_from([(0, 5), (4, 5), (3, 3)]).map(lambda ratings: Filter.rating(*ratings)),
    st.sampled_from(["dog", "BEACH", "été", "*dog*", "nothing", "hot*"]).map(Filter.tag),
    st.sampled_from(["ada", "Ada *", "grace hopper", "*o*"]).map(Filter.person),
    st.sampled_from(["LISBON", "*o*", "Rome"]).map(Filter.place),
    st.sampled_from(list(Modality)).map(Filter.kind),
)

FILTERS = st.recursive(
    SINGLE,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda where: ~where),
    ),
    max_leaves=6,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=FILTERS)
def test_sql_and_plain_python_agree_on_every_filter(connection: Connection, where: Filter) -> None:
    expected = [
        number for number, (item, kind) in enumerate(zip(ITEMS, KINDS, strict=True), 1) if matches(where, item, kind)
    ]
    assert matching_ids(connection, 1, where).tolist() == expected
    assert sorted(filter_ids(connection, range(1, len(ITEMS) + 1), where)) == expected
    assert sorted(filter_ids(connection, range(1, len(ITEMS) + 1), ~where)) == sorted(
        set(range(1, len(ITEMS) + 1)) - set(expected)
    )


@settings(max_examples=100)
@given(where=FILTERS)
def test_a_failed_criterion_is_named_if_and_only_if_an_item_does_not_match(
    connection: Connection, where: Filter
) -> None:
    for number in (1, 60, 120):
        assert bool(failed_criteria(connection, number, where)) != matches(where, ITEMS[number - 1], KINDS[number - 1])


@given(where=FILTERS)
def test_filters_are_values(where: Filter) -> None:
    assert where == where.transform(Term)
    assert hash(where) == hash(where.transform(Term))
    assert repr(where) == repr(where.transform(Term))
    assert where != ~where


@given(
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    km=st.floats(0.001, 20_000),
    other=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
)
def test_a_near_position_is_inside_the_box(
    latitude: float, longitude: float, km: float, other: tuple[float, float]
) -> None:
    box = box_around(latitude, longitude, km)
    distance = distance_km(*other, latitude, longitude)
    assert distance == pytest.approx(angle_km(other, (latitude, longitude)), abs=1e-6)
    if distance is not None and distance <= km:
        assert box.south <= other[0] <= box.north
        assert not box.longitudes or any(west <= other[1] <= east for west, east in box.longitudes)
