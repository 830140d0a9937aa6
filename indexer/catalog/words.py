"""The words of names and texts, and the parts that people search for: "IMG_2041" has img, 2041 and img2041."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

_LONGEST_JOINED = 40
"""Letters of a name whose words are joined to one; longer ones are sentences."""

_LONGEST_SUFFIXES = 32
"""Letters of a run without blanks (Chinese) from each of which a word may begin."""

UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u3005-\u3007\u3040-\u312f\u31f0-\u31ff"  # Japanese, Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
"""Scripts without blanks between words, Thai to Chinese, as ranges of a regular expression."""

_UNSPACED_RUN = re.compile(f"[{UNSPACED}]{{2,}}")

_RUN = re.compile(r"[^\W_]+")

_PARTS = re.compile("d+|U+(?!l)|Ul*|l+")
"""Parts of a word, given the kind of each of its letters: digit, upper case or another."""


class _Folding(dict[int, str]):
    """What letters become in words: marks that belong to a letter vanish, and what is in no word separates words.

    FTS5's tokenizer "unicode61" takes letters, digits and marks for parts of words.
    """

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        folded = "" if unicodedata.combining(letter) else letter if unicodedata.category(letter)[0] in "LNM" else " "
        self[code] = folded
        return folded


_FOLDING = _Folding()


def fold_words(text: str) -> list[str]:
    """Return the words of a text in lower case without accents, as the full-text index splits and compares them."""
    if text.isascii():
        return text.lower().translate(_FOLDING).split()
    return unicodedata.normalize("NFD", text.casefold()).translate(_FOLDING).split()


def is_unspaced(word: str) -> bool:
    """Return whether a word is of a script without blanks between words, so that it may be a part of a longer run."""
    return re.match(f"[{UNSPACED}]", word) is not None


def text_words(text: str) -> set[str]:
    """Return the words of a text, folded, and the parts of those that consist of several."""
    return {*fold_words(text), *_text_parts(text)}


@lru_cache(maxsize=1024)  # many items have the same camera and folder
def name_words(name: str) -> dict[str, None]:
    """Return the words of a name, folded, their parts, and all of them as one word: "rome_trip" has rometrip, too."""
    words = fold_words(name)
    joined = ["".join(words)] if len(words) > 1 and len(name) <= _LONGEST_JOINED else []
    return dict.fromkeys([*words, *_text_parts(name), *joined])


def file_words(name: str) -> dict[str, None]:
    """Return the words of a file's name, where the ending is a word of its own."""
    stem, ending = os.path.splitext(name)
    return name_words(stem) | dict.fromkeys(fold_words(ending))


def folder_words(folder: str) -> dict[str, None]:
    """Return the words of the names of folders, given as a path."""
    return dict.fromkeys(word for name in folder.split(os.sep) for word in name_words(name))


def item_words(file: str, row: str, root: str, names: Iterable[str | None], texts: Iterable[str | None]) -> str:
    """Return the words of an item's names for full-text search, separated by blanks.

    Args:
        file: The item's file.
        row: Id of a table's row, "" for other items.
        root: The source that it is in.
        names: Further names: camera and lens.
        texts: What is searched as text elsewhere, so that only parts of its words are added.
    """
    words = file_words(file_name(file)) | folder_words(folder_below(file, root)) | name_words(row)
    for name in names:
        words |= name_words(name or "")
    parts = (part for text in texts for part in _text_parts(text or ""))
    return " ".join(words | dict.fromkeys(parts))


def file_name(path: str) -> str:
    """Return the name of a file as text, with invalid UTF-8 replaced."""
    return _as_text(os.path.basename(path))


def folder_below(path: str, root: str) -> str:
    """Return the folders of a file below those of its source, as text; "" if there are none."""
    folder, top = os.path.dirname(path), root.rstrip(os.sep)
    if not path.startswith(top + os.sep):
        top = os.path.dirname(top)  # the source is a file, or a table with pictures
    return _as_text(folder[len(top) + 1 :]) if folder.startswith(top + os.sep) else ""


def _as_text(path: str) -> str:
    return os.fsencode(path).decode(errors="replace")


def _text_parts(text: str) -> Iterator[str]:
    """Yield the parts of the words that consist of several, folded; single letters and digits are none."""
    plain = text.isascii()
    for run in _RUN.findall(text if plain else unicodedata.normalize("NFC", text)):
        if run.isalpha() and (run[1:].islower() or run.isupper()):
            continue  # nearly all words
        parts = _split(run)
        numbers = [part.lstrip("0") for part in parts if part[:1] == "0" and part.isdigit()]
        yield from (part for part in (*(parts if len(parts) > 1 else ()), *numbers) if len(part) > 1)
    for match in () if plain else _UNSPACED_RUN.finditer(text):
        yield from (match[0][start:] for start in range(1, min(len(match[0]), _LONGEST_SUFFIXES)))


def _split(word: str) -> list[str]:
    """Return the parts of a word, folded: "HTMLFile2" has html, file and 2."""
    kinds = "".join("d" if letter.isdigit() else "U" if letter.isupper() else "l" for letter in word)
    parts = [word[match.start() : match.end()] for match in _PARTS.finditer(kinds)]
    return [part.lower() if part.isascii() else "".join(fold_words(part)) for part in parts]
