"""LangChain's own suites, all of their tests, over a library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests

from retrieval import Library
from retrieval.integrations.langchain import RecallRetriever, RecallVectorStore

pytestmark = pytest.mark.folder


class TestVectorStore(VectorStoreIntegrationTests):
    """The suite for vector stores."""

    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:
        with RecallVectorStore(tmp_path / "documents.recall", self.get_embeddings()) as store:
            yield store


class TestRetriever(RetrieversIntegrationTests):
    """The suite for retrievers."""

    library: Library

    @pytest.fixture(autouse=True)
    def _library(self, request: pytest.FixtureRequest, album_library: Path) -> Iterator[None]:
        with Library.open(album_library, read_only=True) as library:
            request.instance.library = library
            yield

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return RecallRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"library": self.library}

    @property
    def retriever_query_example(self) -> str:
        return "a cat"
