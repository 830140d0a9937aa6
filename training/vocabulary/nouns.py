"""A table of nouns of other languages with their English words, from free sources that npm and PyPI carry."""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

LANGUAGES = {"de": ("de",), "fr": ("fr",), "es": ("es",), "it": ("it",), "pt": ("pt", "pt-BR", "pt-PT"), "nl": ("nl",)}
"""The languages, each with the names of its translations in the sources."""

_ARTICLES = re.compile(
    r"^(?:der|die|das|eine?|le|la|les|un|une|des|du|el|los|las|una|il|lo|gli|uno|os?|as?|um|uma|de|het|een)\s+|^[ld]'",
    re.IGNORECASE,
)

_MAX_ENGLISH = 2
"""English words of a noun, at most: "chat" is a cat, and nothing else that matters."""

_MAX_LENGTH = 3
"""Words of an English name, at most: "beach with umbrella"."""

Meanings = dict[tuple[str, str], Counter[str]]
"""How many sources give a noun of a language, in lower case, each English word."""


def noun_table(packages: Path, known: Sequence[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return nouns as (word, language, English words), sorted; for an emoji the language is "emoji".

    English words that the encoder does not know are left out, and so are nouns that are spelled like them.

    Args:
        packages: Folder with the packages of `training.vocabulary.__main__`.
        known: Words that the encoder knows, the commonest first.
    """
    rank = {word: position for position, word in enumerate(known)}
    meanings: Meanings = defaultdict(Counter)
    for source in (_concepts(packages), _emoji(packages), _map_features(packages)):
        for language, word, english in source:
            key, name = _noun(word), english.casefold().strip()
            if language == "emoji":
                key, name = word, name.removesuffix(" face")
            length = len(name.split())
            if key and key != name and all(part in rank for part in name.split()) and 0 < length <= _MAX_LENGTH:
                meanings[key, language][name] += 1

    def order(name: str, count: int) -> tuple[int, int, int, str]:
        return len(name.split()), -count, max(rank[part] for part in name.split()), name

    rows = []
    for (word, language), names in meanings.items():
        best = sorted(names, key=lambda name: order(name, names[name]))[:_MAX_ENGLISH]
        if word not in best:
            rows.append((word, language, tuple(best)))
    return sorted(rows)


def _noun(text: str) -> str:
    """Return a noun in lower case without its article; "" if it is not one word."""
    plain = re.sub(r"\(.*?\)", "", unicodedata.normalize("NFC", text)).strip()
    word = _ARTICLES.sub("", plain).casefold().strip()
    return word if word.isalpha() and len(word) > 1 else ""


def _concepts(packages: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the nouns of Concepticon's concept lists (CC BY 4.0), which the package pysem carries."""
    with zipfile.ZipFile(packages / "pysem" / "data" / "concepticon.zip") as archive:
        concepts = json.loads(archive.read("concepticon.json"))
    for language in LANGUAGES:
        for gloss, meanings in concepts[language].items():
            for _, concept, _, kind, _ in meanings:
                if kind == "noun" and " OR " not in concept:
                    for word in re.split(r"[,;/]", gloss):
                        yield language, word, re.sub(r"\(.*?\)", "", concept)


def _emoji(packages: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the short names of emoji in Unicode's CLDR (Unicode-3.0), and each emoji with its English name."""
    folder = packages / "node_modules" / "cldr-annotations-full" / "annotations"
    english = _short_names(folder, "en")
    for emoji, name in english.items():
        yield "emoji", emoji, name
    for language, editions in LANGUAGES.items():
        for edition in editions:
            for emoji, word in _short_names(folder, edition).items():
                if emoji in english:
                    yield language, word, english[emoji]


def _short_names(folder: Path, language: str) -> dict[str, str]:
    file = folder / language / "annotations.json"
    if not file.is_file():
        return {}
    names = json.loads(file.read_text(encoding="utf-8"))["annotations"]["annotations"]
    return {emoji: entry["tts"][0] for emoji, entry in names.items() if entry.get("tts") and not emoji.isascii()}


def _map_features(packages: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the names of map features in OpenStreetMap's tagging schema (ISC)."""
    folder = packages / "node_modules" / "@openstreetmap" / "id-tagging-schema" / "dist" / "translations"
    english = _feature_names(folder, "en")
    for language, editions in LANGUAGES.items():
        for edition in editions:
            for feature, word in _feature_names(folder, edition).items():
                if feature in english:
                    yield language, word, english[feature]


def _feature_names(folder: Path, language: str) -> dict[str, str]:
    file = folder / f"{language}.json"
    if not file.is_file():
        return {}
    presets: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))[language]["presets"]["presets"]
    return {feature: preset["name"] for feature, preset in presets.items() if preset.get("name")}


def counts_by_language(rows: Collection[tuple[str, str, tuple[str, ...]]]) -> dict[str, int]:
    """Return the number of nouns of each language."""
    return dict(Counter(language for _, language, _ in rows))
