"""What stands for weights and tokenizer of a torch model in its fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TOKENIZER_SAMPLE = (
    "a dog on the beach",
    "Ünïcödé ß œ",
    "日本語の写真",
    "كلب",
    "собака",
    "😀 🚀",
    "don't, 3.14!",
    "x" * 300,
)
"""Texts whose token ids represent the tokenizer in the fingerprint."""


def raw_weights(model: Any) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every tensor of a torch module, by name."""
    import torch  # late: the modules that call this have loaded it, others must not

    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        yield f"{name} {tensor.dtype} {tuple(tensor.shape)}", flat.view(torch.uint8).numpy().tobytes()
