"""Selects names by their ending, of which a folder may hold a million: as few operations per name as possible."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Sequence
from itertools import product
from operator import itemgetter

from indexer.documents.text_file import TEXT_FORMATS
from indexer.images import PHOTO_SUFFIXES
from indexer.sync.sidecars import SIDECAR_SUFFIXES

_ITEM_SUFFIXES = frozenset(map(os.fsencode, (*PHOTO_SUFFIXES, *TEXT_FORMATS)))

_COMMON = frozenset(form for suffix in _ITEM_SUFFIXES if len(suffix) == 4 for form in (suffix, suffix.upper()))
"""Ends of four bytes that need no further look."""

_SIDECAR_ENDS = frozenset(
    "".join(letters).encode()
    for suffix in SIDECAR_SUFFIXES
    for letters in product(*((letter.lower(), letter.upper()) for letter in suffix[-3:]))
)
"""The last three letters of a sidecar's suffix, in all capitals."""

_last_three = itemgetter(slice(-3, None))


def item_names(names: Sequence[bytes]) -> list[bytes]:
    """Return the names with the suffix of a photo or a text file, in any capitals."""
    return [name for name in names if name[-4:] in _COMMON or name[name.rfind(b".") :].lower() in _ITEM_SUFFIXES]


def may_have_sidecars(names: Sequence[bytes]) -> bool:
    """Return whether a name may have the suffix of a sidecar; see `is_sidecar_name`."""
    return not _SIDECAR_ENDS.isdisjoint(map(_last_three, names))


def has_hidden(names: Sequence[bytes]) -> bool:
    """Return whether one of some sorted names begins with a dot."""
    position = bisect_left(names, b".")
    return position < len(names) and names[position].startswith(b".")
