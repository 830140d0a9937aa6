"""The teachers: pairing of tensors, and missing packages."""

from __future__ import annotations

import pytest
import torch

from indexer.errors import EncoderError, MissingPackageError
from training.compact.teacher import import_package, map_in_order


def test_tensors_are_paired_in_order_and_a_checkpoint_of_another_model_is_refused() -> None:
    source = {"_conv.weight": torch.ones(2, 3), "_bn.bias": torch.zeros(2)}
    target = {"conv.weight": torch.zeros(2, 3), "bn.bias": torch.zeros(2)}
    mapped = map_in_order(source, target)
    assert list(mapped) == ["conv.weight", "bn.bias"]
    assert mapped["conv.weight"] is source["_conv.weight"]
    with pytest.raises(EncoderError, match="1 tensors but the model 2"):
        map_in_order({"a": torch.ones(2, 3)}, target)
    with pytest.raises(EncoderError, match=r"shape \(3, 2\) but conv\.weight needs \(2, 3\)"):
        map_in_order({"a": torch.ones(3, 2), "b": torch.zeros(2)}, target)


def test_a_missing_package_names_the_command_that_installs_it() -> None:
    with pytest.raises(MissingPackageError, match=r"pip install -e '\.\[cpu,torch\]' --group train"):
        import_package("no_such_package_at_all", "no-such-package")
