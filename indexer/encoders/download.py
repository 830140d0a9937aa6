"""Downloads of weights into the cache of huggingface_hub, announced with size and licence.

open_clip, and other programs, find them there.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from indexer.encoders.hub import (
    HubFile,
    Repository,
    find_file,
    first_line,
    hub_errors,
    is_cached,
    licence_of,
    not_here,
    quiet_hub,
)
from indexer.encoders.names import full_name, has_form
from indexer.encoders.recommended import RECOMMENDED, recommended
from indexer.encoders.weight_file import MEGABYTE, fetch_file
from indexer.errors import EncoderNotFoundError
from indexer.types import ProgressCallback

logger = logging.getLogger(__name__)

CONFIG_FILE = "open_clip_config.json"

_WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Names under which open_clip looks for weights in a repository, in its order."""

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt")


@dataclass(frozen=True, slots=True)
class Download:
    """What has to be downloaded before an encoder can be loaded.

    Attributes:
        repository: Where it is from.
        file: The file of the weights.
        licence: Licence of the weights, in words.
    """

    repository: Repository
    file: HubFile
    licence: str

    @property
    def alternative(self) -> str:
        """Name of an encoder for other uses, if the licence allows research only; else empty."""
        known = recommended(self.repository.encoder)
        return known.alternative if known else ""

    def __str__(self) -> str:
        repository, size = self.repository, max(1, round(self.file.size / MEGABYTE))
        revision = f" at {repository.revision}" if repository.revision else ""
        return f"{repository.encoder} from the Hugging Face Hub: {repository.id}{revision}, {size:,} MB"


def download(name: str) -> None:
    """Download an encoder's weights unless they are on this machine.

    Args:
        name: The encoder, without its precision.

    Raises:
        EncoderNotFoundError: The hub cannot be reached or does not have them, the disk is full, or they arrived
            damaged.
    """
    missing = missing_weights(full_name(name))
    if missing is not None:
        fetch(missing)


def fetch(pending: Download, *, progress: ProgressCallback | None = None) -> None:
    """Download weights; name, size and licence are logged first, and a download that was interrupted is continued.

    Args:
        pending: What to download.
        progress: Called with the progress in megabytes.

    Raises:
        EncoderNotFoundError: The connection broke, the disk is full, or the file arrived damaged.
    """
    from huggingface_hub import hf_hub_download  # late: comes with open_clip, and is slow to import

    repository, file = pending.repository, pending.file
    logger.info("downloading %s; licence: %s", pending, pending.licence)
    with quiet_hub():
        if re.fullmatch("[0-9a-f]{64}", file.etag):
            fetch_file(repository, file, progress or (lambda _: None))
        with hub_errors(repository):  # gives the file its name in the cache, and downloads small ones
            hf_hub_download(repository.id, file.name, revision=repository.revision)


def pinned_folder(name: str, repository_id: str, revision: str) -> Path:
    """Return the folder with the files of a model at a revision, which `local-dir:` loads; what is missing is fetched.

    Args:
        name: The encoder, for messages.
        repository_id: ORG/REPO.
        revision: Branch, tag or commit.

    Raises:
        EncoderNotFoundError: The hub cannot be reached, or does not have the model or the revision.
    """
    from huggingface_hub import hf_hub_download  # late, as above
    from huggingface_hub.errors import EntryNotFoundError

    repository = Repository(name, repository_id, revision)
    config = ""
    with quiet_hub(), hub_errors(repository):
        for file in (CONFIG_FILE, *_TOKENIZER_FILES):
            try:
                path = hf_hub_download(repository_id, file, revision=revision)
            except EntryNotFoundError as error:
                if file == CONFIG_FILE:
                    reason = f"{repository_id} on the Hugging Face Hub has no {CONFIG_FILE} ({first_line(error)})"
                    raise EncoderNotFoundError(not_here(repository, reason)) from error
                continue
            config = config or path
    return Path(config).parent


def missing_weights(plain: str) -> Download | None:
    """Return the weights of an encoder that are on the hub and not on this machine; None if there are none.

    Args:
        plain: The encoder's full name, without its precision.

    Raises:
        EncoderNotFoundError: The hub cannot be reached or does not have them.
    """
    repository, files = _weight_files(plain)
    if repository is None or is_cached(repository, files):
        return None
    file = find_file(repository, files)
    return Download(repository, file, licence_of(repository))


def _weight_files(plain: str) -> tuple[Repository | None, tuple[str, ...]]:
    """Return repository and possible file names of an encoder's weights; None if they are not on the hub."""
    if plain.startswith("hf-hub:"):
        id_, _, revision = plain.removeprefix("hf-hub:").partition("@")
        return Repository(plain, id_, revision or None), _WEIGHT_FILES
    for encoder in RECOMMENDED:
        if encoder.name == plain and encoder.repository:
            return Repository(plain, encoder.repository), _WEIGHT_FILES
    if not has_form(plain, "open_clip"):
        return None, ()
    from open_clip import get_pretrained_cfg  # late: takes seconds, and the recommended encoders do not need it

    id_, _, file = get_pretrained_cfg(*plain.split("/")).get("hf_hub", "").rpartition("/")
    if not id_:
        return None, ()
    return Repository(plain, id_), (file,) if file else _WEIGHT_FILES
