"""Texts into token ids without torch, id for id as open_clip's own tokenizers give them.

`tokenizers` merges the byte pairs. Only what open_clip leaves to Python is written here: cleaning, splitting into
words, cutting and padding.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.errors import EncoderError, MissingPackageError

if TYPE_CHECKING:
    from tokenizers.models import BPE

Tokens = NDArray[np.int64]
"""Token ids of texts, shape (n, context length), int64."""

REMEMBERED = 50_000
"""Words whose ids are kept: the words of long texts are few, and merging one takes ten times what the rest takes."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Turns texts into token ids; any number of threads may use it at once.

    Attributes:
        tokenize: Gives one row per text, cut and padded to the context length.
        fits: Tells of each text whether nothing is cut off it.
    """

    tokenize: Callable[[Sequence[str]], Tokens]
    fits: Callable[[Sequence[str]], list[bool]]

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the texts' token ids, shape (n, context length), int64."""
        return self.tokenize(texts)


MERGES = Path(__file__).parent / "clip_merges.txt"
CHECKSUM = 0xF1E44E3F  # CRC-32 of the merges: the ids are their places, so one line less would shift all that follow
LONGEST = 32  # characters of the longest piece that a merge makes

START, END = "<start_of_text>", "<end_of_text>"
START_ID, END_ID = 49406, 49407  # after 256 bytes, the same 256 at a word's end, and 48,894 merges

# open_clip's pattern (SimpleTokenizer.pat), and what it says on lower-case ASCII. The second needs no `regex`, whose
# import takes 14 ms; the first needs it, since the classes of `re` and of `tokenizers` are of another Unicode version.
WORDS = rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+"
ASCII_WORDS = re.compile(rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", re.ASCII)

# ftfy gives back what holds these only. On ASCII its repair of encodings stops at once, and of its other steps HTML
# needs "&", colours and control characters need codes below 32 that are not here, "\r" is not here, and the rest
# replaces characters beyond ASCII. html.unescape needs "&" too. Importing ftfy takes 50 ms.
PLAIN = re.compile(r"[\t\n -%'-~]*")

PUNCTUATION = str.maketrans("", "", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def load_tokenizer(described: Mapping[str, object], folder: Path) -> Tokenizer:
    """Return what turns texts into token ids, shape (n, context_length), int64.

    Args:
        described: "kind" and "context_length" (ids per row), and as the kind has it:

            "clip", open_clip's `SimpleTokenizer`: nothing more. Padded with 0.

            "file", open_clip's `HFTokenizer` and `SigLipTokenizer`, over what `transformers` calls the backend:

            - "file": name of a `tokenizer.json` in `folder`, as `backend_tokenizer.save` writes it.
            - "pad_id": fills rows, `tokenizer.pad_token_id`.
            - "clean": "whitespace" (HFTokenizer's own default), "lower", "canonicalize" (SigLIP), or "" for none.
            - "strip_id": becomes 0 in the result, `tokenizer.sep_token_id` where `strip_sep_token` is set, else absent.
            - "padding_side", "truncation_side": "right" or "left" as in `tokenizer`; absent means "right".

            A tokenizer in mode "clips", or without a backend, cannot be described.
        folder: Where "file" is.

    Raises:
        EncoderError: The description cannot be used, or the tokenizer's data is missing or damaged.
        MissingPackageError: A package of the extra cpu is not installed.
    """
    for package in ("tokenizers", "ftfy", "regex"):
        if find_spec(package) is None:
            raise MissingPackageError(f"texts need the package {package}; run: pip install 'recall-photos[cpu]'")
    kind, length = described.get("kind"), _number(described, "context_length")
    if length is None or length < 1:
        raise EncoderError(f"a tokenizer has context_length {length}; expected 1 or more; export the encoder again")
    if kind == "clip":
        _check_keys(described, set())
        return _clip(length)
    if kind == "file":
        _check_keys(described, {"file", "pad_id", "clean", "strip_id", "padding_side", "truncation_side"})
        return _from_file(described, folder, length)
    raise EncoderError(f"a tokenizer is of kind {kind!r}; expected clip or file; export the encoder again")


def _clip(length: int) -> Tokenizer:
    """Return `SimpleTokenizer(context_length=length)`."""
    lines, ids = _merges()
    known: dict[str, list[int]] = {}

    def uncut(texts: Sequence[str]) -> list[list[int]]:
        """Return at least the first `length` + 1 ids of each text with its marks, or all where it has fewer."""
        # A word has one id at least: what follows the first `length` words is cut in any case. An id covers at most
        # LONGEST characters, so that the first half of `most` gives `length` ids; the second keeps it from the cut's
        # effect, which reaches a few pieces. All of a word of a million letters would take seconds.
        most = 2 * length * LONGEST
        split = [[word[:most] for word in _words(_lower(text))[:length]] for text in texts]
        if len(known) > REMEMBERED:
            known.clear()
        needed = {word for words in split for word in words}
        found = {word: known[word] for word in needed if word in known}  # a copy: another thread may clear the words
        if len(found) < len(needed):
            new = _ids_of_words(needed - found.keys(), lines, ids)
            known.update(new)
            found |= new
        return [[START_ID, *(each for word in words for each in found[word]), END_ID] for words in split]

    def tokenize(texts: Sequence[str]) -> Tokens:
        tokens = np.zeros((len(texts), length), dtype=np.int64)
        for row, whole in zip(tokens, uncut(texts), strict=True):
            cut = whole[:length]
            row[: len(cut)] = cut
            row[len(cut) - 1] = END_ID
        return tokens

    def fits(texts: Sequence[str]) -> list[bool]:
        return [len(whole) <= length for whole in uncut(texts)]

    return Tokenizer(tokenize, fits)


def _words(text: str) -> list[str]:
    """Return the parts of a clean text that are merged each by itself."""
    if text.isascii():
        return ASCII_WORDS.findall(text)
    found: list[str] = _pattern()(text)
    return found


@cache
def _pattern() -> Callable[[str], list[str]]:
    import regex  # late: see WORDS

    find: Callable[[str], list[str]] = regex.compile(WORDS, regex.IGNORECASE).findall
    return find


def _ids_of_words(words: Iterable[str], lines: Sequence[str], ids: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the ids of each word.

    A merge applies to a word only where what it makes is a part of the word. Hence these merges alone, in their order,
    give what all 48,894 give, and the model is made in less than a millisecond and not in 50.
    """
    bytes_to_symbols = _symbols()
    written = {word: word.encode().decode("latin-1").translate(bytes_to_symbols) for word in words}
    usable = sorted({ids[piece] for word in written.values() for piece in _pieces(word) if piece in ids})
    merges = [_pair(lines[number - 512]) for number in usable]
    vocabulary = {symbol: number for number, symbol in enumerate(bytes_to_symbols.values())}
    vocabulary |= {f"{symbol}</w>": number + 256 for symbol, number in vocabulary.items()}
    vocabulary |= {first + second: number for (first, second), number in zip(merges, usable, strict=True)}
    model = _model(vocabulary, merges)
    known = {word: [token.id for token in model.tokenize(symbols)] for word, symbols in written.items()}
    return known | {START: [START_ID], END: [END_ID]}  # open_clip takes them for itself when a text spells them out


def _model(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> BPE:
    from tokenizers.models import BPE  # late: takes 15 ms, and a folder's tokenizer does without this part

    return BPE(vocabulary, merges, end_of_word_suffix="</w>")


def _pieces(word: str) -> Iterator[str]:
    """Yield every part of a word that a merge may make, with the mark of its end where it reaches that."""
    for start in range(len(word)):
        for stop in range(start + 2, min(start + LONGEST, len(word)) + 1):
            yield word[start:stop]
    for start in range(max(0, len(word) - LONGEST), len(word) - 1):
        yield f"{word[start:]}</w>"


def _pair(line: str) -> tuple[str, str]:
    first, second = line.split(" ")
    return first, second


@cache
def _symbols() -> dict[int, str]:
    """Return the character that stands for each byte in the vocabulary, in the vocabulary's order (GPT-2's table)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}


@cache
def _merges() -> tuple[list[str], dict[str, int]]:
    """Return the merges ("th e</w>") by rank, and the id of what each makes ("the</w>")."""
    try:
        merges = MERGES.read_text(encoding="utf-8").partition("\n\n")[2]
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderError(f"{MERGES} cannot be read ({error}); install Recall again") from error
    if zlib.crc32(merges.encode()) != CHECKSUM:
        raise EncoderError(
            f"{MERGES} is damaged: its checksum is not the one it was shipped with; install Recall again"
        )
    merges = merges.removesuffix("\n")
    lines = merges.split("\n")
    return lines, dict(zip(merges.replace(" ", "").split("\n"), range(512, START_ID), strict=True))


def _from_file(described: Mapping[str, object], folder: Path, length: int) -> Tokenizer:
    """Return `HFTokenizer(...)` over the backend in a file."""
    from tokenizers import Tokenizer as Backend  # late: takes 15 ms

    pad, strip = _number(described, "pad_id"), _number(described, "strip_id")
    clean = CLEANERS[_choice(described, "clean", tuple(CLEANERS))]
    name = described.get("file")
    if not isinstance(name, str) or Path(name).name != name or pad is None:
        raise EncoderError(
            f"a tokenizer has file {name!r} and pad_id {pad}; expected a name and a number; export again"
        )
    file = folder / name
    sides = ("right", "left")
    cut, fill = _choice(described, "truncation_side", sides), _choice(described, "padding_side", sides)
    try:
        backend = Backend.from_str(file.read_text(encoding="utf-8"))
        backend.enable_truncation(length, direction=cut)
        backend.enable_padding(length=length, pad_id=pad, direction=fill)
    except Exception as error:  # tokenizers raises no other class for what it cannot read
        raise EncoderError(f"{file} is no usable tokenizer ({error}); export the encoder again") from error

    def tokenize(texts: Sequence[str]) -> Tokens:
        # One by one: encode_batch starts threads, and the processes that decode pictures are forked beside them.
        rows = [backend.encode(clean(text)).ids for text in texts]
        tokens = np.array(rows, dtype=np.int64).reshape(len(rows), length)
        return tokens if strip is None else np.where(tokens == strip, 0, tokens)

    def fits(texts: Sequence[str]) -> list[bool]:
        return [not backend.encode(clean(text)).overflowing for text in texts]

    return Tokenizer(tokenize, fits)


def _basic(text: str) -> str:
    if PLAIN.fullmatch(text):
        return text
    from html import unescape  # late as ftfy, which imports it

    import ftfy  # late: see PLAIN

    return unescape(unescape(ftfy.fix_text(text)))


def _whitespace(text: str) -> str:
    return " ".join(_basic(text).split())


def _lower(text: str) -> str:
    return _whitespace(text).lower()


def _canonicalize(text: str) -> str:
    words = _basic(text).replace("_", " ").translate(PUNCTUATION).lower()
    return " ".join(words.split())


def _unchanged(text: str) -> str:
    return text


CLEANERS: Mapping[str, Callable[[str], str]] = {
    "whitespace": _whitespace,
    "lower": _lower,
    "canonicalize": _canonicalize,
    "": _unchanged,
}


def _check_keys(described: Mapping[str, object], more: set[str]) -> None:
    unknown = sorted(set(described) - more - {"kind", "context_length"})
    if unknown:
        raise EncoderError(f"a tokenizer of kind {described['kind']!r} has unknown {unknown}; export the encoder again")


def _number(described: Mapping[str, object], key: str) -> int | None:
    value = described.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise EncoderError(f"a tokenizer has {key} {value!r}; expected a whole number; export the encoder again")
    return value


def _choice(described: Mapping[str, object], key: str, choices: Sequence[str]) -> str:
    """Return the value of a key, the first of the choices where it is absent."""
    value = described.get(key, choices[0])
    if not isinstance(value, str) or value not in choices:
        raise EncoderError(f"a tokenizer has {key} {value!r}; expected one of {choices}; export the encoder again")
    return value
