"""Distances on the Earth, and boxes of latitudes and longitudes around places."""

from __future__ import annotations

import math
from typing import NamedTuple

EARTH_KM = 6371.0088
"""Mean radius of the Earth in km (IUGG; Moritz 2000, Geodetic Reference System 1980, table 2)."""

MARGIN = 1e-9
"""Degrees by which a box is larger than it has to be, a tenth of a millimetre: so that rounding loses nothing."""


class Box(NamedTuple):
    """A range of latitudes, and of longitudes one or two ranges: two where the date line lies between.

    Attributes:
        south: Degrees.
        north: Degrees, not below `south`.
        longitudes: Ranges (west, east) in degrees, each within -180 to 180; none where all longitudes belong to it.
    """

    south: float
    north: float
    longitudes: tuple[tuple[float, float], ...]


def distance_km(
    latitude: float | None, longitude: float | None, other_latitude: float, other_longitude: float
) -> float | None:
    """Return the great-circle distance of two points in km, None where the first is not known.

    The haversine formula (Sinnott 1984, Virtues of the Haversine, Sky and Telescope 68), which is exact for near points
    too; the Earth as a sphere, which is wrong by .5 % at most.

    Args:
        latitude: Degrees, north positive; None is not known.
        longitude: Degrees, east positive; None is not known.
        other_latitude: Degrees.
        other_longitude: Degrees.
    """
    if latitude is None or longitude is None:
        return None
    here, there = math.radians(latitude), math.radians(other_latitude)
    up = math.sin((there - here) / 2)
    along = math.sin(math.radians(other_longitude - longitude) / 2)
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(up * up + math.cos(here) * math.cos(there) * along * along)))


def box_around(latitude: float, longitude: float, km: float) -> Box:
    """Return a box that holds all points within a distance (Bronshtein, Handbook of Mathematics, 3.4).

    The easternmost point of a circle of angle r around latitude p lies asin(sin r / cos p) to the east. Where a pole
    is within the circle all longitudes belong to it.

    Args:
        latitude: Degrees, -90 to 90.
        longitude: Degrees, -180 to 180.
        km: The distance, above 0.
    """
    angle = km / EARTH_KM  # radians
    reach = math.degrees(angle) + MARGIN
    south, north = latitude - reach, latitude + reach
    if south <= -90 or north >= 90:
        return Box(max(south, -90.0), min(north, 90.0), ())
    side = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(latitude))))) + MARGIN
    west, east = longitude - side, longitude + side
    if east - west >= 360:
        return Box(south, north, ())
    if west < -180:
        return Box(south, north, ((west + 360, 180.0), (-180.0, east)))
    if east > 180:
        return Box(south, north, ((west, 180.0), (-180.0, east - 360)))
    return Box(south, north, ((west, east),))
