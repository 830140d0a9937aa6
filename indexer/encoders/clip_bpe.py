"""CLIP's byte-pair encoding of words: the ids of open_clip's `SimpleTokenizer` without torch."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import EncoderError

if TYPE_CHECKING:
    from tokenizers.models import BPE

MERGES_FILE = Path(__file__).parent / "clip_merges.txt"
_MERGES_CRC32 = 0xF1E44E3F
"""Checksum of the merges; ids are line numbers, so that one missing line would shift all that follow."""

MAX_PIECE = 32
"""Characters of the longest piece that a merge makes."""

START, END = "<start_of_text>", "<end_of_text>"
START_ID, END_ID = 49406, 49407  # after 256 bytes, the same 256 at the end of a word, and 48,894 merges

# open_clip's pattern (SimpleTokenizer.pat), and the same for lower-case ASCII. The second needs no `regex`, whose
# import takes 14 ms. The first needs it, because `re` and `tokenizers` have the classes of another Unicode version.
_WORDS = rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+"
_ASCII_WORDS = re.compile(rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", re.ASCII)


def split_words(text: str) -> list[str]:
    """Return the words of a clean text, each of which is encoded by itself."""
    if text.isascii():
        return _ASCII_WORDS.findall(text)
    words: list[str] = _find_words()(text)
    return words


@cache
def _find_words() -> Callable[[str], list[str]]:
    import regex  # late: see _WORDS

    find: Callable[[str], list[str]] = regex.compile(_WORDS, regex.IGNORECASE).findall
    return find


def encode_words(words: Iterable[str]) -> dict[str, list[int]]:
    """Return the token ids of each word.

    A merge can apply to a word only if the piece that it makes is part of the word. So these merges alone, in their
    order, give the same ids as all 48,894, and the model is made in less than a millisecond instead of 50.
    """
    lines, ids = read_merges()
    byte_symbols = _byte_symbols()
    symbols = {word: word.encode().decode("latin-1").translate(byte_symbols) for word in words}
    usable = sorted({ids[piece] for word in symbols.values() for piece in _pieces(word) if piece in ids})
    merges = [_pair(lines[number - 512]) for number in usable]
    vocabulary = {symbol: number for number, symbol in enumerate(byte_symbols.values())}
    vocabulary |= {f"{symbol}</w>": number + 256 for symbol, number in vocabulary.items()}
    vocabulary |= {first + second: number for (first, second), number in zip(merges, usable, strict=True)}
    model = _model(vocabulary, merges)
    encoded = {word: [token.id for token in model.tokenize(text)] for word, text in symbols.items()}
    return encoded | {START: [START_ID], END: [END_ID]}  # open_clip reads these as marks if a text contains them


def _model(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> BPE:
    from tokenizers.models import BPE  # late: takes 15 ms, and a tokenizer from a file does not need it

    return BPE(vocabulary, merges, end_of_word_suffix="</w>")


def _pieces(word: str) -> Iterator[str]:
    """Yield every part of a word that a merge could make, with the end-of-word mark if it reaches the end."""
    for start in range(len(word)):
        for stop in range(start + 2, min(start + MAX_PIECE, len(word)) + 1):
            yield word[start:stop]
    for start in range(max(0, len(word) - MAX_PIECE), len(word) - 1):
        yield f"{word[start:]}</w>"


def _pair(line: str) -> tuple[str, str]:
    first, second = line.split(" ")
    return first, second


@cache
def _byte_symbols() -> dict[int, str]:
    """Return the character for each byte in the vocabulary, in the vocabulary's order (GPT-2's table)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}


@cache
def read_merges() -> tuple[Sequence[str], Mapping[str, int]]:
    """Return the merges ("th e</w>") by rank, and the id of the piece that each makes ("the</w>").

    Raises:
        EncoderError: The file is missing or damaged.
    """
    try:
        merges = MERGES_FILE.read_text(encoding="utf-8").partition("\n\n")[2]
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderError(f"{MERGES_FILE} cannot be read ({error}); install Recall again") from error
    if zlib.crc32(merges.encode()) != _MERGES_CRC32:
        raise EncoderError(f"{MERGES_FILE} is damaged (its checksum is wrong); install Recall again")
    merges = merges.removesuffix("\n")
    lines = merges.split("\n")
    return lines, dict(zip(merges.replace(" ", "").split("\n"), range(512, START_ID), strict=True))
