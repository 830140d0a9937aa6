"""Low-rank updates in small real models: their deltas and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import open_clip
import pytest
import torch
from open_clip.loss import ClipLoss
from torch import Tensor, nn

from indexer.encoders.openclip_encoder import OpenClipEncoder
from retrieval.tuning.lora.gradients import backward_in_chunks
from retrieval.tuning.lora.layers import LoraLayers, add_deltas
from tests.support.models import ARCHITECTURES, save_model


def randomize(layers: LoraLayers, random: torch.Generator) -> None:
    layers.load_state(
        {name: torch.randn(tensor.shape, generator=random) * 0.05 for name, tensor in layers.state().items()}
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_with_their_deltas_added_give_the_outputs_of_the_updated_model(
    architecture: str, tmp_path: Path
) -> None:
    config = ARCHITECTURES[architecture]
    model = OpenClipEncoder.load(save_model(tmp_path / architecture, config), device="cpu").model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layers = LoraLayers(model, rank=4, lora_alpha=8, seed=0)
    random = torch.Generator().manual_seed(1)
    randomize(layers, random)
    size = config["model_cfg"]["vision_cfg"]["image_size"]
    pixels = torch.randn(2, 3, size, size, generator=random)
    tokens = open_clip.SimpleTokenizer(context_length=16)(["a cat", "a dog"])
    updated = model.encode_image(pixels), model.encode_text(tokens)
    sum(output.sum() for output in updated).backward()
    assert all(parameter.grad is not None for parameter in layers.parameters().values())
    deltas, plain = layers.deltas(), cast("Any", layers.remove())
    assert all(torch.equal(tensor, before[name]) for name, tensor in plain.state_dict().items())
    assert plain.state_dict().keys() == before.keys()
    with torch.no_grad():
        assert not torch.allclose(plain.encode_text(tokens), updated[1], atol=1e-3)
        add_deltas(plain, deltas, alpha=1)
        torch.testing.assert_close(plain.encode_image(pixels), updated[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(plain.encode_text(tokens), updated[1], atol=1e-4, rtol=1e-4)


def test_gradients_in_chunks_equal_those_of_the_whole_batch(tmp_path: Path) -> None:
    model = OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu").model
    layers = LoraLayers(model, rank=4, lora_alpha=8, seed=0)
    random = torch.Generator().manual_seed(1)
    randomize(layers, random)
    pixels = torch.randn(7, 3, 32, 32, generator=random)
    tokens = open_clip.SimpleTokenizer(context_length=16)([f"number {n}" for n in range(7)])

    def loss(outputs: Sequence[Tensor]) -> Tensor:
        texts, images = (nn.functional.normalize(output, dim=-1) for output in outputs)
        value: Tensor = ClipLoss()(images, texts, torch.tensor(20.0))
        return value

    whole = loss([model.encode_text(tokens), model.encode_image(pixels)])
    whole.backward()  # type: ignore[no-untyped-call]
    parameters = layers.parameters()
    expected = {name: parameter.grad.clone() for name, parameter in parameters.items() if parameter.grad is not None}
    model.zero_grad()
    parts = [(model.encode_text, tokens), (model.encode_image, pixels)]
    value = backward_in_chunks(parts, loss, chunk=3, precision=nullcontext)
    assert value == pytest.approx(float(whole.detach()), abs=1e-5)
    assert len(expected) == len(parameters)
    for name, parameter in parameters.items():
        torch.testing.assert_close(parameter.grad, expected[name], atol=1e-5, rtol=1e-4)
