"""Checkpoints of a LoRA training."""

from __future__ import annotations

from pathlib import Path

import torch

from retrieval.tuning.lora.checkpoints import FILE_NAME, Checkpoint, read_checkpoint, write_checkpoint


def test_a_checkpoint_that_is_damaged_or_of_another_training_is_not_read(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "key", Checkpoint({"a": torch.ones(2)}, {"a": torch.ones(2)}, {}, 3, (1.0, 0.5)))
    stored = read_checkpoint(tmp_path, "key")
    assert stored is not None
    assert (stored.steps, stored.losses, stored.current["a"].tolist()) == (3, (1.0, 0.5), [1, 1])
    assert read_checkpoint(tmp_path, "another") is None
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:-4])
    assert read_checkpoint(tmp_path, "key") is None
    assert read_checkpoint(tmp_path / "none", "key") is None
