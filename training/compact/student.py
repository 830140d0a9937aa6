"""The student: the small text tower, a faster forward pass for training, and a first token table from the teacher."""

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

TABLE_STD = 0.04  # of the first token table; twice open_clip's own, because these rows have a meaning already

Tokens = NDArray[np.int64]


def new_text_tower() -> TextTransformer:
    """Return the text tower with random weights, of the architecture in the stored config."""
    return TextTransformer(
        context_length=CONTEXT, vocab_size=VOCABULARY, width=WIDTH, heads=HEADS, layers=LAYERS, output_dim=DIM
    )


def tokenizer() -> SimpleTokenizer:
    """Return open_clip's own byte-pair tokenizer, which ships with that package."""
    return SimpleTokenizer(context_length=CONTEXT)


def tokenize(lines: Sequence[str]) -> Tokens:
    """Return token numbers padded with 0, shape (n, 24), int64."""
    return np.asarray(tokenizer()(list(lines)), dtype=np.int64)


def token_counts(tokens: Tokens) -> NDArray[np.int64]:
    """Return the number of tokens in each row, start and end included, shape (n,)."""
    return np.asarray(tokens.argmax(axis=1) + 1, dtype=np.int64)  # the end token has the largest number


def embed(tower: TextTransformer, tokens: Tensor) -> Tensor:
    """Return the tower's output, shape (n, dim), computed without the padding and in bfloat16 where that is fast.

    The tower is causal and read at the end token, so the padding after it has no effect. Attention stays in float32,
    because its backward pass in bfloat16 took eight times as long (87 ms instead of 11, measured).

    Args:
        tower: A causal tower, pooled at the end token.
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
        output: Tensor = pooled @ tower.text_projection
    return output.float()


def embed_by_length(tower: TextTransformer, tokens: Tensor, *, group: int = 256) -> Tensor:
    """Return the output of `embed`, shape (n, dim), with lines of similar length computed together.

    Otherwise one long line pads all others, which takes twice the time on captions mixed with class names.
    """
    order = tokens.argmax(dim=1).argsort(stable=True)
    output = torch.cat([embed(tower, part) for part in torch.split(tokens[order], group)])
    return output[order.argsort()]


def _attend(attention: nn.MultiheadAttention, x: Tensor) -> Tensor:
    count, length, width = x.shape
    projected = nn.functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)  # (n, t, 3 * width)
    split = projected.view(count, length, 3, attention.num_heads, width // attention.num_heads)
    query, key, value = split.permute(2, 0, 3, 1, 4).float().unbind(0)  # each (n, heads, t, width / heads)
    with torch.autocast("cpu", enabled=False):
        output = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    return attention.out_proj(output.transpose(1, 2).reshape(count, length, width))  # type: ignore[no-any-return]


@torch.inference_mode()
def embed_all(tower: TextTransformer, tokens: Tokens, *, batch: int = 512) -> Vectors:
    """Return one unit vector per row of tokens, shape (n, dim), float32."""
    order = np.argsort(token_counts(tokens), kind="stable")
    vectors = np.zeros((len(tokens), tower.output_dim), dtype=np.float32)
    for start in range(0, len(tokens), batch):
        rows = order[start : start + batch]
        vectors[rows] = nn.functional.normalize(embed(tower, torch.from_numpy(tokens[rows])), dim=-1).numpy()
    return vectors


def token_words() -> list[str]:
    """Return the text of each token, in the order of their numbers."""
    coder = tokenizer()
    byte_strings = (
        bytearray(coder.byte_decoder.get(letter, 32) for letter in coder.decoder[number].replace("</w>", ""))
        for number in range(VOCABULARY)
    )
    return [text.decode("utf-8", errors="ignore") for text in byte_strings]


def project_to_table(vectors: Vectors, *, width: int) -> Vectors:
    """Return the vectors' projections on their main directions, as a token table.

    A token that starts as the sentence model's embedding of its word does not depend on captions that contain it.

    Args:
        vectors: The teacher's vector of each token's text, shape (v, d).
        width: Number of columns, at most d.

    Returns:
        Shape (v, width), float32, standard deviation `TABLE_STD` over all.
    """
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)  # ascending
    table = centred @ directions[:, ::-1][:, :width]  # (v, width)
    table /= table.std(axis=0) ** 0.5  # half way to equal spread, so that the last directions are not lost
    return np.asarray(table * (TABLE_STD / table.std()), dtype=np.float32)


def teacher_table(teacher: TextTeacher) -> Vectors:
    """Return a first token table for the tower, shape (49408, 256), float32."""
    return project_to_table(teacher.encode(token_words(), batch=1024), width=WIDTH)
