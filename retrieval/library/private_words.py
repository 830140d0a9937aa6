"""What teaches a library words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from indexer.catalog.statements import private_words
from indexer.catalog.statements.private_words import Example, WordRecord
from indexer.errors import FeedbackError, PictureError
from retrieval.library.base import BaseLibrary
from retrieval.query.private_words import LearnReport, PrivateWord, embed_examples, find, validate, words_of

LONGER_SIDE = 512
"""Pixels of an example's copy: more than encoders read, and some 50 kB."""


class Vocabulary(BaseLibrary):
    """The part of a `Library` that learns words from photos."""

    def learn(self, word: str, photos: Sequence[str | os.PathLike[str]]) -> LearnReport:
        """Teach the library what a word means, by photos of it, and return what was done.

        The word may then stand in any text that is searched for. The photos need not be in the library, and may be
        deleted: reduced copies are kept. For a word that is known they are further examples.

        Args:
            word: A name, for instance "Biscuit" or "Aunt Emma".
            photos: Files; three make a good start.

        Raises:
            FeedbackError: The word cannot be used, or none of the photos can be read; nothing is kept.
            LibraryLockedError: Another process is writing to the library.
        """
        if isinstance(photos, str | os.PathLike):
            raise TypeError(f"photos is the path {os.fspath(photos)!r}; expected a sequence of paths")
        plain = validate(word)
        examples, failures = self._examples(photos)
        if not examples:
            reasons = "".join(f"; {path}: {reason}" for path, reason in failures[:3])
            raise FeedbackError(f"no photo of {plain!r} can be read{reasons}; give photos of it")
        encoder = self._encoder.by_settings()
        with self._store.writing("learning a word"), self._store.transaction() as connection:
            known = find(private_words.word_records(connection), plain)
            id_ = known.id if known else private_words.add_word(connection, plain)
            added = sum(private_words.add_example(connection, id_, each) is not None for each in examples)
        count = len(embed_examples(self._store, id_, encoder))  # after the lock: what is not made now is made later
        return LearnReport(known.word if known else plain, added, len(examples) - added, count, failures)

    def words(self) -> list[PrivateWord]:
        """Return the words that the library was taught, in the order of the alphabet."""
        with self._store.reading() as connection:
            known = private_words.word_records(connection)
            paths = private_words.example_paths(connection)
        return [
            PrivateWord(each.word, [Path(path) for path in paths.get(each.id, [])], each.added_at) for each in known
        ]

    def forget_word(self, word: str) -> None:
        """Take a word out of the library.

        Raises:
            FeedbackError: The library does not know it.
            LibraryLockedError: Another process is writing to the library.
        """
        with self._store.writing("forgetting a word"), self._store.transaction() as connection:
            private_words.delete_word(connection, self._known(word).id)

    def _known(self, word: str) -> WordRecord:
        known = find(words_of(self._store), word)
        if known is None:
            raise FeedbackError(f"the library does not know the word {word!r}; run: recall words list")
        return known

    def _examples(self, photos: Sequence[str | os.PathLike[str]]) -> tuple[list[Example], list[tuple[Path, str]]]:
        """Return the photos as they are kept, and those that cannot be read, each with the reason."""
        from indexer.images import Limits  # late, as the next two: searching needs none
        from indexer.images.file_reader import read_file
        from indexer.images.thumbnail import small_jpeg

        limits = Limits(max_pixels=self._settings.max_pixels, max_bytes=self._settings.max_bytes)
        examples: list[Example] = []
        failures: list[tuple[Path, str]] = []
        for photo in photos:
            path = Path(photo)
            try:
                picture = small_jpeg(path, side=LONGER_SIDE, limits=limits)
                content_hash = hashlib.sha256(read_file(path, limits=limits)).digest()
            except PictureError as error:
                failures.append((path, str(error)))
                continue
            examples.append(Example(os.path.abspath(path), content_hash, picture))
        return examples, failures
