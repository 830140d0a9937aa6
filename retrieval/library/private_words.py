"""Methods of `Library` that teach it private words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from indexer.catalog.statements import private_words as statements
from indexer.catalog.statements.item import Item
from indexer.catalog.statements.private_words import Example, WordRecord
from indexer.errors import FailureKind, FeedbackError, PictureError
from indexer.object_path import absolute_path, file_path
from indexer.store import Store
from indexer.types import added_path, collection_of, require_list
from retrieval.library.base import BaseLibrary
from retrieval.query.private_words import LearnReport, PrivateWord, embed_examples, find_word, load_words, validate
from retrieval.search.hits import Hit

LONGER_SIDE = 512
"""Pixels of the longer side of an example's copy: more than any encoder reads, and about 50 kB."""


def learn(self: BaseLibrary, word: str, photos: Sequence[str | os.PathLike[str] | Hit | Item]) -> LearnReport:
    """Teach the library the meaning of a word by photos of it, and return a report.

    The word can then be used in any text query. The photos need not be indexed and may be deleted: reduced copies are
    stored. If the word exists already, they are further examples.

    Args:
        word: A name, for instance "Biscuit" or "Aunt Emma".
        photos: Files, hits or items; three are a good start. Of an added item the stored picture is taken.

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
    return [
        PrivateWord(word.word, [_example(path) for path in paths.get(word.id, [])], word.added_at) for word in stored
    ]


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


def _example(path: str) -> Path:
    """Return the path of an example; of an added item "collection:", the collection's name, and the item's id."""
    return file_path(path.replace("\0", ": "))


def _find_word(store: Store, word: str) -> WordRecord:
    stored = find_word(load_words(store), word)
    if stored is None:
        raise FeedbackError(f"the library has no private word {word!r}; run: recall words list")
    return stored


def _read_examples(
    photos: Sequence[str | os.PathLike[str] | Hit | Item], store: Store
) -> tuple[list[Example], list[tuple[Path, str]]]:
    """Return the photos as they are stored, and those that cannot be read, with the reason."""
    from indexer.images import Limits  # late, like the next: searching does not need them
    from indexer.images.file_reader import read_file

    limits = Limits(max_pixels=store.settings.max_pixels, max_bytes=store.settings.max_bytes)
    examples: list[Example] = []
    failures: list[tuple[Path, str]] = []
    for photo in photos:
        path = photo.path if isinstance(photo, Hit | Item) else file_path(photo).expanduser()
        try:
            name, source = _source(photo, path, store)
            picture = store.pictures.thumbnail(source, side=LONGER_SIDE)
            content = source if isinstance(source, bytes) else read_file(source, limits=limits)
        except PictureError as error:
            failures.append((path, str(error)))
            continue
        examples.append(Example(name, hashlib.sha256(content).digest(), picture))
    return examples, failures


def _source(photo: str | os.PathLike[str] | Hit | Item, path: Path, store: Store) -> tuple[str, Path | bytes]:
    """Return what an example is stored as the path of, and its file, or the stored picture of an added item.

    Raises:
        PictureError: It is an added item without any.
    """
    if not isinstance(photo, Hit | Item) or photo.collection is None:
        return absolute_path(path), path
    stored = store.item_pictures.source(photo.item_id)
    if stored is None and collection_of(str(path)) is not None:
        raise PictureError(FailureKind.NOT_A_PICTURE, f"no picture of the item {photo.id!r:.120} is stored")
    return added_path(photo.collection, photo.id), path if stored is None else stored
