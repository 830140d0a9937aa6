"""The vector store for LangChain beyond its own suite: filters, scores, MMR, ids and errors; and the retriever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from indexer.errors import AddError, EncoderMismatchError, QueryError
from retrieval import Filter, Library
from retrieval.integrations.langchain import LangChainEncoder, RecallRetriever, RecallVectorStore

WORDS = ("cat", "dog", "fish", "car")


class CountingEmbeddings(Embeddings):
    """Embeddings that one can compute in one's head: how often a text has each of four words."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(text.count(word)) for word in WORDS] + [0.01]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecallVectorStore]:
    with RecallVectorStore(tmp_path / "documents.recall", CountingEmbeddings()) as store:
        store.add_texts(
            ["cat cat", "cat dog", "fish", "car"],
            [
                {"price": 5, "shop": "Berlin", "new": True, "colors": ["red", "blue"]},
                {"price": 7.5, "shop": "Paris", "new": False, "colors": ["red"]},
                {"price": 9, "shop": "Rome", "new": True},
                {"shop": None},
            ],
            ids=["one", "two", "three", "four"],
        )
        yield store


def ids_of(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_documents_come_back_as_they_were_added_best_first_with_the_cosine(store: RecallVectorStore) -> None:
    found = store.similarity_search_with_score("cat", k=4)
    assert ids_of([document for document, _ in found])[:2] == ["one", "two"]
    assert found[0][0] == Document(
        id="one",
        page_content="cat cat",
        metadata={"price": 5, "shop": "Berlin", "new": True, "colors": ["red", "blue"]},
    )
    assert [score for _, score in found] == pytest.approx([1, 0.7071, 0.0001, 0.0001], abs=1e-3)
    relevant = store.similarity_search_with_relevance_scores("cat", k=2, score_threshold=0.9)
    assert [(document.id, round(score, 3)) for document, score in relevant] == [("one", 1.0)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"shop": "Berlin"}, {"one"}),
        ({"shop": ["Berlin", "Rome"]}, {"one", "three"}),
        ({"price": {"$lt": 8}}, {"one", "two"}),
        ({"price": {"$gte": 5, "$lte": 7.5}}, {"one", "two"}),
        ({"price": {"$gt": 5}, "new": True}, {"three"}),
        ({"price": {"$in": [5, 9]}}, {"one", "three"}),
        ({"price": {"$nin": [5, 9]}}, {"two", "four"}),
        ({"shop": {"$ne": "Rome"}}, {"one", "two", "four"}),
        ({"$or": [{"shop": "Rome"}, {"price": 5}]}, {"one", "three"}),
        ({"$and": [{"new": True}, {"$not": {"shop": "Rome"}}]}, {"one"}),
        ({"colors": "blue"}, {"one"}),
        ({"shop": {"$exists": False}}, {"four"}),
        ({"shop": None}, {"four"}),
        ({}, {"one", "two", "three", "four"}),
        (Filter.meta("price") < 6, {"one"}),
        ({"nowhere": "x"}, set()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),  # each process orders a set differently
)
def test_filters_are_mappings_or_those_of_recall(
    store: RecallVectorStore, where: dict[str, object] | Filter, expected: set[str]
) -> None:
    assert set(ids_of(store.similarity_search("cat", k=10, filter=where))) == expected
    vector = store.embeddings.embed_query("cat")
    assert set(ids_of(store.similarity_search_by_vector(vector, k=10, filter=where))) == expected


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("shop", "the filter is a str; expected a dict of metadata"),
        (len, "the filter is a builtin_function_or_method; expected a dict"),
        ({"price": {"$near": 3}}, "'price' is compared by '\\$near'; expected one of \\$eq"),
        ({"$nor": []}, "there is no operator '\\$nor'"),
        ({"$or": []}, "\\$or has \\[\\]; expected a list of dicts"),
        ({"price": {"$in": 3}}, "\\$in of 'price' has 3; expected a list"),
        ({"price": "cheap"}, "the metadata 'price' has numbers"),
    ],
    ids=str,
)
def test_filters_that_cannot_be_used_are_refused(store: RecallVectorStore, where: object, sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        store.similarity_search("cat", filter=where)  # type: ignore[arg-type]  # as callers may do


def test_marginal_relevance_prefers_what_differs(store: RecallVectorStore) -> None:
    store.add_texts(["cat cat cat"], ids=["again"])
    diverse = store.max_marginal_relevance_search("cat", k=3, fetch_k=5, lambda_mult=0.3)
    assert len({"one", "again"} & set(ids_of(diverse))) == 1
    assert len(diverse) == 3
    plain = store.max_marginal_relevance_search("cat", k=2, fetch_k=5, lambda_mult=1.0)
    assert set(ids_of(plain)) == {"one", "again"}
    retriever = store.as_retriever(search_type="mmr", search_kwargs={"k": 2, "fetch_k": 5})
    assert len(retriever.invoke("cat")) == 2


async def test_asynchronous_forms_do_the_same(store: RecallVectorStore) -> None:
    added = await store.aadd_documents([Document(page_content="dog dog"), Document(id="own", page_content="fish fish")])
    assert added[1] == "own"
    found = await asyncio.gather(*(store.asimilarity_search(word, k=1) for word in ("cat", "dog", "fish")))
    assert [documents[0].page_content for documents in found] == ["cat cat", "dog dog", found[2][0].page_content]
    assert len(await store.amax_marginal_relevance_search("cat", k=2)) == 2
    assert await store.adelete(["own"])
    assert await store.aget_by_ids(["own", "one"]) == store.get_by_ids(["one"])
    assert len(await store.as_retriever(search_kwargs={"k": 3}).ainvoke("cat")) == 3


def test_equal_texts_are_two_documents_and_an_id_is_one(store: RecallVectorStore) -> None:
    first, second = store.add_texts(["dog", "dog"])
    assert first != second
    store.add_documents([Document(id="one", page_content="fish", metadata={"price": 1})])
    assert store.get_by_ids(["one"]) == [Document(id="one", page_content="fish", metadata={"price": 1})]
    assert len(store.library) == 6


def test_deleting_without_ids_empties_the_collection_and_no_other(store: RecallVectorStore) -> None:
    other = RecallVectorStore(store.library, CountingEmbeddings(), collection="other")
    other.add_texts(["cat"], ids=["one"])
    assert store.delete([])
    assert store.delete(["nobody"])
    assert len(store.similarity_search("cat", k=10)) == 4
    assert store.delete()
    assert store.similarity_search("cat", k=10) == []
    assert ids_of(other.similarity_search("cat", k=10)) == ["one"]


def test_a_store_is_opened_again_with_its_model_and_with_no_other(tmp_path: Path) -> None:
    with RecallVectorStore(tmp_path / "d.recall", DeterministicFakeEmbedding(size=6)) as store:
        store.add_texts(["a", "b"], ids=["1", "2"])
    with RecallVectorStore(tmp_path / "d.recall", DeterministicFakeEmbedding(size=6)) as store:
        assert ids_of(store.similarity_search("b", k=1)) == ["2"]
    with pytest.raises(EncoderMismatchError):
        RecallVectorStore(tmp_path / "d.recall", CountingEmbeddings())
    with pytest.raises(EncoderMismatchError, match="with 6 numbers, not of this model"):
        RecallVectorStore(tmp_path / "d.recall", DeterministicFakeEmbedding(size=7))
    with pytest.raises(EncoderMismatchError):
        RecallVectorStore(tmp_path / "d.recall", DeterministicFakeEmbedding(size=6), name="another")


def test_a_library_of_another_encoder_is_refused(album_library: Path) -> None:
    with (
        Library.open(album_library, read_only=True) as library,
        pytest.raises(EncoderMismatchError, match="has embeddings of 'compact'"),
    ):
        RecallVectorStore(library, CountingEmbeddings())


def test_from_texts_makes_a_library_or_a_temporary_one(tmp_path: Path) -> None:
    kept = RecallVectorStore.from_texts(["cat", "dog"], CountingEmbeddings(), library=tmp_path / "k.recall")
    assert (tmp_path / "k.recall" / "catalog.db").exists()
    kept.close()
    fleeting = RecallVectorStore.from_texts(["cat", "dog"], CountingEmbeddings(), [{"a": 1}, {"a": 2}], ids=["x", "y"])
    folder = fleeting.library.path
    assert ids_of(fleeting.similarity_search("dog", k=1)) == ["y"]
    del fleeting
    assert not folder.exists()


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [({"a": {"b": 1}}, "'a' is {'b': 1}; expected a str"), ({"a": [1, 2]}, "'a' is \\[1, 2\\]"), ({1: 2}, "the key 1")],
)
def test_nested_metadata_is_refused_before_anything_is_added(
    store: RecallVectorStore, metadata: dict[str, object], sentence: str
) -> None:
    with pytest.raises(AddError, match=sentence) as refused:
        store.add_texts(["new", "newer"], [{}, metadata], ids=["n1", "n2"])
    assert str(refused.value).endswith("nothing was added")
    assert store.get_by_ids(["n1", "n2"]) == []


def test_other_bad_input_is_refused(store: RecallVectorStore) -> None:
    with pytest.raises(AddError, match="there are 1 metadatas for 2 texts"):
        store.add_texts(["a", "b"], [{}])
    with pytest.raises(AddError, match="there are 3 ids for 1 texts"):
        store.add_texts(["a"], ids=["a", "b", "c"])
    with pytest.raises(AddError, match="the id 'a' was given twice"):
        store.add_texts(["a", "b"], ids=["a", "a"])
    with pytest.raises(AddError, match="'price' is a text, but other items have a number"):
        store.add_texts(["a"], [{"price": "cheap"}])
    with pytest.raises(AddError, match="the id has 1,001 characters"):
        store.add_texts(["a"], ids=["x" * 1001])
    with pytest.raises(QueryError):
        store.similarity_search("cat", k=0)
    with pytest.raises(QueryError, match="the query vector has 2 numbers; expected 5"):
        store.similarity_search_by_vector([1.0, 2.0])
    assert store.add_texts([]) == []


def test_odd_ids_and_long_and_empty_texts_come_back(store: RecallVectorStore) -> None:
    texts = {
        "a/b/../c": "cat " * 100_000,
        "' OR 1=1 --": "",
        "Käse 🧀\n": "Gruß 你好 🐈\r\n\ttab",
        "x" * 1000: "  spaces  ",
        "collection:default": "\x01 control",
        "%": "*",
    }
    store.add_texts(list(texts.values()), ids=list(texts))
    assert {document.id: document.page_content for document in store.get_by_ids(list(texts))} == texts
    assert store.delete(list(texts))
    assert store.get_by_ids(list(texts)) == []


def test_retriever_finds_photos_by_words_and_by_a_picture(album: Path, album_library: Path) -> None:
    with Library.open(album_library, read_only=True) as library:
        retriever = RecallRetriever(library=library, k=2)
        (best, _) = retriever.invoke("a cat")
        assert best.id == str(album / "chelsea.png")
        assert best.metadata["path"] == str(album / "chelsea.png")
        assert best.metadata["probability"] > 0.4
        assert best.metadata["camera"] == "PENTAX K100D Super"
        assert best.page_content
        (text, _) = RecallRetriever(library=library, k=2, kind="texts").invoke("baking bread") * 2
        assert text.page_content.startswith("How to bake a loaf of bread")
        for picture in (album / "rocket.jpg", (album / "rocket.jpg").read_bytes()):
            assert retriever.invoke(picture, k=1)[0].id == str(album / "rocket.jpg")  # type: ignore[arg-type]
        assert RecallRetriever(library=library, threshold=0.3).invoke("a wedding") == []
        jpegs = RecallRetriever(library=library, filter=Filter.format("jpg")).invoke("anything")
        assert ids_of(jpegs) == [str(album / "rocket.jpg")]


def test_texts_of_a_library_with_langchains_encoder_are_searched_by_words(tmp_path: Path) -> None:
    with Library.open(tmp_path / "l.recall", encoder=LangChainEncoder(CountingEmbeddings())) as library:
        library.add(texts=["cat cat", "dog"], ids=["one", "two"])
        assert library.search("cat", k=1)[0].id == "one"
        refused = library.add(images=[b"\x89PNG"], ids=["three"])
        assert refused.failures
