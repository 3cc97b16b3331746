"""Packages that people use with Chroma do on a persistent Ochre what they do, unchanged, after `install_as_chromadb()`.

`make test-compat` runs this in an environment that has them, and has no chromadb.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ochredb

if "OCHRE_PACKAGES" not in os.environ:
    pytest.skip("needs the packages: make test-compat installs them and sets OCHRE_PACKAGES", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("default")  # what others warn of is theirs to mend

TEXTS = ["an apple a day", "banana bread", "cherry cake", "dry wine and more dry wine"]
KINDS = ["fruit", "bread", "cake", "wine"]


def vector(text: str) -> list[float]:
    """Embed a text: how often it has each of eight letters."""
    return [float(text.count(letter)) for letter in "abcdenry"]


@pytest.fixture(scope="module", autouse=True)
def _chromadb() -> None:
    ochredb.install_as_chromadb()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[str]:
    """Give a folder for a database, and see that Ochre's is what came to be in it."""
    yield str(tmp_path / "database")
    assert (tmp_path / "database" / "ochre.sqlite3").exists()
    assert sys.modules["chromadb"] is ochredb


@pytest.fixture
def langchain(folder: str) -> Any:
    """Give LangChain's store with the four texts."""
    from langchain_chroma import Chroma

    store = Chroma(
        "texts", embedding_function=_langchain_embeddings(), persist_directory=folder,
        collection_metadata={"hnsw:space": "cosine"},
    )  # fmt: skip
    store.add_texts(TEXTS, [{"kind": kind, "n": n} for n, kind in enumerate(KINDS)], ids=KINDS)
    return store


def _langchain_embeddings() -> Any:
    from langchain_core.embeddings import Embeddings

    class Letters(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vector(text) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return vector(text)

    return Letters()


def test_langchain_searches(langchain: Any) -> None:
    """Scores are cosine distances, nearest first; filters on metadata and text narrow; MMR prefers what differs."""
    found = langchain.similarity_search_with_score("banana bread", k=2)
    assert [document.metadata["kind"] for document, _ in found] == ["bread", "fruit"]
    assert found[0][1] == pytest.approx(0, abs=1e-6)
    (document, relevance), *_ = langchain.similarity_search_with_relevance_scores("cherry cake", k=1)
    assert (document.id, document.page_content, relevance) == ("cake", "cherry cake", pytest.approx(1))
    filtered = langchain.similarity_search("banana bread", k=4, filter={"n": {"$gte": 2}})
    assert {document.id for document in filtered} == {"cake", "wine"}
    holding = langchain.similarity_search("banana bread", k=4, where_document={"$contains": "dry"})
    assert [document.id for document in holding] == ["wine"]
    various = langchain.max_marginal_relevance_search("banana bread", k=2, fetch_k=4, lambda_mult=0.0)
    assert [document.id for document in various] == ["bread", "cake"]
    vectors = langchain.similarity_search_with_vectors("dry wine", k=1)
    assert vectors[0][1].tolist() == vector(TEXTS[3])


def test_langchain_changes_and_opens_again(langchain: Any, folder: str) -> None:
    """Updates, deletions and documents without metadata are there for a store that opens the folder anew."""
    from langchain_chroma import Chroma
    from langchain_core.documents import Document

    langchain.update_document("fruit", Document("an orange", metadata={"kind": "citrus"}))
    langchain.add_texts(["plain", "with"], [{}, {"kind": "late"}], ids=["plain", "with"])
    langchain.delete(["wine"])
    again = Chroma("texts", embedding_function=_langchain_embeddings(), persist_directory=folder)
    assert set(again.get()["ids"]) == {"fruit", "bread", "cake", "plain", "with"}
    assert again.get(where={"kind": "citrus"}, include=["documents"])["documents"] == ["an orange"]
    assert [document.page_content for document in again.get_by_ids(["with", "none"])] == ["with"]
    again.reset_collection()
    assert again.get()["ids"] == []
    with pytest.raises(ValueError, match="filter_complex_metadata"):
        again.add_texts(["nested"], [{"a": {"b": 1}}], ids=["nested"])
    again.delete_collection()


@pytest.fixture
def llama_index(folder: str) -> Any:
    """Give LlamaIndex's store with the four texts."""
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
    from llama_index.vector_stores.chroma import ChromaVectorStore

    store = ChromaVectorStore.from_params(collection_name="texts", persist_dir=folder)
    source = {kind: {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"page of {kind}")} for kind in KINDS}
    nodes = [
        TextNode(
            id_=kind, text=text, embedding=vector(text), metadata={"kind": kind, "n": n}, relationships=source[kind]
        )
        for n, (text, kind) in enumerate(zip(TEXTS, KINDS, strict=True))
    ]
    assert store.add(nodes) == KINDS
    return store


def test_llama_index_searches(llama_index: Any) -> None:
    """Nodes come back with text, metadata and similarity, nearest first; filters narrow; MMR prefers what differs."""
    from llama_index.core.vector_stores.types import (
        FilterOperator,
        MetadataFilter,
        MetadataFilters,
        VectorStoreQuery,
        VectorStoreQueryMode,
    )

    asked = VectorStoreQuery(query_embedding=vector("banana bread"), similarity_top_k=2)
    found = llama_index.query(asked)
    assert found.ids[0] == "bread"
    assert (found.nodes[0].text, found.nodes[0].metadata) == ("banana bread", {"kind": "bread", "n": 1})
    assert found.similarities[0] == 1.0 > found.similarities[1]
    late = MetadataFilters(filters=[MetadataFilter(key="n", value=2, operator=FilterOperator.GTE)])
    asked = VectorStoreQuery(query_embedding=vector("banana bread"), similarity_top_k=4, filters=late)
    assert set(llama_index.query(asked).ids) == {"cake", "wine"}
    asked = VectorStoreQuery(
        query_embedding=vector("banana bread"), similarity_top_k=2, mode=VectorStoreQueryMode.MMR, mmr_threshold=0.0
    )
    various = llama_index.query(asked).ids
    assert (various[0], len(set(various))) == ("bread", 2)
    assert [node.node_id for node in llama_index.get_nodes(["cake"])] == ["cake"]
    assert {node.node_id for node in llama_index.get_nodes(None, filters=late)} == {"cake", "wine"}


def test_llama_index_deletes(llama_index: Any) -> None:
    """Nodes go by document, by id and by filter, and all at once; a foreign collection object is refused."""
    from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters
    from llama_index.vector_stores.chroma import ChromaVectorStore

    collection = llama_index.client
    llama_index.delete("page of fruit")
    assert collection.get()["ids"] == ["bread", "cake", "wine"]
    llama_index.delete_nodes(["cake"])
    bread = MetadataFilters(filters=[MetadataFilter(key="kind", value="bread")])
    llama_index.delete_nodes(["bread", "wine"], bread)
    assert collection.get()["ids"] == ["wine"]
    assert ChromaVectorStore.from_collection(collection).client is collection
    with pytest.raises(Exception, match="not chromadb collection instance"):
        ChromaVectorStore.from_collection("collection")
    llama_index.clear()
    assert collection.count() == 0


@pytest.fixture
def haystack(folder: str) -> Any:
    """Give Haystack's store with the four texts, embedded by us."""
    from haystack.dataclasses import Document
    from haystack_integrations.document_stores.chroma import ChromaDocumentStore

    store = ChromaDocumentStore("texts", persist_path=folder, distance_function="cosine")
    documents = [
        Document(id=kind, content=text, meta={"kind": kind, "n": n}, embedding=vector(text))
        for n, (text, kind) in enumerate(zip(TEXTS, KINDS, strict=True))
    ]
    assert store.write_documents(documents) == 4
    return store


def test_haystack_searches(haystack: Any) -> None:
    """Documents come back with their distances as scores; filters narrow; facts about metadata are right."""
    from haystack_integrations.components.retrievers.chroma import ChromaEmbeddingRetriever

    (found,) = haystack.search_embeddings([vector("banana bread")], top_k=2)
    assert [document.id for document in found] == ["bread", "fruit"]
    assert found[0].score == pytest.approx(0, abs=1e-6)
    late = {"field": "meta.n", "operator": ">=", "value": 2}
    assert {document.id for document in haystack.filter_documents(late)} == {"cake", "wine"}
    (narrowed,) = haystack.search_embeddings([vector("banana bread")], top_k=4, filters=late)
    assert {document.id for document in narrowed} == {"cake", "wine"}
    retrieved = ChromaEmbeddingRetriever(haystack, top_k=1).run(query_embedding=vector("cherry cake"))
    assert [document.content for document in retrieved["documents"]] == ["cherry cake"]
    assert haystack.get_metadata_field_min_max("n") == {"min": 0, "max": 3}
    assert haystack.count_documents_by_filter(late) == 2


def test_haystack_embeds_texts(folder: str) -> None:
    """Texts without embeddings are embedded by the default function, and found by a text."""
    from haystack.dataclasses import Document
    from haystack_integrations.document_stores.chroma import ChromaDocumentStore

    store = ChromaDocumentStore("embedded", persist_path=folder)
    store.write_documents([Document(content="Berlin is a city in Germany"), Document(content="bread needs flour")])
    ((found,),) = store.search(["baking"], top_k=1)
    assert found.content == "bread needs flour"


def test_haystack_changes_and_opens_again(haystack: Any, folder: str) -> None:
    """Duplicates are refused or written over, deletions by id and filter are there for a store that opens it anew."""
    from haystack.dataclasses import Document
    from haystack.document_stores.errors import DuplicateDocumentError
    from haystack.document_stores.types import DuplicatePolicy
    from haystack_integrations.document_stores.chroma import ChromaDocumentStore

    changed = Document(id="cake", content="cheese cake", meta={"kind": "cake"}, embedding=vector("cheese cake"))
    with pytest.raises(DuplicateDocumentError):
        haystack.write_documents([changed], policy=DuplicatePolicy.FAIL)
    haystack.write_documents([changed], policy=DuplicatePolicy.OVERWRITE)
    haystack.delete_documents(["wine"])
    assert haystack.delete_by_filter({"field": "meta.kind", "operator": "==", "value": "fruit"}) == 1
    again = ChromaDocumentStore("texts", persist_path=folder, distance_function="cosine")
    assert {document.content for document in again.filter_documents()} == {"banana bread", "cheese cake"}
    again.delete_all_documents()
    assert again.count_documents() == 0
