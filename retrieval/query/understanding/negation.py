"""Finds what a text excludes: "a beach without people" -> "a beach", without "people".

Negations are "without", "with no", "but not", "but no", "except", "excluding", ", not" and ", no" in a text, and "no"
or "not a" at its beginning, in English, German, French, Spanish, Italian, Dutch and Portuguese. What is excluded ends
at the next sign, or where a place or a light begins ("without people at sunset"); a list excludes each of its entries.

Not negations: signs and their texts ("no smoking sign", "do not enter"), "not far from the sea", "no 5", "without a
doubt".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from retrieval.query.folding import fold_text
from retrieval.query.understanding.tokens import NEGATORS, Token, split, word_set
from retrieval.query.understanding.triggers import NO, NOBODY, NOT, WITHOUT

_FOLLOWING_NOT = word_set(
    "far only very so too just yet even enough much many all always necessarily quite really here in on at to for "
    "sure fully entirely allowed permitted long as more less that found responding my yours"
)
"""Words that "not" belongs to in other ways."""

_SIGN_WORDS = word_set(
    "sign signs symbol symbols signage sticker poster logo label banner schild zeichen panneau senal cartel segnale "
    "bord placa graffiti slogan"
)

_ACTIONS = re.compile(
    r"(?!(?:building|clothing|painting|wedding|ceiling|king|ring|string|wing|being|evening|thing)s?$)\w{2,}ing"
)
"""Forms of verbs: "no parking" is what a sign says."""

_SIGN_TEXTS = word_set(
    "entry exit parking smoking trespassing vacancy way idea problem doubt limit limits longer more less matter "
    "name man's country end filter brainer turn u-turn stopping through"
)
"""Words that follow "no" on signs and in idioms."""

_NOT_WITHOUT = word_set("doubt borders words limits fail name end cause frontiers grenzen fin")
"""Words after "without" that exclude nothing that a photo shows."""


_NO_TOKEN = Token("", "", "")
_BEFORE_SIN = word_set("original deadly of a the my")
_BEFORE_NO = word_set("dr mr say says saying")
_WITH = word_set("with mit con com met avec has having und and")
_BUT = word_set("but aber mais pero ma maar mas")
_VERBS = word_set("is are was were am be do does did can could should must will would has have ist sind est n'est es")
_WEARING = word_set("wearing holding carrying having showing with")
_ARTICLES = word_set(
    "a an the any some ein eine einen einem der die das un une des de d' du le la les el los las il lo gli i een "
    "het de o os as um uma other"
)
_AND = word_set("and or nor und oder et ou y o e en of") - {"of", "en"}

_TAILS = re.compile(
    r"^(?:in the (?:background|foreground|picture|photo|image|frame|distance)|in (?:it|sight|view|them)|on (?:it|them)"
    r"|at all|anywhere|around|im hintergrund|im vordergrund|darauf|drauf|zu sehen|en el fondo|dans le fond)$"
)
"""Ends of a negation that add nothing."""

_SCENES = re.compile(
    r"(?:at|by|in|during|under|on)(?: an?| the)?(?: \w+)? "
    r"(?:sunset|sunrise|night|dawn|dusk|noon|midday|twilight|daylight|daytime|moonlight|winter|summer|spring|autumn|fall"
    r"|morning|evening|afternoon|rain|snow|fog|mist|sun|dark|sky|black and white)"
)
"""Where a photo's light or season begins, which is not excluded: "without people at sunset"."""

_PLACES = word_set(
    "on in at near under by behind beside inside outside along auf im am bei sur dans en sobre sul nel op"
)
"""Words after which a place follows: "no people on the beach"."""


_PEOPLE = word_set(
    "people person persons anyone anybody humans human menschen personen leute personnes gens gente personas persone "
    "mensen pessoas"
)
_PEOPLE_DESCRIPTIONS = ("a man", "a woman", "a child", "a group of people")
"""What people look like: "people" alone finds a third of the photos of Flickr8k that show some."""


def descriptions(excluded: str) -> tuple[str, ...]:
    """Return the descriptions that are excluded for an entry of `Negation.excluded`."""
    return (excluded, *_PEOPLE_DESCRIPTIONS) if fold_text(excluded) in _PEOPLE else (excluded,)


class Negation(NamedTuple):
    """A text and what it excludes.

    Attributes:
        words: The text without its negations; "" if nothing else is left.
        excluded: What no photo may show, at least one.
    """

    words: str
    excluded: tuple[str, ...]


def find_negation(text: str) -> Negation | None:
    """Return a text without its negations, and what these exclude; None if it has none."""
    tokens = split(text)
    if any(token.folded in _SIGN_WORDS for token in tokens):
        return None
    rest: list[Token] = []
    excluded: list[str] = []
    number = 0
    while number < len(tokens):
        length = _negator(tokens, number)
        end = _end(tokens, number + length) if length else number
        entries = _entries(tokens[number + length : end]) if length else []
        if length and tokens[number].folded in NOBODY:
            entries, end = [NOBODY[tokens[number].folded]], number + 1
        elif length and entries == ["one"]:
            entries = ["people"]
        if not entries:
            rest.append(tokens[number])
            number += 1
            continue
        excluded += entries
        if rest:
            rest[-1] = rest[-1]._replace(mark="")
        if not rest and _TAILS.match(" ".join(token.folded for token in tokens[end:])):
            end = len(tokens)
        if not rest and end < len(tokens) and tokens[end].folded in _PLACES:
            end += 1  # "no people on the beach" leaves "the beach"
        number = end
    if not excluded:
        return None
    return Negation(" ".join(token.text + token.mark for token in rest), tuple(dict.fromkeys(excluded)))


def _negator(tokens: list[Token], number: int) -> int:
    """Return how many words a negation begins with at a word; 0 if none begins there."""
    word = tokens[number].folded
    if number == 0 and word in NOBODY:
        return 1
    if number + 1 == len(tokens) or tokens[number].mark:
        return 0
    before = tokens[number - 1] if number else _NO_TOKEN
    following = [token.folded for token in tokens[number + 1 : number + 3]]
    first, second = (*following, "")[:2]
    lengths = (
        _without(word, first, second, before),
        _no(word, first, second, before),
        _not(word, first, second, before),
    )
    return max(lengths)


def _without(word: str, first: str, second: str, before: Token) -> int:
    """Return the number of words of "without", "except", "but not" and the like; 0 for other words."""
    if word in WITHOUT:
        nouns = {first, second} if first in _ARTICLES else {first}
        return 0 if nouns & _NOT_WITHOUT or (word == "sem" and not before.text) else 1 + (first == "any")
    if word == "sin":  # Spanish; in English something else
        return int(bool(before.text) and before.folded not in _BEFORE_SIN)
    if word in _BUT and first in NOT | NO | WITHOUT and second and second not in _FOLLOWING_NOT:
        return 2
    return 0


def _no(word: str, first: str, second: str, before: Token) -> int:
    """Return the number of words of "no" or "with no"; 0 for other words."""
    if word in _WITH and first in NO and second:
        return 2
    if word == "pas":
        return int(first in ("de", "un", "une", "des") or first.startswith("d'"))
    if word not in NO or first in _SIGN_TEXTS or first[:1].isdigit() or _ACTIONS.fullmatch(first):
        return 0
    return int(before.folded not in _BEFORE_NO)


def _not(word: str, first: str, second: str, before: Token) -> int:
    """Return the number of words of "not" before a noun; 0 for other words."""
    if word not in NOT or first in _FOLLOWING_NOT - _WEARING:
        return 0
    if first in _WEARING:
        return 2 if second else 0
    begins = not before.text or before.mark[:1] in (",", ";", "-") or before.folded == "and"
    if first in _ARTICLES:
        return int(begins or before.folded not in _VERBS)
    return int(begins and (bool(before.text) or not second))


def _end(tokens: list[Token], start: int) -> int:
    """Return the number of the word after what a negation excludes."""
    for number in range(start, len(tokens)):
        if number > start:
            folded = [token.folded for token in tokens[number : number + 5]]
            ahead = " ".join(folded)
            if _SCENES.match(ahead) or (folded[0] in NEGATORS and _negator(tokens, number)):
                return number
            if folded[0] in _BUT or (start and _is_first_negation(tokens, start) and folded[0] in _PLACES):
                return number
        if tokens[number].mark and not _continues(tokens, number + 1):
            return number + 1
    return len(tokens)


def _is_first_negation(tokens: list[Token], start: int) -> bool:
    """Return whether a negation begins the text, so that a place after it is what the photo shows."""
    return start <= 2 and _negator(tokens, 0) == start


def _continues(tokens: list[Token], number: int) -> bool:
    """Return whether a list goes on after a comma: "without cars, people or dogs"."""
    following = tokens[number : number + 3]
    return any(token.folded in _AND for token in following[1:3])


def _entries(tokens: list[Token]) -> list[str]:
    """Return the entries of what is excluded: "people or dogs" are two."""
    entries: list[list[Token]] = [[]]
    for token in tokens:
        if token.folded in _AND:
            entries.append([])
        else:
            entries[-1].append(token._replace(mark=""))
            if token.mark:
                entries.append([])
    return [text for entry in entries if (text := _entry(entry))]


def _entry(tokens: list[Token]) -> str:
    words = list(tokens)
    for start in range(1, len(words)):
        if _TAILS.match(" ".join(token.folded for token in words[start:])):
            words = words[:start]
            break
    while words and words[0].folded in {"any", "other", "the", "de", "des", *NO, *NOT}:
        words = words[1:]
    text = " ".join(token.text for token in words)
    return text[2:] if fold_text(text).startswith("d'") else text
