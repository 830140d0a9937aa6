"""Checkpoints from which a stopped training resumes: one safetensors file, replaced as a whole after each epoch."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from indexer.private_files import folder_file_mode, install_part, part_file

logger = logging.getLogger(__name__)

FILE_NAME = "lora.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a training after an epoch.

    Attributes:
        current: The updates.
        best: The updates of the best epoch.
        moments: AdamW's first and second moments, by "1." or "2." and the update's name.
        steps: Number of steps that the optimizer has made.
        losses: Validation losses, before training and after each epoch.
    """

    current: dict[str, Tensor]
    best: dict[str, Tensor]
    moments: dict[str, Tensor]
    steps: int
    losses: tuple[float, ...]


def save_tensors(file: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors to a file, all or none.

    Raises:
        OSError: The folder cannot be written, or the disk is full.
    """
    try:
        with part_file(file) as part:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part, metadata=metadata)
            part.chmod(folder_file_mode(file.parent))  # safetensors creates files that only the owner can read
            install_part(part, file)
    except SafetensorError as error:  # raised for a full disk too
        raise OSError(str(error)) from error


def write_checkpoint(folder: Path, key: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in place of the previous one.

    Args:
        folder: Where to write it.
        key: Identifies everything that determines the training; a checkpoint with another key is not resumed.
        checkpoint: The checkpoint.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = {"now": checkpoint.current, "best": checkpoint.best, "moments": checkpoint.moments}
    tensors = {f"{group}/{name}": tensor for group, state in groups.items() for name, tensor in state.items()}
    metadata = {"key": key, "steps": str(checkpoint.steps), "losses": json.dumps(checkpoint.losses)}
    save_tensors(folder / FILE_NAME, tensors, metadata)


def read_checkpoint(folder: Path, key: str) -> Checkpoint | None:
    """Return the checkpoint in a folder, or None if there is none, it is damaged, or it is of another training."""
    file = folder / FILE_NAME
    try:
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata() or {}
            if metadata.get("key") != key:
                logger.info("%s is of another training; training starts over", file)
                return None
            groups: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "moments": {}}
            for name in stored.keys():  # noqa: SIM118 (it is not a mapping)
                group, _, rest = name.partition("/")
                groups[group][rest] = stored.get_tensor(name)
            return Checkpoint(
                current=groups["now"],
                best=groups["best"],
                moments=groups["moments"],
                steps=int(metadata["steps"]),
                losses=tuple(float(loss) for loss in json.loads(metadata["losses"])),
            )
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        logger.warning("%s cannot be read (%s); training starts over", file, error)
        return None
