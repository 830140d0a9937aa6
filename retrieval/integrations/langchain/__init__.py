"""Gives LangChain a vector store and a retriever over a library; needs the extra `langchain`.

    RecallVectorStore     documents in a collection of a library, with the embeddings of a LangChain model
    RecallRetriever       photos and texts of any library, by words or by a picture

Neither has a store of its own.
"""

from __future__ import annotations

from retrieval.integrations.langchain.encoder import LangChainEncoder
from retrieval.integrations.langchain.retriever import RecallRetriever
from retrieval.integrations.langchain.vector_store import RecallVectorStore

__all__ = ["LangChainEncoder", "RecallRetriever", "RecallVectorStore"]
