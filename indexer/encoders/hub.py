"""Files on the Hugging Face Hub: what is known of one, its licence, and the hub's errors in one line each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from indexer.encoders.recommended import RECOMMENDED
from indexer.errors import EncoderNotFoundError


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on the hub.

    Attributes:
        encoder: The encoder whose files it has, for messages.
        id: ORG/REPO.
        revision: Branch, tag or commit; None means the main branch.
    """

    encoder: str
    id: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository, as the hub describes it.

    Attributes:
        name: Its name.
        url: Where its content is.
        size: Its size in bytes.
        etag: The SHA-256 of a large file, 64 hex digits; another checksum for a small one.
        needs_token: Whether the user's token may be sent to `url`; otherwise that is another machine.
    """

    name: str
    url: str
    size: int
    etag: str
    needs_token: bool


def is_cached(repository: Repository, files: Sequence[str]) -> bool:
    """Return whether one of these files is on this machine."""
    from huggingface_hub import try_to_load_from_cache  # late: comes with open_clip, and is slow to import

    return any(
        isinstance(try_to_load_from_cache(repository.id, file, revision=repository.revision), str) for file in files
    )


def find_file(repository: Repository, files: Sequence[str]) -> HubFile:
    """Return the first of these files that the repository has.

    Raises:
        EncoderNotFoundError: It has none, or the hub does not give it.
    """
    from urllib.parse import urlsplit

    from huggingface_hub import get_hf_file_metadata, hf_hub_url  # late, see is_cached
    from huggingface_hub.errors import EntryNotFoundError

    for file in files:
        url = hf_hub_url(repository.id, file, revision=repository.revision)
        with hub_errors(repository):
            try:
                found = get_hf_file_metadata(url)
            except EntryNotFoundError:
                continue
        same_machine = urlsplit(found.location).netloc == urlsplit(url).netloc
        return HubFile(file, found.location, found.size or 0, found.etag or "", same_machine)
    raise EncoderNotFoundError(
        not_here(repository, f"{repository.id} on the Hugging Face Hub has no open_clip weights")
    )


def licence_of(repository: Repository) -> str:
    """Return the licence of a repository's weights in words, with the address of its text where that is known."""
    for encoder in RECOMMENDED:
        if encoder.repository == repository.id:
            return licence_text(encoder.licence, encoder.licence_url, for_research=encoder.is_for_research_only)
    from huggingface_hub import HfApi  # late, see is_cached

    with hub_errors(repository):
        card = HfApi().model_info(repository.id, revision=repository.revision).card_data
    stated: dict[str, Any] = card.to_dict() if card is not None else {}  # type: ignore[no-untyped-call]  # no types yet
    licence = stated.get("license_name") or stated.get("license")
    page = f"https://huggingface.co/{repository.id}"
    return (
        licence_text(str(licence), str(stated.get("license_link") or page)) if licence else f"none stated, see {page}"
    )


def licence_text(licence: str, url: str, *, for_research: bool = False) -> str:
    """Return a licence in words: "apple-amlr, for research only (https://…)"."""
    return f"{licence}{', for research only' if for_research else ''} ({url})"


@contextmanager
def hub_errors(repository: Repository) -> Iterator[None]:
    """Turn what huggingface_hub raises into EncoderNotFoundError; a file that the repository lacks is left as it is."""
    from huggingface_hub import errors  # late, see is_cached

    # its base is the error of the HTTP client that this version of huggingface_hub uses
    any_http_error: type[BaseException] = errors.HfHubHTTPError.__bases__[0]
    try:
        yield
    except errors.EntryNotFoundError:
        raise
    except (errors.HfHubHTTPError, any_http_error, errors.OfflineModeIsEnabled, OSError, ValueError) as error:
        raise EncoderNotFoundError(not_here(repository, _reason(repository, error))) from error


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Silence the progress bars and warnings of huggingface_hub: Recall reports progress and errors itself."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    log = logging.getLogger("huggingface_hub")
    level, were_disabled = log.level, are_progress_bars_disabled()
    log.setLevel(logging.CRITICAL)
    if not were_disabled:
        disable_progress_bars()
    try:
        yield
    finally:
        log.setLevel(level)
        if not were_disabled:
            enable_progress_bars()


def not_here(repository: Repository, reason: str) -> str:
    """Return the message about an encoder that is not on this machine and cannot be downloaded."""
    return (
        f"encoder {repository.encoder!r} is not on this machine and {reason}; use compact, which ships with Recall, "
        "or a model saved in a folder: local-dir:PATH"
    )


def first_line(error: BaseException) -> str:
    """Return the first line of an error, shortened, for a message of one line."""
    return (str(error) or type(error).__name__).splitlines()[0][:120]


def _reason(repository: Repository, error: BaseException) -> str:
    from huggingface_hub import errors  # late, see is_cached

    hub, page = "the Hugging Face Hub", f"https://huggingface.co/{repository.id}"
    login = "run: hf auth login, or set HF_TOKEN"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError) or status == 403:
        return f"{hub} gives {repository.id} only to those who accept its terms: accept them at {page}, then {login}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repository.id} on {hub} has no revision {repository.revision!r}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{hub} has no public repository {repository.id} (if it is private, {login})"
    return f"{hub} cannot be reached ({first_line(error)})"
