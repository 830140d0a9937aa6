"""A vector store over a collection of a library."""

from __future__ import annotations

import os
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.catalog.statements.item import Item
from indexer.errors import AddError, LibraryError
from retrieval.integrations.langchain.checks import check_model, check_texts
from retrieval.integrations.langchain.encoder import LangChainEncoder
from retrieval.library import Library
from retrieval.schemas.metadata_filters import as_filter
from retrieval.search.hits import Hit

Where = Filter | Mapping[str, Any]
"""A filter: one of Recall, or a mapping of metadata, see `as_filter`."""


class RecallVectorStore(VectorStore):
    """Documents in a collection of a library: in its catalog and its index, and nowhere else.

    A document is an item of the library: its id, its text, its metadata (flat: str, int, float, bool, None, or a list
    of str), and the vector that the embedding model gives. Scores are cosine similarities, 1 for the same direction.
    """

    def __init__(
        self,
        library: Library | str | os.PathLike[str],
        embedding: Embeddings,
        *,
        collection: str = "default",
        name: str | None = None,
    ) -> None:
        """Open a store.

        Args:
            library: The folder of a library, which is made on first use; `close` closes it. Or an open library, whose
                encoder must be a `LangChainEncoder` of the same model.
            embedding: The model.
            collection: The collection that holds the documents.
            name: A name that tells the model from others; see `LangChainEncoder`.

        Raises:
            EncoderMismatchError: The library has embeddings of another model.
        """
        self._embedding, self.collection = embedding, collection
        self._is_own = not isinstance(library, Library)
        encoder = LangChainEncoder(embedding, name=name)
        self.library = library if isinstance(library, Library) else Library.open(library, encoder=encoder)
        try:
            check_model(self.library, encoder)
        except BaseException:
            self.close()
            raise

    @property
    def embeddings(self) -> Embeddings:
        """The embedding model."""
        return self._embedding

    def close(self) -> None:
        """Close the library, if the store has opened it."""
        if self._is_own:
            self.library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Embed and add texts, and return their ids; an id that the collection has gets the new text.

        Args:
            texts: Texts.
            metadatas: One mapping for each text.
            ids: One id for each text; None makes one.
            **kwargs: Not used.

        Raises:
            AddError: A text, an id or metadata cannot be stored, and nothing is added; or the library has values of
                another type for a key of the metadata, and the other documents are added.
        """
        contents = list(texts)
        names = [id_ or str(uuid.uuid4()) for id_ in (ids if ids is not None else [None] * len(contents))]
        check_texts(contents, metadatas, names)
        if not contents:
            return []
        report = self.library.add(
            texts=contents,
            vectors=np.asarray(self._embedding.embed_documents(contents), dtype=np.float32),
            ids=names,
            metadata=metadatas,
            collection=self.collection,
        )
        if report.failures:
            first = report.failures[0]
            raise AddError(
                f"{len(report.failures)} of {len(contents)} documents cannot be added, the others are: "
                f"{first.id!r:.80}: {first.message}"
            )
        return report.ids

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return documents in the order of their ids; unknown ids are left out."""
        return [_document(item) for item in self.library.get(ids, collection=self.collection)]

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Delete documents, and return True; unknown ids are passed over.

        Args:
            ids: Their ids; None deletes all of the collection, as other vector stores do.
            **kwargs: Not used.
        """
        self.library.delete(ids, collection=self.collection)
        return True

    def similarity_search(self, query: str, k: int = 4, filter: Where | None = None, **kwargs: Any) -> list[Document]:  # noqa: A002 - LangChain's name for it
        """Return the documents most similar to a text, best first.

        Args:
            query: The text.
            k: Number of documents, at least 1.
            filter: Only documents that pass it; see `as_filter`.
            **kwargs: Not used.
        """
        return [document for document, _ in self.similarity_search_with_score(query, k, filter)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Where | None = None,  # noqa: A002 - as above
        **kwargs: Any,
    ) -> list[tuple[Document, float]]:
        """Return the documents most similar to a text with their cosine similarity; see `similarity_search`."""
        return self.similarity_search_with_score_by_vector(self._embedding.embed_query(query), k, filter)

    def similarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Where | None = None,  # noqa: A002 - as above
        **kwargs: Any,
    ) -> list[Document]:
        """Return the documents most similar to a vector; see `similarity_search`."""
        return [document for document, _ in self.similarity_search_with_score_by_vector(embedding, k, filter)]

    def similarity_search_with_score_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        filter: Where | None = None,  # noqa: A002 - as above
    ) -> list[tuple[Document, float]]:
        """Return the documents most similar to a vector with their cosine similarity; see `similarity_search`."""
        scores = {hit.id: hit.score for hit in self._hits(embedding, k, filter)}
        return [(_document(item), scores[item.id]) for item in self.library.get(scores, collection=self.collection)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Where | None = None,  # noqa: A002 - as above
        **kwargs: Any,
    ) -> list[Document]:
        """Return documents that are similar to a text and differ from each other (Carbonell and Goldstein 1998).

        Args:
            query: The text.
            k: Number of documents, at least 1.
            fetch_k: Number of documents that they are chosen from.
            lambda_mult: 1 for the most similar, 0 for the most different ones.
            filter: Only documents that pass it; see `as_filter`.
            **kwargs: Not used.
        """
        vector = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, filter)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Where | None = None,  # noqa: A002 - as above
        **kwargs: Any,
    ) -> list[Document]:
        """Return diverse documents that are similar to a vector; see `max_marginal_relevance_search`."""
        ids = [hit.id for hit in self._hits(embedding, max(k, fetch_k), filter)]
        items = self.library.get(ids, collection=self.collection, vectors=True)
        vectors: Any = [item.vector for item in items]
        chosen = maximal_marginal_relevance(
            np.array(embedding, dtype=np.float32), vectors, lambda_mult=lambda_mult, k=k
        )
        return [_document(items[position]) for position in chosen]

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        library: Library | str | os.PathLike[str] | None = None,
        collection: str = "default",
        **kwargs: Any,  # noqa: ARG003 - LangChain's signature
    ) -> Self:
        """Return a store with texts.

        Args:
            texts: Texts.
            embedding: The model.
            metadatas: One mapping for each text.
            ids: One id for each text; by default they are made.
            library: As in the constructor; None makes a temporary library, which goes with the store.
            collection: The collection that holds the documents.
            **kwargs: Not used.
        """
        folder = None if library is not None else tempfile.TemporaryDirectory(prefix="recall-")
        store = cls(
            library if library is not None else os.path.join(str(folder and folder.name), "texts.recall"),
            embedding,
            collection=collection,
        )
        if folder is not None:
            weakref.finalize(store, _discard, store.library, folder)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """Return the function that makes a cosine similarity a relevance, 0 to 1."""
        return lambda score: min(max(score, 0.0), 1.0)

    def _hits(self, embedding: Sequence[float], k: int, where: Where | None) -> Sequence[Hit]:
        """Return the hits of a vector in the collection."""
        within = combine_filters(Filter.collection(self.collection), as_filter(where))
        try:
            return self.library.search(np.asarray(embedding, dtype=np.float32), k=k, where=within)
        except LibraryError:
            if len(self.library):
                raise
            return []


def _discard(library: Library, folder: tempfile.TemporaryDirectory[str]) -> None:
    library.close()
    folder.cleanup()


def _document(item: Item) -> Document:
    """Return an item of the collection as the document that was added."""
    return Document(id=item.id, page_content=item.text or "", metadata=dict(item.metadata))
