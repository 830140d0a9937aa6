"""URLs of places in object stores, `s3://BUCKET/PREFIX`, told from paths of folders."""

from __future__ import annotations

import re
from importlib.util import find_spec

from indexer.errors import ConfigError, MissingPackageError
from indexer.object_path import SCHEME

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""How a URL begins; one letter is a drive of Windows."""

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
"""Names of buckets: Amazon allows 3 to 63 small letters, digits, dots and hyphens, other servers some more."""


def is_url(text: str) -> bool:
    """Return whether a text is a URL and not a path."""
    return _URL.match(text) is not None


def parse_url(text: str) -> tuple[str, str]:
    """Return bucket and prefix of a URL; the prefix has no slash at its ends, and may be "".

    Raises:
        ConfigError: The URL has another scheme, has no bucket, has a password in it or is not normalized.
        MissingPackageError: pyarrow is not installed.
    """
    if not text.startswith(SCHEME):
        scheme = text.partition("://")[0]
        raise ConfigError(f"a URL begins with {scheme + '://'!r:.40}; expected a folder or s3://BUCKET/PREFIX")
    bucket, _, prefix = text[len(SCHEME) :].partition("/")
    if "@" in bucket or ":" in bucket:  # the text is not repeated: it may have a key in it
        raise ConfigError(
            "a URL has a key or a port in it; expected s3://BUCKET/PREFIX, with the keys in AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY and the server in AWS_ENDPOINT_URL"
        )
    prefix = prefix.strip("/")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigError(f"{text!r:.200} names no bucket; expected s3://BUCKET/PREFIX")
    if prefix and not {"", ".", ".."}.isdisjoint(prefix.split("/")):
        raise ConfigError(f"{text!r:.200} has an empty component, '.' or '..'; expected s3://BUCKET/PREFIX")
    if find_spec("pyarrow") is None:
        raise MissingPackageError(
            "object stores need pyarrow, which is not installed; run: pip install 'recall-photos[tables]'"
        )
    return bucket, prefix


def split_url(url: str) -> tuple[str, str]:
    """Return the URL of the folder of an object, and the object's name, as `os.path.split` does for paths."""
    folder, _, name = url.rpartition("/")
    return folder, name
