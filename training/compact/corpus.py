"""Lines of text for the distillation of the text tower: captions, class names, dictionary nouns, short queries."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from timm.data.imagenet_info import ImageNetInfo

from training.compact.photo_sets import TrainingPhoto

logger = logging.getLogger(__name__)

VISIBLE_LEXICON = frozenset({"04", "05", "06", "08", "11", "13", "15", "17", "18", "19", "20", "27"})
"""WordNet's lexicographer files of visible things (lexnames(5WN)): act, animal, artifact, body, event, food,
location, object, person, phenomenon, plant, substance."""

IMAGENET_CLASSES = 1000

RANKS = ("genus ", "family ", "order ", "class ", "phylum ", "subfamily ", "suborder ")
"""First words of WordNet's names for groups of plants and animals, which nobody searches for."""

BROADER_LINES = {
    "05": "a photo of an animal",
    "13": "a photo of food",
    "18": "a photo of a person",
    "20": "a photo of a plant",
}
"""A line that holds for all nouns of a lexicographer file."""

TEMPLATES = (
    "a photo of {}",
    "{}",
    "a picture of {}",
    "a close-up photo of {}",
    "there is {} in the photo",
    "a black and white photo of {}",
)


@dataclass(frozen=True, slots=True)
class Noun:
    """A WordNet noun: its synonyms, most common first, the start of its gloss, and its lexicographer file."""

    names: tuple[str, ...]
    gloss: str
    lexicon: str


def with_article(name: str) -> str:
    """Return the name with "a" or "an" in front, by its first letter."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def parse_noun(line: str) -> Noun | None:
    """Return the noun of a line of WordNet's data.noun, or None for a licence line or an invisible thing.

    The format is wndb(5WN): offset, lexicographer file, "n", number of words in hexadecimal, words and their
    numbers, pointers, then "|" and the gloss.
    """
    head, bar, gloss = line.partition("|")
    fields = head.split()
    if not bar or line.startswith(" ") or fields[1] not in VISIBLE_LEXICON:
        return None
    names = [word.replace("_", " ") for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]
    if _is_name(fields[1], names[0]):
        return None
    return Noun(names=tuple(names), gloss=re.split(r'[;(]|"', gloss.strip())[0].strip(), lexicon=fields[1])


def _is_name(lexicon: str, name: str) -> bool:
    """Return whether it names one person or a Latin group; these are 20,000 lines that are no help with photos."""
    if lexicon not in {"05", "18", "20"}:
        return False
    latin = lexicon == "05" and " " not in name  # "Canidae", but not "Afghan hound"
    return name.startswith(RANKS) or (name[:1].isupper() and (latin or lexicon != "05"))


def wordnet_nouns(folder: Path) -> list[Noun]:
    """Return the visible things among WordNet's nouns, in file order; none if there is no `data.noun`."""
    path = folder / "data.noun"
    if not path.is_file():
        logger.warning(
            "%s does not exist: training without a dictionary; to have one, run: apt-get install wordnet-base", path
        )
        return []
    with path.open(encoding="utf-8") as lines:
        return [noun for noun in map(parse_noun, lines) if noun is not None]


def noun_lines(nouns: Iterable[Noun]) -> Iterator[str]:
    """Yield "a photo of a NAME" for the first two names and "NAME, GLOSS" for the first."""
    for noun in nouns:
        for name in noun.names[:2]:
            yield f"a photo of {with_article(name)}"
        yield f"{noun.names[0]}, {noun.gloss}"


def find_broader_lines(nouns: Iterable[Noun]) -> dict[str, str]:
    """Return the broader line of each line about an animal, food, a person or a plant.

    A line with several meanings ("a photo of a crane") has none.
    """
    meanings: dict[str, set[str]] = {}
    for noun in nouns:
        for line in noun_lines([noun]):
            meanings.setdefault(line, set()).add(noun.lexicon)
    unambiguous = {line: lexicons.pop() for line, lexicons in meanings.items() if len(lexicons) == 1}
    return {line: BROADER_LINES[lexicon] for line, lexicon in unambiguous.items() if lexicon in BROADER_LINES}


def imagenet_names() -> list[tuple[str, ...]]:
    """Return the synonyms of each of the 1,000 ImageNet classes in the classifier's order (from timm)."""
    info = ImageNetInfo()
    return [tuple(info.index_to_description(index).split(", ")) for index in range(IMAGENET_CLASSES)]


def class_lines(names: Sequence[str]) -> Iterator[str]:
    """Yield every template filled with every name."""
    for name in names:
        for template in TEMPLATES:
            yield template.format(with_article(name) if template != "{}" else name)


def imagenet_prompts() -> list[list[str]]:
    """Return for each ImageNet class the lines whose mean embedding represents it."""
    return [
        [f"a photo of {with_article(names[0])}", ", ".join(names[:3]), f"{names[0]}, {gloss}"]
        for names, gloss in zip(imagenet_names(), _imagenet_glosses(), strict=True)
    ]


def _imagenet_glosses() -> list[str]:
    info = ImageNetInfo()
    detailed = [info.index_to_description(index, detailed=True) for index in range(IMAGENET_CLASSES)]
    return [re.split(r"[;(]", text.partition(": ")[2])[0].strip() for text in detailed]


def short_queries(captions: Sequence[str], random: np.random.Generator) -> Iterator[str]:
    """Yield two to six consecutive words of each caption, as people type a search."""
    for caption in captions:
        words = caption.rstrip(" .").split()
        if len(words) > 3:
            length = int(random.integers(2, min(7, len(words))))
            start = int(random.integers(0, len(words) - length + 1))
            yield " ".join(words[start : start + length])


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file without blank ones; none if the file does not exist."""
    if not path.is_file():
        logger.warning("%s does not exist: training without it", path)
        return []
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def collect_lines(
    photos: Sequence[TrainingPhoto], extra: Sequence[str], nouns: Sequence[Noun], *, seed: int
) -> list[str]:
    """Return every line of the corpus once, in a fixed order.

    Args:
        photos: Training photos, whose captions and class names are used.
        extra: Captions without photos.
        nouns: Dictionary nouns.
        seed: Seed of the short queries.
    """
    random = np.random.default_rng(seed)
    captions = [caption for photo in photos if not photo.label for caption in photo.captions] + list(extra)
    labels = sorted({photo.label for photo in photos if photo.label})
    label_lines = sorted({caption for photo in photos if photo.label for caption in photo.captions})
    names = [name for names in imagenet_names() for name in names[:3]]
    lines = [
        *captions,
        *short_queries(captions, random),
        *label_lines,
        *class_lines(labels),
        *class_lines(names),
        *noun_lines(nouns),
    ]
    return list(dict.fromkeys(lines))
