"""Every error that Recall raises on purpose.

    RecallError
    ├── ConfigError            a setting, option or environment variable that cannot be used
    ├── SourceError            a folder or file to index that cannot be used
    │   └── NoPhotosError      it holds nothing that Recall can read
    ├── ItemError              one item that cannot be indexed; `kind` says why
    │   ├── PictureError           a picture that cannot be decoded
    │   └── TextError              a text, or a row of a table, that cannot be read
    ├── QueryError             a query that cannot be answered
    ├── EncoderError           an encoder that cannot be used
    │   ├── EncoderNotFoundError   unknown name, missing folder, hub out of reach
    │   └── EncoderMismatchError   vectors of two encoders would meet
    ├── LibraryError           a library that cannot be used
    │   ├── LibraryVersionError    written by a newer Recall
    │   ├── LibraryLockedError     another process is writing to it
    │   └── StorageError           disk full, read-only, damaged
    ├── MissingPackageError    an optional package is needed and absent
    ├── EvaluationError        an evaluation set that cannot be used
    ├── FeedbackError          a judgement, or an example of a word, that cannot be used
    ├── TuningError            learning from judgements failed, or there is too little to learn from
    └── TransferError          an export that cannot be written, or files that cannot be imported

A message says what happened with the value, what was expected, and what to do. Programming mistakes
stay `ValueError` and `TypeError`.
"""

from __future__ import annotations

from enum import StrEnum


class RecallError(Exception):
    """Base of every error that Recall raises on purpose."""


class ConfigError(RecallError):
    """A setting, option or environment variable cannot be used."""


class SourceError(RecallError):
    """A folder or file to index cannot be used."""


class NoPhotosError(SourceError):
    """A folder, file or table holds nothing that Recall can read, neither photos nor texts."""


class FailureKind(StrEnum):
    """Why one item could not be indexed; stored in the catalog and printed by `recall status --failed`."""

    EMPTY = "empty"  # zero bytes, or no words
    TOO_LARGE = "too-large"  # over the limit of bytes, of pixels or of pieces of text
    NOT_A_PICTURE = "not-a-picture"  # the content is no picture format that is known
    NOT_TEXT = "not-text"  # a text file or a cell of a table whose content is no text
    BAD_ROW = "bad-row"  # a line of a table that cannot be told apart: damaged, or its id is missing or used twice
    OUTSIDE = "outside"  # a table names a picture that does not lie in the table's folder
    DAMAGED = "damaged"  # a known format that cannot be decoded to the end
    UNREADABLE = "unreadable"  # permission, I/O error, vanished while it was read
    UNSUPPORTED = "unsupported"  # a known format whose decoder is not installed
    CRASHED = "crashed"  # the decoder process died on it
    TIMED_OUT = "timed-out"  # decoding took longer than the limit
    ENCODER = "encoder"  # decoded, but the encoder gave no usable vector for it


class ItemError(RecallError):
    """One item cannot be indexed.

    Attributes:
        kind: The class of failure.
    """

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[ItemError], tuple[FailureKind, str]]:
        """Return how it is made anew: pickle would leave out the kind."""
        return type(self), (self.kind, str(self))


class PictureError(ItemError):
    """One picture cannot be decoded."""


class TextError(ItemError):
    """One text, or one row of a table, cannot be read."""


class QueryError(RecallError):
    """A query cannot be answered as it was asked."""


class EncoderError(RecallError):
    """An encoder cannot be used."""


class EncoderNotFoundError(EncoderError):
    """No such encoder: unknown name, missing folder, or a hub out of reach."""


class EncoderMismatchError(EncoderError):
    """Vectors of two different encoders would meet."""


class LibraryError(RecallError):
    """A library cannot be used."""


class LibraryVersionError(LibraryError):
    """The library was written by a newer Recall."""


class LibraryLockedError(LibraryError):
    """Another process is writing to the library."""


class StorageError(LibraryError):
    """The disk is full, read-only or damaged; what was committed before is kept."""


class MissingPackageError(RecallError):
    """An optional package is needed and absent."""


class EvaluationError(RecallError):
    """An evaluation set cannot be used."""


class FeedbackError(RecallError):
    """A judgement, or an example of a private word, cannot be used."""


class TuningError(RecallError):
    """Learning from judgements failed, or there is too little to learn from."""


class TransferError(RecallError):
    """An export cannot be written, or files cannot be imported."""
