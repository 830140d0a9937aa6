"""Methods of `Library` that teach it private words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from indexer.catalog.statements import private_words as statements
from indexer.catalog.statements.private_words import Example, WordRecord
from indexer.errors import FeedbackError, PictureError
from indexer.store import Store
from indexer.types import require_list
from retrieval.library.base import BaseLibrary
from retrieval.query.private_words import LearnReport, PrivateWord, embed_examples, find_word, load_words, validate

LONGER_SIDE = 512
"""Pixels of the longer side of an example's copy: more than any encoder reads, and about 50 kB."""


def learn(self: BaseLibrary, word: str, photos: Sequence[str | os.PathLike[str]]) -> LearnReport:
    """Teach the library the meaning of a word by photos of it, and return a report.

    The word can then be used in any text query. The photos need not be indexed and may be deleted: reduced copies are
    stored. If the word exists already, they are further examples.

    Args:
        word: A name, for instance "Biscuit" or "Aunt Emma".
        photos: Files; three are a good start.

    Raises:
        FeedbackError: The word cannot be used, for instance because a query would take it for a picture, or none of the
            photos can be read. Nothing is stored then.
        LibraryLockedError: Another process is writing to the library.
    """
    require_list(photos, "photos")
    normal = validate(word)
    examples, failures = _read_examples(photos, self._store)
    if not examples:
        reasons = "".join(f"; {path}: {reason}" for path, reason in failures[:3])
        raise FeedbackError(f"none of the photos of {normal!r} can be read{reasons}; give other photos of it")
    encoder = self._encoder.for_indexing()
    with self._store.writing("learning a word"), self._store.transaction() as connection:
        existing = find_word(statements.word_records(connection), normal)
        id_ = existing.id if existing else statements.add_word(connection, normal)
        added = sum(statements.add_example(connection, id_, example) is not None for example in examples)
    count = len(embed_examples(self._store, id_, encoder))  # after the lock: a search makes what is missing
    return LearnReport(existing.word if existing else normal, added, len(examples) - added, count, failures)


def words(self: BaseLibrary) -> list[PrivateWord]:
    """Return the private words of the library, in alphabetical order."""
    with self._store.reading() as connection:
        stored = statements.word_records(connection)
        paths = statements.example_paths(connection)
    return [PrivateWord(word.word, [Path(path) for path in paths.get(word.id, [])], word.added_at) for word in stored]


def forget_word(self: BaseLibrary, word: str) -> None:
    """Delete a private word.

    Args:
        word: The word; case and the kind of its apostrophes do not matter.

    Raises:
        FeedbackError: The library has no such word.
        LibraryLockedError: Another process is writing to the library.
    """
    with self._store.writing("forgetting a word"), self._store.transaction() as connection:
        statements.delete_word(connection, _find_word(self._store, word).id)


def _find_word(store: Store, word: str) -> WordRecord:
    stored = find_word(load_words(store), word)
    if stored is None:
        raise FeedbackError(f"the library has no private word {word!r}; run: recall words list")
    return stored


def _read_examples(
    photos: Sequence[str | os.PathLike[str]], store: Store
) -> tuple[list[Example], list[tuple[Path, str]]]:
    """Return the photos as they are stored, and those that cannot be read, with the reason."""
    from indexer.images import Limits  # late, like the next: searching does not need them
    from indexer.images.file_reader import read_file

    limits = Limits(max_pixels=store.settings.max_pixels, max_bytes=store.settings.max_bytes)
    examples: list[Example] = []
    failures: list[tuple[Path, str]] = []
    for photo in photos:
        path = Path(photo).expanduser()
        try:
            picture = store.pictures.thumbnail(path, side=LONGER_SIDE)
            content_hash = hashlib.sha256(read_file(path, limits=limits)).digest()
        except PictureError as error:
            failures.append((path, str(error)))
            continue
        examples.append(Example(os.path.abspath(path), content_hash, picture))
    return examples, failures
