"""The small text tower: building it, a faster forward pass for training, a first token table from the teacher."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import SimpleTokenizer
from open_clip.transformer import TextTransformer
from torch import Tensor, nn

from indexer.types import Vectors
from training.compact.teacher import TextTeacher, has_fast_bfloat16

DIM = 384
WIDTH = 256
HEADS = 4
LAYERS = 3
CONTEXT = 24  # tokens, start and end included; 1.3 % of Flickr8k's captions are longer
VOCABULARY = 49408

TABLE_STD = 0.04  # of the first token table; twice open_clip's own, since these rows already mean something

Tokens = NDArray[np.int64]


def new_text_tower() -> TextTransformer:
    """Return the text tower with random weights, in the form that the stored config describes."""
    return TextTransformer(
        context_length=CONTEXT, vocab_size=VOCABULARY, width=WIDTH, heads=HEADS, layers=LAYERS, output_dim=DIM
    )


def tokenizer() -> SimpleTokenizer:
    """Return open_clip's own byte-pair tokenizer, which comes with that package."""
    return SimpleTokenizer(context_length=CONTEXT)


def tokenize(lines: Sequence[str]) -> Tokens:
    """Return token numbers padded with 0, shape (n, 24), int64."""
    return np.asarray(tokenizer()(list(lines)), dtype=np.int64)


def lengths_of(tokens: Tokens) -> NDArray[np.int64]:
    """Return how many tokens of each row count, start and end included, shape (n,)."""
    return np.asarray(tokens.argmax(axis=1) + 1, dtype=np.int64)  # the end token has the largest number


def embed(tower: TextTransformer, tokens: Tensor) -> Tensor:
    """Return what the tower gives, shape (n, dim), computed without the padding and in bfloat16 where that is fast.

    The tower is causal and reads the place of the end token, so cutting what follows changes nothing. Attention
    stays in float32: its backward pass in bfloat16 took eight times as long (87 against 11 ms, measured).

    Args:
        tower: Causal, pooled at the end token.
        tokens: Shape (n, context), int64.
    """
    ends = tokens.argmax(dim=1)  # (n,)
    tokens = tokens[:, : int(ends.max()) + 1]  # (n, t)
    with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
        x = tower.token_embedding(tokens) + tower.positional_embedding[: tokens.shape[1]]  # (n, t, width)
        for block in tower.transformer.resblocks:
            x = x + _attend(block.attn, block.ln_1(x))
            x = x + block.mlp(block.ln_2(x))
        pooled = tower.ln_final(x[torch.arange(len(x)), ends])  # (n, width)
        found: Tensor = pooled @ tower.text_projection
    return found.float()


def embed_mixed(tower: TextTransformer, tokens: Tensor, *, group: int = 256) -> Tensor:
    """Return what `embed` gives, shape (n, dim), with lines of like length computed together.

    Without it one long line pads all others: twice the time on captions mixed with class names.
    """
    order = tokens.argmax(dim=1).argsort(stable=True)
    found = torch.cat([embed(tower, part) for part in torch.split(tokens[order], group)])
    return found[order.argsort()]


def _attend(attention: nn.MultiheadAttention, x: Tensor) -> Tensor:
    count, length, width = x.shape
    mixed = nn.functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)  # (n, t, 3 * width)
    split = mixed.view(count, length, 3, attention.num_heads, width // attention.num_heads)
    query, key, value = split.permute(2, 0, 3, 1, 4).float().unbind(0)  # each (n, heads, t, width / heads)
    with torch.autocast("cpu", enabled=False):
        seen = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    return attention.out_proj(seen.transpose(1, 2).reshape(count, length, width))  # type: ignore[no-any-return]


@torch.inference_mode()
def embed_all(tower: TextTransformer, tokens: Tokens, *, batch: int = 512) -> Vectors:
    """Return one unit vector per row of tokens, shape (n, dim), float32."""
    order = np.argsort(lengths_of(tokens), kind="stable")
    found = np.zeros((len(tokens), tower.output_dim), dtype=np.float32)
    for start in range(0, len(tokens), batch):
        rows = order[start : start + batch]
        found[rows] = nn.functional.normalize(embed(tower, torch.from_numpy(tokens[rows])), dim=-1).numpy()
    return found


def token_words() -> list[str]:
    """Return the text that each token stands for, in the order of their numbers."""
    coder = tokenizer()
    spelled = (
        bytearray(coder.byte_decoder.get(letter, 32) for letter in coder.decoder[number].replace("</w>", ""))
        for number in range(VOCABULARY)
    )
    return [raw.decode("utf-8", errors="ignore") for raw in spelled]


def table_from(vectors: Vectors, *, width: int) -> Vectors:
    """Return the vectors on their main directions, as a token table.

    A token that begins as the sentence model's own view of its word needs no caption to be learnt from.

    Args:
        vectors: The teacher's vector of each token's text, shape (v, d).
        width: Columns wanted, at most d.

    Returns:
        Shape (v, width), float32, standard deviation `TABLE_STD` over all.
    """
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)  # ascending
    turned = centred @ directions[:, ::-1][:, :width]  # (v, width)
    turned /= turned.std(axis=0) ** 0.5  # half way to equal spread: the last directions should be seen too
    return np.asarray(turned * (TABLE_STD / turned.std()), dtype=np.float32)


def teacher_table(teacher: TextTeacher) -> Vectors:
    """Return a first token table for the tower, shape (49408, 256), float32."""
    return table_from(teacher.encode(token_words(), batch=1024), width=WIDTH)
