"""Pictures that clients have sent to search with: kept in memory, up to a number of bytes."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

_MOST_BYTES = 128 * 2**20
"""Bytes of all pictures that are kept; the ones that were not used for longest are dropped."""


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture that a client has sent.

    Attributes:
        content: Its file's bytes.
        thumbnail: A reduced copy, WebP.
    """

    content: bytes
    thumbnail: bytes


class SentPictures:
    """The pictures of all libraries; safe to use from several threads."""

    def __init__(self, *, most_bytes: int = _MOST_BYTES) -> None:
        """Keep up to so many bytes."""
        self._most_bytes = most_bytes
        self._pictures: OrderedDict[tuple[str, str], KeptPicture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, library: str, picture: KeptPicture) -> str:
        """Return the new name of a picture, which is known in one library only and cannot be guessed."""
        name = f"p{secrets.token_urlsafe(16)}"
        with self._lock:
            self._pictures[library, name] = picture
            self._bytes += _size(picture)
            while self._bytes > self._most_bytes and len(self._pictures) > 1:
                self._bytes -= _size(self._pictures.popitem(last=False)[1])
        return name

    def get(self, library: str, name: str) -> KeptPicture | None:
        """Return a picture by its name; None if it is not known, or no longer."""
        with self._lock:
            picture = self._pictures.get((library, name))
            if picture is not None:
                self._pictures.move_to_end((library, name))
        return picture


def _size(picture: KeptPicture) -> int:
    return len(picture.content) + len(picture.thumbnail)
