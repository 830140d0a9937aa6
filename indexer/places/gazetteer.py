"""The town, region and country of a position, offline."""

from __future__ import annotations

import gzip
import logging
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

FILE = Path(__file__).parent / "towns.tsv.gz"

VERSION = "1"
"""Changes with the file and with the rules below, so that a library names the places of its photos again."""

_TOWN_KM, _REGION_KM, _COUNTRY_KM = 20.0, 100.0, 200.0
"""Distances of the nearest town within which its name, its region and its country count for a position."""

_CITY_KM = 0.01
"""Radius of a city in km for the square root of its inhabitants: 18 km for Berlin, 10 km for Cologne, 4 km for Mainz.
GeoNames has parts of cities too, so that the nearest town of a photo in Berlin is Kreuzberg."""

_NEAR_KM = 50.0
"""Distance within which towns are looked for first: more than the radius of any city."""

_EARTH_DEGREE_KM = 111.195
"""Length of a degree of latitude."""


class Place(NamedTuple):
    """A place.

    Attributes:
        kind: "town", "region" or "country".
        name: Its usual name.
        others: Other names, in other languages or without accents.
    """

    kind: str
    name: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Towns, from south to north, with their regions and countries.

    Attributes:
        latitudes: Degrees, shape (n,), ascending.
        longitudes: Degrees, shape (n,).
        radii: Radius of each town in km, shape (n,).
        towns: Names of each town with "|" between them, its country, and the number of its region or "".
        regions: Names of regions.
        countries: Names of countries by code.
    """

    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    radii: NDArray[np.float64]
    towns: Sequence[tuple[str, str, str]]
    regions: Sequence[str]
    countries: dict[str, str]

    def places(self, latitude: float, longitude: float) -> tuple[Place, ...]:
        """Return the places of a position in degrees, the nearest town first; none far from any town."""
        for reach_km in (_NEAR_KM, _COUNTRY_KM):
            reach = reach_km / _EARTH_DEGREE_KM
            start, end = np.searchsorted(self.latitudes, [latitude - reach, latitude + reach])
            distances = _distances(latitude, longitude, self.latitudes[start:end], self.longitudes[start:end])
            if distances.min(initial=math.inf) <= reach_km:
                break
        else:
            return ()
        row = int(distances.argmin())
        nearest, distance = self.towns[start + row], float(distances[row])
        places = [_place("town", nearest[0])] if distance <= _TOWN_KM else []
        around = np.flatnonzero(distances <= self.radii[start:end])
        if len(around):
            city = self.towns[start + int(around[self.radii[start:end][around].argmax()])]
            places += [_place("town", city[0])] if city[1:] == nearest[1:] else []  # not one across a border
        if distance <= _REGION_KM and nearest[2]:
            places.append(_place("region", self.regions[int(nearest[2])]))
        if country := self.countries.get(nearest[1]):
            places.append(_place("country", country))
        return tuple({place.name.casefold(): place for place in reversed(places)}.values())[::-1]


def places_at(latitude: float, longitude: float) -> tuple[Place, ...]:
    """Return the places of a position in degrees: town, city, region and country; none without the gazetteer."""
    return _places_at(round(latitude, 3), round(longitude, 3))


@lru_cache(maxsize=10_000)  # photos are taken in groups
def _places_at(latitude: float, longitude: float) -> tuple[Place, ...]:
    gazetteer = load()
    return gazetteer.places(latitude, longitude) if gazetteer else ()


@cache
def load() -> Gazetteer | None:
    """Return the gazetteer; None if its file is missing or damaged, which the log says once."""
    try:
        return _read(FILE)
    except (OSError, EOFError, ValueError, IndexError, KeyError) as error:
        logger.warning("the gazetteer %s cannot be read (%s), so positions get no names; reinstall Recall", FILE, error)
        return None


def _read(file: Path) -> Gazetteer:
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")
    rows: dict[str, list[list[str]]] = {"#": [], "c": [], "r": [], "t": [], "": []}
    for line in lines:
        kind, _, rest = line.partition("\t")
        rows[kind].append(rest.split("\t"))
    numbers = np.array([row[3:6] for row in rows["t"]], dtype=np.float64)  # (n, 3)
    return Gazetteer(
        latitudes=numbers[:, 0].copy(),
        longitudes=numbers[:, 1].copy(),
        radii=_CITY_KM * np.sqrt(numbers[:, 2]),
        towns=[(row[0], row[1], row[2]) for row in rows["t"]],
        regions=[row[0] for row in rows["r"]],
        countries={row[1]: row[0] for row in rows["c"]},
    )


def _distances(
    latitude: float, longitude: float, latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return distances in km on a plane; within 200 km its error is below 1 % outside the polar regions."""
    width = math.cos(math.radians(latitude))
    east = (longitudes - longitude + 180) % 360 - 180
    distances: NDArray[np.float64] = _EARTH_DEGREE_KM * np.hypot(latitudes - latitude, east * width)
    return distances


def _place(kind: str, names: str) -> Place:
    name, *others = names.split("|")
    plain = (_without_accents(text) for text in (name, *others))
    return Place(kind, name, tuple(dict.fromkeys((*others, *(text for text in plain if text != name)))))


def _without_accents(text: str) -> str:
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("ß", "ss")
