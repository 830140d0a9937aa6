"""Unit tests also run where PyTorch is not installed, as CI does on its other Pythons."""

from __future__ import annotations

from importlib.util import find_spec

WITH_TORCH = (
    *("training", "test_gpu_index.py", "test_train_adapter.py"),
    *("test_lora_checkpoint_key.py", "test_lora_objective.py"),
)
"""Tests that import PyTorch: to compare with it, or of the trainers."""

collect_ignore = [] if find_spec("torch") else [*WITH_TORCH]
