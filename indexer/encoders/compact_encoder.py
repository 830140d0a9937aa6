"""The encoder that ships with Recall, whose files are compared with their checksums before it gives vectors."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.onnx_encoder import OnnxEncoder
from indexer.errors import EncoderError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from indexer.encoders.onnx_encoder import Tower

CHECKSUMS = {
    "encoder.json": "b40e7a7c6e24ba742495a7e464c7ed4ebfba957e7b8eb849d56ce10eeb4f8575",
    "image.onnx": "f1047d5d5ec5f93fd693037b78bffd94e9e13cfc0482bd8bbcc49e68b87b93fb",
    "open_clip_config.json": "79acc30aac8a5978168423637cfac11c2a0c9e7a32958461d47ecee3cd62d53f",
    "open_clip_model.safetensors": "b3fc5c28672aaeb0c1b91600f29a88d5ad81649ee404056f2c77ae418f15ef3d",
    "text.onnx": "f1597a14cefbaf9512991a8a46d5ada13369c1d2857550e083f5afc10b27c4ae",
}
"""SHA-256 of each file that decides what compact's vectors are."""

_intact: set[Path] = set()
"""Folders that were checked in this process."""


class CompactEncoder(OnnxEncoder):
    """The encoder compact in ONNX Runtime."""

    def __init__(self, *, folder: Path = COMPACT_FOLDER, batch_size: int | None = None) -> None:
        """Read the encoder's description.

        Args:
            folder: Where its files are.
            batch_size: Pictures per call; None uses what suits the CPU.

        Raises:
            BrokenExportError: The description is missing or damaged, or a graph is missing. Other damage raises
                EncoderError in the first call that needs a tower.
        """
        super().__init__(folder, name="compact", batch_size=batch_size)

    def _session(self, tower: Tower, *, prepacked: bool) -> InferenceSession:
        """Return a tower's session; the checksums are computed while the first one opens, which takes as long."""
        if self._folder in _intact:
            return super()._session(tower, prepacked=prepacked)
        differing: list[str] = []
        check = threading.Thread(target=lambda: differing.extend(_differing_files(self._folder)))
        check.start()
        try:
            session = super()._session(tower, prepacked=prepacked)
        finally:
            check.join()
        _refuse(self._folder, differing)
        return session


def check_compact_files() -> None:
    """Compare the files of the encoder that ships with Recall with their checksums, once per process.

    Raises:
        EncoderError: A file is missing, cannot be read or is damaged.
    """
    if COMPACT_FOLDER not in _intact:
        _refuse(COMPACT_FOLDER, _differing_files(COMPACT_FOLDER))


def _refuse(folder: Path, differing: list[str]) -> None:
    if differing:
        raise EncoderError(
            f"the encoder that came with Recall is damaged: {' and '.join(differing)} in {folder} "
            f"{'differ' if len(differing) > 1 else 'differs'} from what was shipped; install Recall again"
        )
    _intact.add(folder)


def _differing_files(folder: Path) -> list[str]:
    return [name for name, expected in CHECKSUMS.items() if _checksum(folder / name) != expected]


def _checksum(file: Path) -> str:
    """Return a file's SHA-256; "" if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""
