"""Checks before anything is opened or added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from indexer.adding.values import check_metadata
from indexer.errors import AddError, EncoderMismatchError, ItemError
from retrieval.integrations.langchain.encoder import LangChainEncoder
from retrieval.library import Library


def check_model(library: Library, encoder: LangChainEncoder) -> None:
    """Refuse a model whose vectors would be mixed with those of another one.

    Raises:
        EncoderMismatchError: The library has embeddings of another model.
    """
    status = library.status()
    if status.fingerprint not in (None, encoder.fingerprint):
        raise EncoderMismatchError(
            f"{library.name} has embeddings of {status.encoder!r} with {status.dim} numbers, not of this model "
            f"({encoder.name!r}, {encoder.dim} numbers); open it with that model, or use another library"
        )


def check_texts(texts: Sequence[str], metadatas: Sequence[Mapping[str, Any]] | None, ids: Sequence[str]) -> None:
    """Refuse what cannot be stored before anything is added.

    Raises:
        AddError: The numbers differ, or metadata is not flat.
    """
    for name, values in (("metadatas", metadatas), ("ids", ids)):
        if values is not None and len(values) != len(texts):
            raise AddError(f"there are {len(values)} {name} for {len(texts)} texts; expected one for each")
    for id_, metadata in zip(ids, metadatas or (), strict=False):
        try:
            check_metadata(metadata)
        except ItemError as error:
            raise AddError(f"the document {id_!r:.80} cannot be stored: {error}; nothing was added") from error
