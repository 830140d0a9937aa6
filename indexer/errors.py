"""The errors that Recall raises on purpose.

    RecallError
    ├── ConfigError                a setting, option or environment variable cannot be used
    ├── SourceError                a folder, file or table cannot be indexed
    │   └── NoPhotosError              it holds nothing that Recall can read
    ├── ItemError                  one item cannot be indexed; `kind` says why
    │   ├── PictureError               a picture cannot be decoded
    │   └── TextError                  a text or a table row cannot be read
    ├── AddError                   items cannot be added, changed or deleted as asked
    ├── QueryError                 a query cannot be answered
    ├── EncoderError               an encoder cannot be used
    │   ├── EncoderNotFoundError       the name is unknown, or the model cannot be found or downloaded
    │   └── EncoderMismatchError       embeddings of two encoders would be mixed
    ├── LibraryError               a library cannot be used
    │   ├── LibraryClosedError         it was closed
    │   ├── LibraryVersionError        it was written by a newer version of Recall
    │   ├── LibraryLockedError         another process is writing to it
    │   └── StorageError               the disk is full, read-only or damaged
    │       └── ConnectionLostError        the connection to the library's database server was lost
    ├── MissingPackageError        an optional package is needed and not installed
    ├── EvaluationError            an evaluation set cannot be used
    ├── FeedbackError              a judgement or an example of a private word cannot be used
    ├── TuningError                learning from judgements is impossible or failed
    └── TransferError              an export cannot be written, or files cannot be imported

A message says what happened with the value, what was expected and what to do, in one line. Programming mistakes
raise `ValueError` and `TypeError` instead.
"""

from __future__ import annotations

from enum import StrEnum


class RecallError(Exception):
    """Base class of every error that Recall raises on purpose; catch it to catch them all."""


class ConfigError(RecallError):
    """Raised when a setting, option or environment variable has a value that cannot be used."""


class SourceError(RecallError):
    """Raised when a folder, file or table that is to be indexed is missing, unreadable or not allowed."""


class NoPhotosError(SourceError):
    """Raised when a folder, file or table holds nothing that Recall can read, neither photos nor texts."""


class FailureKind(StrEnum):
    """Why one item could not be indexed; stored in the catalog and printed by `recall status --failed`."""

    EMPTY = "empty"  # zero bytes, or no words
    TOO_LARGE = "too-large"  # more bytes, pixels or chunks than the limit allows
    NOT_A_PICTURE = "not-a-picture"  # the content is in no known picture format
    NOT_TEXT = "not-text"  # the content of a text file or table cell is not text
    BAD_ROW = "bad-row"  # a table row is damaged, or its id is missing or used twice
    OUTSIDE = "outside"  # a table names a picture outside the table's folder
    DAMAGED = "damaged"  # the format is known, but the file cannot be decoded to the end
    UNREADABLE = "unreadable"  # permission denied, I/O error, or the file vanished while it was read
    UNSUPPORTED = "unsupported"  # the format is known, but its decoder is not installed
    CRASHED = "crashed"  # the decoder process died
    TIMED_OUT = "timed-out"  # decoding took longer than the limit
    BAD_ID = "bad-id"  # the id of an added item is empty, too long or no text
    BAD_METADATA = "bad-metadata"  # the metadata of an added item cannot be stored
    BAD_VECTOR = "bad-vector"  # the vector of an added item has another length, or is not finite
    ENCODER = "encoder"  # the file was decoded, but the encoder returned no usable vector


class ItemError(RecallError):
    """Raised when one item cannot be indexed; the run goes on with the next item.

    Attributes:
        kind: The reason.
    """

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[ItemError], tuple[FailureKind, str]]:
        """Return the class and its arguments; by default pickle would leave out the kind."""
        return type(self), (self.kind, str(self))


class PictureError(ItemError):
    """Raised when one picture cannot be decoded."""


class TextError(ItemError):
    """Raised when one text, or one row of a table, cannot be read."""


class AddError(RecallError):
    """Raised when items cannot be added, changed or deleted as an app asks; nothing of the batch was written."""


class QueryError(RecallError):
    """Raised when a query is malformed, names something unknown, or cannot be answered."""


class EncoderError(RecallError):
    """Raised when an encoder's files, device or precision cannot be used."""


class EncoderNotFoundError(EncoderError):
    """Raised when an encoder's name is unknown, its folder is missing, or it cannot be downloaded."""


class EncoderMismatchError(EncoderError):
    """Raised when embeddings of two different encoders would be mixed."""


class LibraryError(RecallError):
    """Raised when a library is missing, damaged or not in the state that an operation needs."""


class LibraryClosedError(LibraryError):
    """Raised when a closed library is used, or another thread closes it during a call."""


class LibraryVersionError(LibraryError):
    """Raised when a library was written by a newer version of Recall."""


class LibraryLockedError(LibraryError):
    """Raised when another process is writing to the library and does not finish in time."""


class StorageError(LibraryError):
    """Raised when the disk is full, read-only or damaged; everything that was committed is kept."""


class ConnectionLostError(StorageError):
    """Raised when the database server of a library does not answer; everything that was committed is kept.

    Attributes:
        was_connected: Whether it ended a connection in use, and may answer again at once.
    """

    was_connected = False


class MissingPackageError(RecallError):
    """Raised when an optional package is needed and not installed."""


class EvaluationError(RecallError):
    """Raised when an evaluation set cannot be used."""


class FeedbackError(RecallError):
    """Raised when a judgement, or an example of a private word, cannot be used."""


class TuningError(RecallError):
    """Raised when learning from judgements fails, or there are too few judgements to learn from."""


class TransferError(RecallError):
    """Raised when an export cannot be written, or files cannot be imported."""
