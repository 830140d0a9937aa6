"""Token ids without torch, identical to those of open_clip's own tokenizers.

The package `tokenizers` merges byte pairs. What open_clip does in Python is done here: cleaning, splitting into words,
truncation and padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.clip_bpe import END_ID, MAX_PIECE, START_ID, encode_words, read_merges, split_words
from indexer.encoders.text_cleaning import CLEANERS, lower
from indexer.errors import EncoderError, MissingPackageError

Tokens = NDArray[np.int64]
"""Token ids of texts, shape (n, context length), int64."""

_MAX_CACHED_WORDS = 50_000
"""Words whose ids are cached: long texts have few different words, and merging takes ten times what the rest takes."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Turns texts into token ids; it can be used by several threads at once.

    Attributes:
        tokenize: Returns one row per text, truncated and padded to the context length.
        fits: Returns for each text whether it is not truncated.
    """

    tokenize: Callable[[Sequence[str]], Tokens]
    fits: Callable[[Sequence[str]], list[bool]]

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the texts' token ids, shape (n, context length), int64."""
        return self.tokenize(texts)


def load_tokenizer(description: Mapping[str, object], folder: Path) -> Tokenizer:
    """Return the tokenizer of a description.

    Args:
        description: "kind" and "context_length" (ids per row), and depending on the kind:

            "clip", open_clip's `SimpleTokenizer`: nothing else. Rows are padded with 0.

            "file", open_clip's `HFTokenizer` and `SigLipTokenizer`, over what `transformers` calls the backend:

            - "file": name of a `tokenizer.json` in `folder`, as `backend_tokenizer.save` writes it.
            - "pad_id": id that rows are padded with, `tokenizer.pad_token_id`.
            - "clean": "whitespace" (HFTokenizer's default), "lower", "canonicalize" (SigLIP), or "" for no cleaning.
            - "strip_id": id that becomes 0 in the result: `tokenizer.sep_token_id` if `strip_sep_token` is set, else
              absent.
            - "padding_side", "truncation_side": "right" or "left" as in `tokenizer`; "right" if absent.

            A tokenizer in mode "clips", or without a backend, cannot be described.
        folder: Folder of "file".

    Raises:
        EncoderError: The description cannot be used, or the tokenizer's data is missing or damaged.
        MissingPackageError: A package of the extra cpu is not installed.
    """
    for package in ("tokenizers", "ftfy", "regex"):
        if find_spec(package) is None:
            raise MissingPackageError(f"texts need the package {package}; run: pip install 'recall-photos[cpu]'")
    kind, length = description.get("kind"), _number(description, "context_length")
    if length is None or length < 1:
        raise EncoderError(
            f"a tokenizer has context_length {length}; expected a number from 1; export the encoder again"
        )
    if kind == "clip":
        _check_keys(description, set())
        return _clip_tokenizer(length)
    if kind == "file":
        _check_keys(description, {"file", "pad_id", "clean", "strip_id", "padding_side", "truncation_side"})
        return _file_tokenizer(description, folder, length)
    raise EncoderError(f"a tokenizer is of kind {kind!r}; expected clip or file; export the encoder again")


def _clip_tokenizer(length: int) -> Tokenizer:
    """Return a tokenizer like `SimpleTokenizer(context_length=length)`."""
    read_merges()  # reports a damaged file now
    cached: dict[str, list[int]] = {}

    def encode(texts: Sequence[str]) -> list[list[int]]:
        """Return at least the first `length` + 1 ids of each text including marks, or all if it has fewer."""
        # A word has at least one id, so words after the first `length` are truncated in any case. An id covers at most
        # MAX_PIECE characters, so the first half of `limit` gives `length` ids; the second half is for the effect of
        # the cut, which reaches a few pieces. All of a word of a million letters would take seconds.
        limit = 2 * length * MAX_PIECE
        split = [[word[:limit] for word in split_words(lower(text))[:length]] for text in texts]
        if len(cached) > _MAX_CACHED_WORDS:
            cached.clear()
        required = {word for words in split for word in words}
        ids = {word: cached[word] for word in required if word in cached}  # a copy: another thread may clear the cache
        if len(ids) < len(required):
            encoded = encode_words(required - ids.keys())
            cached.update(encoded)
            ids |= encoded
        return [[START_ID, *(id_ for word in words for id_ in ids[word]), END_ID] for words in split]

    def tokenize(texts: Sequence[str]) -> Tokens:
        tokens = np.zeros((len(texts), length), dtype=np.int64)
        for row, ids in zip(tokens, encode(texts), strict=True):
            truncated = ids[:length]
            row[: len(truncated)] = truncated
            row[len(truncated) - 1] = END_ID
        return tokens

    def fits(texts: Sequence[str]) -> list[bool]:
        return [len(ids) <= length for ids in encode(texts)]

    return Tokenizer(tokenize, fits)


def _file_tokenizer(description: Mapping[str, object], folder: Path, length: int) -> Tokenizer:
    """Return a tokenizer like `HFTokenizer(...)` over the backend in a file."""
    from tokenizers import Tokenizer as Backend  # late: takes 15 ms

    pad_id, strip_id = _number(description, "pad_id"), _number(description, "strip_id")
    clean = CLEANERS[_choice(description, "clean", tuple(CLEANERS))]
    name = description.get("file")
    if not isinstance(name, str) or Path(name).name != name or pad_id is None:
        raise EncoderError(
            f"a tokenizer has file {name!r} and pad_id {pad_id}; expected a name and a number; export the encoder again"
        )
    file = folder / name
    sides = ("right", "left")
    truncation, padding = (_choice(description, f"{step}_side", sides) for step in ("truncation", "padding"))
    try:
        backend = Backend.from_str(file.read_text(encoding="utf-8"))
        backend.enable_truncation(length, direction=truncation)
        backend.enable_padding(length=length, pad_id=pad_id, direction=padding)
    except Exception as error:  # tokenizers raises plain Exception for a file that it cannot read
        raise EncoderError(f"{file} is not a usable tokenizer ({error}); export the encoder again") from error

    def tokenize(texts: Sequence[str]) -> Tokens:
        # One at a time: encode_batch starts threads, and the decoder processes are forked from this one.
        rows = [backend.encode(clean(text)).ids for text in texts]
        tokens = np.array(rows, dtype=np.int64).reshape(len(rows), length)
        return tokens if strip_id is None else np.where(tokens == strip_id, 0, tokens)

    def fits(texts: Sequence[str]) -> list[bool]:
        return [not backend.encode(clean(text)).overflowing for text in texts]

    return Tokenizer(tokenize, fits)


def _check_keys(description: Mapping[str, object], allowed: set[str]) -> None:
    unknown = sorted(set(description) - allowed - {"kind", "context_length"})
    if unknown:
        raise EncoderError(
            f"a tokenizer of kind {description['kind']!r} has unknown keys {unknown}; export the encoder again"
        )


def _number(description: Mapping[str, object], key: str) -> int | None:
    value = description.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise EncoderError(f"a tokenizer has {key} {value!r}; expected a whole number; export the encoder again")
    return value


def _choice(description: Mapping[str, object], key: str, choices: Sequence[str]) -> str:
    """Return the value of a key, or the first choice if it is absent."""
    value = description.get(key, choices[0])
    if not isinstance(value, str) or value not in choices:
        raise EncoderError(f"a tokenizer has {key} {value!r}; expected one of {choices}; export the encoder again")
    return value
