"""Says what will be downloaded before it is, and in one line why it cannot be."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from indexer.errors import EncoderNotFoundError

logger = logging.getLogger(__name__)

WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""The names under which open_clip looks for weights in a repository, in its order."""


def announce_download(name: str, model_name: str, weights: str | None) -> None:
    """Log name and size of what loading an encoder will download; nothing where it is here already.

    Args:
        name: The encoder, for messages.
        model_name: What open_clip calls it, with "hf-hub:" or "local-dir:" where it has one.
        weights: Tag of the weights, for a plain model name.

    Raises:
        EncoderNotFoundError: It is not here, and the hub cannot be reached or does not have it.
    """
    if model_name.startswith("local-dir:"):
        return
    repository, files = _weight_files(model_name, weights)
    if repository is None or _cached(repository, files):
        return
    size = _size(name, repository, files)
    logger.info("downloading %s from the Hugging Face Hub: %s, %.0f MB", name, repository, size / 1e6)


def _weight_files(model_name: str, weights: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return repository and possible file names of the weights; None where they do not come from the hub."""
    if model_name.startswith("hf-hub:"):
        return model_name.removeprefix("hf-hub:"), WEIGHT_FILES
    from open_clip import get_pretrained_cfg  # late: called from the torch door, which has it loaded

    place = get_pretrained_cfg(model_name, weights).get("hf_hub", "")
    repository, _, file = place.rpartition("/")
    if not repository:
        return None, ()
    return repository, (file,) if file else WEIGHT_FILES


def _cached(repository: str, files: Iterable[str]) -> bool:
    from huggingface_hub import try_to_load_from_cache  # late: comes with open_clip, and is slow to import

    return any(isinstance(try_to_load_from_cache(repository, file), str) for file in files)


def _size(name: str, repository: str, files: Iterable[str]) -> int:
    """Return the bytes of the first of `files` that the hub has."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url  # late, see _cached
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    # the base is the error of whichever HTTP client the hub's library uses in this version
    any_http_error: type[BaseException] = HfHubHTTPError.__bases__[0]
    for file in files:
        try:
            return get_hf_file_metadata(hf_hub_url(repository, file)).size or 0
        except EntryNotFoundError:
            continue
        except GatedRepoError as error:
            reason = f"{repository} on the Hugging Face Hub wants you to log in and accept its terms"
            raise EncoderNotFoundError(_advice(name, reason)) from error
        except RepositoryNotFoundError as error:
            reason = f"the Hugging Face Hub has no open repository {repository}"
            raise EncoderNotFoundError(_advice(name, reason)) from error
        except (any_http_error, OfflineModeIsEnabled, OSError, ValueError) as error:
            reason = f"the Hugging Face Hub cannot be reached ({_line(error)})"
            raise EncoderNotFoundError(_advice(name, reason)) from error
    raise EncoderNotFoundError(_advice(name, f"{repository} on the Hugging Face Hub has no open_clip weights"))


def _advice(name: str, reason: str) -> str:
    return (
        f"encoder {name!r} is not on this machine and {reason}; use compact, which ships with Recall, "
        "or a model saved in a folder: local-dir:PATH"
    )


def _line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
