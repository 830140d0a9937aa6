"""Announcement of downloads, and messages for models that cannot be downloaded."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from indexer.errors import EncoderNotFoundError

logger = logging.getLogger(__name__)

_WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Names under which open_clip looks for weights in a repository, in its order."""


def announce_download(name: str, model_name: str, weights: str | None) -> None:
    """Log name and size of the download that loading an encoder needs; nothing if it is on this machine.

    Args:
        name: The encoder, for messages.
        model_name: open_clip's name for it, with "hf-hub:" or "local-dir:" if it has that.
        weights: Tag of the weights, for a plain model name.

    Raises:
        EncoderNotFoundError: The model is not on this machine, and the hub cannot be reached or does not have it.
    """
    if model_name.startswith("local-dir:"):
        return
    repository, files = _weight_files(model_name, weights)
    if repository is None or _is_cached(repository, files):
        return
    size = _download_size(name, repository, files)
    logger.info("downloading %s from the Hugging Face Hub: %s, %.0f MB", name, repository, size / 1e6)


def _weight_files(model_name: str, weights: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return repository and possible file names of the weights; None if they are not on the hub."""
    if model_name.startswith("hf-hub:"):
        return model_name.removeprefix("hf-hub:"), _WEIGHT_FILES
    from open_clip import get_pretrained_cfg  # late: called when open_clip is loaded already

    location = get_pretrained_cfg(model_name, weights).get("hf_hub", "")
    repository, _, file = location.rpartition("/")
    if not repository:
        return None, ()
    return repository, (file,) if file else _WEIGHT_FILES


def _is_cached(repository: str, files: Iterable[str]) -> bool:
    from huggingface_hub import try_to_load_from_cache  # late: comes with open_clip, and is slow to import

    return any(isinstance(try_to_load_from_cache(repository, file), str) for file in files)


def _download_size(name: str, repository: str, files: Iterable[str]) -> int:
    """Return the size in bytes of the first file that the hub has."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url  # late, see _is_cached
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    # its base is the error of the HTTP client that this version of huggingface_hub uses
    any_http_error: type[BaseException] = HfHubHTTPError.__bases__[0]
    for file in files:
        try:
            return get_hf_file_metadata(hf_hub_url(repository, file)).size or 0
        except EntryNotFoundError:
            continue
        except GatedRepoError as error:
            reason = f"{repository} on the Hugging Face Hub requires you to log in and accept its terms"
            raise EncoderNotFoundError(_message(name, reason)) from error
        except RepositoryNotFoundError as error:
            reason = f"the Hugging Face Hub has no public repository {repository}"
            raise EncoderNotFoundError(_message(name, reason)) from error
        except (any_http_error, OfflineModeIsEnabled, OSError, ValueError) as error:
            reason = f"the Hugging Face Hub cannot be reached ({_first_line(error)})"
            raise EncoderNotFoundError(_message(name, reason)) from error
    raise EncoderNotFoundError(_message(name, f"{repository} on the Hugging Face Hub has no open_clip weights"))


def _message(name: str, reason: str) -> str:
    return (
        f"encoder {name!r} is not on this machine and {reason}; use compact, which ships with Recall, "
        "or a model saved in a folder: local-dir:PATH"
    )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
