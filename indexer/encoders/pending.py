"""What has to be downloaded before an encoder can be used, so that people can be asked first."""

from __future__ import annotations

from indexer.encoders.cached_encoder import has_export
from indexer.encoders.download import Download, missing_weights
from indexer.encoders.names import full_name, has_form, split_precision
from indexer.encoders.runtime import require_torch


def pending_download(name: str) -> Download | None:
    """Return what has to be downloaded before an encoder can be used; None if nothing has to.

    Args:
        name: The encoder, in a form of `NAME_FORMS`.

    Raises:
        EncoderNotFoundError: Its weights are not on this machine, and the hub cannot be reached or does not have them.
        MissingPackageError: It has to be downloaded, and torch or open_clip, which loads it, is not installed.
    """
    plain, precision = split_precision(full_name(name))
    if not (has_form(plain, "open_clip") or plain.startswith("hf-hub:")) or has_export(plain, precision):
        return None
    require_torch(f"encoder {name!r}")
    return missing_weights(plain)
