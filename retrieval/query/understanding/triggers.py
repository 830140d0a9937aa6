"""The words without which a text has no date, camera, place or negation: what finds these is loaded with the first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from retrieval.query.understanding.date_words import (
    AFTER_DISTANCE,
    BEFORE_DISTANCE,
    MONTHS,
    TODAY,
    UNIT_OF,
    YESTERDAY,
)
from retrieval.query.understanding.tokens import Token, word_set

MAKERS = word_set(
    "canon nikon sony fujifilm fuji panasonic lumix leica pentax olympus hasselblad sigma casio minolta konica "
    "gopro dji kodak ricoh yashica mamiya rollei phaseone"
)
"""Makers of cameras whose names mean little else; of phones, "woman iPhone" may be what a photo shows."""

_CAMERA_INTRODUCTIONS = word_set(
    "taken shot made photographed captured my our meine meiner meinem meinen unsere unserer unserem unseren mon ma "
    "notre mi mia mio nuestra mijn meu minha"
)
"""Each introduction of a camera has one of these words."""

PLACE_PREPOSITIONS = word_set(
    "in near around at im bei nahe um dans a à pres près vers en cerca por alrededor em perto per presso vicino bij "
    "nabij"
)
"""Words after which a place stands."""

AFTER_PHOTOS = word_set("from aus von de da di uit")
"""Words after which the place of a photo stands, if they follow a word for photos or begin the text."""

PHOTO_WORDS = word_set(
    "photo photos picture pictures pics image images shots snapshots foto fotos bild bilder photographie "
    "photographies imagen imagenes immagini afbeeldingen imagens"
)

NOBODY = {"nobody": "people", "no-one": "people", "noone": "people", "niemand": "Menschen", "personne": "personnes"}
WITHOUT = word_set("without except excluding ohne ausser sans sauf excepto senza tranne zonder behalve sem exceto")
NO = word_set("no kein keine keinen keinem keiner geen aucun aucune ningun ninguna nessun nessuna nenhum nenhuma")
NOT = word_set("not nicht pas non niet nao")

_WORD = re.compile(r"[^\W\d_]+")


def _parts(words: Iterable[str]) -> frozenset[str]:
    """Return the words of names: "week-end" is two."""
    return frozenset(_WORD.findall(" ".join(words)))


_DATES = _parts(
    [*MONTHS, *UNIT_OF, *TODAY, *YESTERDAY, *AFTER_DISTANCE, *(text.split()[0] for text in BEFORE_DISTANCE)]
)
"""A date without a number has one of these. A holiday has the period that it is of: "Christmas last year"."""

_CAMERAS = MAKERS | _CAMERA_INTRODUCTIONS
_PLACES = PLACE_PREPOSITIONS | AFTER_PHOTOS
_NEGATIONS = _parts([*WITHOUT, *NO, *NOT, *NOBODY, "sin", "pas"])


class Triggers(NamedTuple):
    """What a text may have."""

    dates: bool
    cameras: bool
    places: bool
    negations: bool


def triggers(tokens: Sequence[Token]) -> Triggers:
    """Return what a text may have, by a number, a capital or a word."""
    words = {word for token in tokens for word in _WORD.findall(token.folded)}
    has_number = any(letter.isdigit() for token in tokens for letter in token.folded)
    has_capital = any(token.text[:1].isupper() for token in tokens)
    return Triggers(
        dates=has_number or not words.isdisjoint(_DATES),
        cameras=has_number or not words.isdisjoint(_CAMERAS),
        places=has_capital or not words.isdisjoint(_PLACES),
        negations=not words.isdisjoint(_NEGATIONS),
    )
