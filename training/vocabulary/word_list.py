"""The words that `compact` knows: those that its training texts use often enough."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from training.compact.corpus import Noun, imagenet_names, read_lines, wordnet_nouns
from training.compact.photo_sets import TrainingPhoto, read_sets

MIN_CAPTIONS = 3
"""Uses in captions that make a word known; many of the words that are used less are misspelled, or names."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case, without a possessive's 's."""
    normal = unicodedata.normalize("NFC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for word in _WORD.findall(normal.lower()):
        yield word.removesuffix("'s")


def known_words(data: Path, wordnet: Path) -> list[str]:
    """Return the words that compact knows, the commonest in captions first, then by name.

    These are the words that captions use at least `MIN_CAPTIONS` times, those of class names, and WordNet's nouns for
    visible things that its own texts use, with their irregular plurals.

    Args:
        data: The folder of training sets, see `training.compact`.
        wordnet: The folder with WordNet's `data.noun`, `index.noun` and `noun.exc`.
    """
    photos = [photo for photo in read_sets(data) if photo.split != "dev"]
    counts = _caption_counts(photos, read_lines(data / "text" / "captions.txt"))
    words = {word for word, count in counts.items() if count >= MIN_CAPTIONS}
    words |= {word for photo in photos if photo.label for caption in photo.captions for word in words_of(caption)}
    words |= {word for names in imagenet_names() for name in names[:3] for word in words_of(name)}
    words |= _common_nouns(wordnet_nouns(wordnet), wordnet / "index.noun")
    words |= {plural for plural, noun in _irregular_plurals(wordnet / "noun.exc") if noun in words}
    return sorted(words, key=lambda word: (-counts[word], word))


def _caption_counts(photos: Iterable[TrainingPhoto], extra: Iterable[str]) -> Counter[str]:
    captions = [caption for photo in photos if not photo.label for caption in photo.captions]
    return Counter(word for caption in (*captions, *extra) for word in words_of(caption))


def _common_nouns(nouns: Iterable[Noun], index: Path) -> set[str]:
    """Return the nouns of one word whose senses are tagged in WordNet's own texts: "apple", not "zoril"."""
    tagged = set()
    for line in index.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):  # its licence
            fields = line.split()
            if int(fields[5 + int(fields[3])]):  # wndb(5WN): lemma pos synset_cnt p_cnt [ptr…] sense_cnt tagsense_cnt
                tagged.add(fields[0])
    return {name for noun in nouns for name in noun.names[:2] if name.isalpha() and name in tagged}


def _irregular_plurals(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each irregular plural with its noun, from WordNet's list of exceptions."""
    for line in file.read_text(encoding="utf-8").splitlines():
        plural, *nouns = line.split()
        for noun in nouns:
            if plural.isalpha():
                yield plural, noun
