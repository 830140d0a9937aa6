"""Trust in encoders: a catalog or an export may name any folder or repository, and only the user decides to load it.

`compact` and open_clip's own models need no trust, nor does what an installed package provides by its name alone: the
user has installed it. A model that a package loads by name (`PACKAGE:MODEL`) may be any folder or repository. Like any
other encoder it is trusted once the user has named it, on this machine; the names are in a file of the user's, outside
every library.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path

from indexer.config import active_settings
from indexer.encoders.names import has_form, is_name, split_precision
from indexer.encoders.plugins import plugin_of
from indexer.errors import EncoderError

logger = logging.getLogger(__name__)

_SHIPPED_FORMS = ("compact", "recommended", "open_clip")
"""Forms of names that stand for weights which Recall or open_clip has chosen."""


def check_trust(name: str, *, is_trusted: bool) -> None:
    """Refuse an encoder that a library names and that the user has never named or trusted.

    Args:
        name: The encoder, with or without its precision.
        is_trusted: Whether the user trusts it now; that is remembered.

    Raises:
        EncoderError: It is not trusted.
    """
    if _needs_no_trust(name):
        return
    if is_trusted:
        trust(name)
    elif split_precision(name)[0] not in _trusted_names():
        raise EncoderError(
            f"this library names the encoder {name!r}, which was never used by you on this machine and is not loaded "
            "without being asked for; if you trust who made the library, add --trust-encoder (in Python: "
            "trust_encoder=True) once"
        )


def trust(name: str) -> None:
    """Remember that the user has named an encoder; if that cannot be stored, the next process asks again.

    A library that was opened without the user's configuration neither reads nor changes what the user trusts.
    """
    if _needs_no_trust(name) or not _counts_user():
        return
    names = _trusted_names()
    plain = split_precision(name)[0]
    if plain in names:
        return
    file = _trust_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, part = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")  # for the owner alone
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            json.dump(sorted({*names, plain}), stream, indent=2)
        Path(part).replace(file)
    except OSError as error:
        logger.info("that encoder %s is trusted cannot be stored: %s", name, error)


def _needs_no_trust(name: str) -> bool:
    plain = split_precision(name)[0]
    if any(has_form(plain, form) for form in _SHIPPED_FORMS):
        return True
    return not is_name(plain) and (entry := plugin_of(plain)) is not None and entry.name == plain


def _counts_user() -> bool:
    settings = active_settings()
    return settings is None or settings.config


def _trusted_names() -> set[str]:
    if not _counts_user():
        return set()
    try:
        content = json.loads(_trust_file().read_text(encoding="ascii"))
    except (OSError, ValueError, RecursionError):
        return set()
    return {name for name in content if isinstance(name, str)} if isinstance(content, list) else set()


def _trust_file() -> Path:
    from platformdirs import user_data_path  # late: needed only for other encoders than compact and open_clip's

    return user_data_path("recall", appauthor=False) / "trusted-encoders.json"
