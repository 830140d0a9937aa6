"""Great-circle distances, and bounding boxes around places."""

from __future__ import annotations

import math
from typing import NamedTuple

EARTH_KM = 6371.0088
"""Mean radius of the Earth in km (IUGG; Moritz 2000, Geodetic Reference System 1980, table 2)."""

_MARGIN = 1e-9
"""Degrees added to each side of a bounding box, 0.1 mm, so that rounding excludes no place."""


class Box(NamedTuple):
    """A bounding box of latitudes and longitudes.

    Attributes:
        south: Degrees.
        north: Degrees, not below `south`.
        longitudes: Ranges (west, east) in degrees, each within -180 to 180: two if the box crosses the date line, none
            if it covers all longitudes.
    """

    south: float
    north: float
    longitudes: tuple[tuple[float, float], ...]


def distance_km(
    latitude: float | None, longitude: float | None, other_latitude: float, other_longitude: float
) -> float | None:
    """Return the great-circle distance of two points in km, or None if the first has no coordinates.

    Uses the haversine formula (Sinnott 1984, Virtues of the Haversine, Sky and Telescope 68), which is accurate for
    near points too. Treating the Earth as a sphere gives an error of at most 0.5 %.

    Args:
        latitude: Degrees, north positive; None if unknown.
        longitude: Degrees, east positive; None if unknown.
        other_latitude: Degrees.
        other_longitude: Degrees.
    """
    if latitude is None or longitude is None:
        return None
    start, end = math.radians(latitude), math.radians(other_latitude)
    sin_latitude = math.sin((end - start) / 2)
    sin_longitude = math.sin(math.radians(other_longitude - longitude) / 2)
    haversine = sin_latitude * sin_latitude + math.cos(start) * math.cos(end) * sin_longitude * sin_longitude
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(haversine)))


def box_around(latitude: float, longitude: float, km: float) -> Box:
    """Return a box that contains all points within a distance (Bronshtein, Handbook of Mathematics, 3.4).

    The easternmost point of a circle of angular radius r around latitude p is asin(sin r / cos p) to the east. A circle
    that contains a pole covers all longitudes.

    Args:
        latitude: Degrees, -90 to 90.
        longitude: Degrees, -180 to 180.
        km: The distance, above 0.
    """
    angle = km / EARTH_KM  # radians
    height = math.degrees(angle) + _MARGIN
    south, north = latitude - height, latitude + height
    if south <= -90 or north >= 90:
        return Box(max(south, -90.0), min(north, 90.0), ())
    width = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(latitude))))) + _MARGIN
    west, east = longitude - width, longitude + width
    if east - west >= 360:
        return Box(south, north, ())
    if west < -180:
        return Box(south, north, ((west + 360, 180.0), (-180.0, east)))
    if east > 180:
        return Box(south, north, ((west, 180.0), (-180.0, east - 360)))
    return Box(south, north, ((west, east),))
