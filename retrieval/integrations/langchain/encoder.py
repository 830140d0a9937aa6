"""Embedding models of LangChain as encoders of a library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from langchain_core.embeddings import Embeddings

from indexer.encoders.base import to_unit_length
from indexer.errors import EncoderError
from indexer.types import Pixels, Preprocess, Vectors, require_list

_PREPROCESS = Preprocess(size=1)
"""No picture is encoded."""

_BATCH_SIZE = 32

_IDENTITY = (
    "model", "model_name", "model_id", "deployment", "azure_deployment", "repo_id", "endpoint_name", "revision",
    "dimensions", "size", "seed", "task", "task_type", "embed_instruction", "query_instruction", "encode_kwargs",
)  # fmt: skip
"""Attributes of models that decide what their vectors mean; others are keys, addresses and time limits."""


class LangChainEncoder:
    """An `Encoder` of texts with an embedding model of LangChain.

    Its fingerprint is made of the model's class, its name and its dimension: LangChain does not tell the weights.
    """

    def __init__(self, embeddings: Embeddings, *, name: str | None = None) -> None:
        """Make an encoder; nothing is embedded yet.

        Args:
            embeddings: The model.
            name: A name that tells the model from others, if its class and the attributes that name models do not.
        """
        self.embeddings = embeddings
        known = {key: str(getattr(embeddings, key)) for key in _IDENTITY if getattr(embeddings, key, None) is not None}
        kind = f"{type(embeddings).__module__}.{type(embeddings).__qualname__}"
        self._identity = json.dumps([kind, known, name], sort_keys=True)
        label = name or known.get("model") or known.get("model_name") or type(embeddings).__name__
        self._name = f"langchain:{label}"

    @property
    def name(self) -> str:
        """The name of the model after "langchain:"."""
        return self._name

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest over the class, the name and the dimension of the model."""
        return hashlib.sha256(f"{self._identity} {self.dim}".encode()).hexdigest()[:40]

    @cached_property
    def dim(self) -> int:
        """Length of a vector; embeds one word."""
        return len(self.embeddings.embed_query("word"))

    @property
    def device(self) -> str:
        """Where the index is searched."""
        return "cpu"

    @property
    def batch_size(self) -> int:
        """Pictures per call; it takes none."""
        return _BATCH_SIZE

    @property
    def preprocess(self) -> Preprocess:
        """Preprocessing of pictures; it takes none."""
        return _PREPROCESS

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return an empty array for no pictures.

        Raises:
            EncoderError: There is a picture.
        """
        if len(pixels):
            raise EncoderError(
                f"encoder {self.name!r} takes no pictures; add texts, or use a library of another encoder"
            )
        return np.empty((0, self.dim), dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim); see `Encoder.encode_texts`."""
        require_list(texts, "texts")
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        return to_unit_length(np.asarray(self.embeddings.embed_documents(list(texts)), dtype=np.float32))

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return True for each text: LangChain does not tell how much a model reads; split documents yourself."""
        return [True] * len(texts)
