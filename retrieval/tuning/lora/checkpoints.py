"""What a run that was killed goes on from: one safetensors file, replaced whole after each epoch."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

logger = logging.getLogger(__name__)

NAME = "lora.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Where a run stands after an epoch.

    Attributes:
        now: The updates.
        best: Those of the best epoch.
        moments: AdamW's, first and second, by "1." or "2." and the update's name.
        steps: Steps that the optimizer has made.
        losses: Validation losses, before training and after each epoch.
    """

    now: dict[str, Tensor]
    best: dict[str, Tensor]
    moments: dict[str, Tensor]
    steps: int
    losses: tuple[float, ...]


def save_tensors(file: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors to a file, whole or not at all.

    Raises:
        OSError: The folder cannot be written, or the disk is full.
    """
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        save_file({name: each.contiguous() for name, each in tensors.items()}, part, metadata=metadata)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.chmod(0o644)  # safetensors writes for the owner alone
        part.replace(file)
    except SafetensorError as error:  # of a full disk too
        raise OSError(str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def write(folder: Path, key: str, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint in place of the one before it.

    Args:
        folder: Where it is kept.
        key: Stands for all that decides the run: a checkpoint of another is not gone on from.
        checkpoint: To keep.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = {"now": checkpoint.now, "best": checkpoint.best, "moments": checkpoint.moments}
    tensors = {f"{group}/{name}": each for group, found in groups.items() for name, each in found.items()}
    metadata = {"key": key, "steps": str(checkpoint.steps), "losses": json.dumps(checkpoint.losses)}
    save_tensors(folder / NAME, tensors, metadata)


def read(folder: Path, key: str) -> Checkpoint | None:
    """Return the folder's checkpoint; None where there is none of this run, or it is damaged."""
    file = folder / NAME
    try:
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata() or {}
            if metadata.get("key") != key:
                logger.info("%s is of another training; this one begins anew", file)
                return None
            groups: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "moments": {}}
            for name in stored.keys():  # noqa: SIM118 (it is no mapping)
                group, _, rest = name.partition("/")
                groups[group][rest] = stored.get_tensor(name)
            losses = tuple(float(loss) for loss in json.loads(metadata["losses"]))
            return Checkpoint(**groups, steps=int(metadata["steps"]), losses=losses)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        logger.warning("%s cannot be read (%s); training begins anew", file, error)
        return None
