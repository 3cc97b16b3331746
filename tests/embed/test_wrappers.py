"""The functions around an object of another library: a session of boto3, an embeddings object of LangChain."""

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

from ochredb.core.errors import NotSupported
from ochredb.embed.registry import persisted_form, rebuild
from ochredb.utils.embedding_functions import AmazonBedrockEmbeddingFunction, create_langchain_embedding

BOTO3 = """
import io, json
from types import SimpleNamespace

class Session:
    def __init__(self, region_name=None, profile_name=None):
        self.region_name, self.profile_name = region_name, profile_name
        self.made = []

    def client(self, service_name, **more):
        self.made.append((service_name, more))
        return self

    def invoke_model(self, body, modelId, accept, contentType):
        text = json.loads(body)["inputText"]
        return {"body": io.BytesIO(json.dumps({"embedding": [len(text), len(modelId)]}).encode())}
"""


def test_bedrock_is_asked_through_the_session(library: Any) -> None:
    """Of the session the region and the profile are remembered."""
    library("boto3", BOTO3)
    import boto3

    session = boto3.Session("eu-west-1")
    function = AmazonBedrockEmbeddingFunction(session, "model", endpoint_url="http://here")
    assert session.made == [("bedrock-runtime", {"endpoint_url": "http://here"})]
    form = persisted_form(function)
    assert form == {
        "type": "known",
        "name": "amazon_bedrock",
        "config": {
            "model_name": "model",
            "session_args": {"region_name": "eu-west-1"},
            "kwargs": {"endpoint_url": "http://here"},
        },
    }
    again = rebuild(form)
    assert again is not None
    assert [found.tolist() for found in again(["a", "three"])] == [[1.0, 5.0], [5.0, 5.0]]
    assert again.default_space() == "l2"


def test_bedrock_takes_any_session() -> None:
    """One without a region too; what `client` would not take is refused before it is called."""
    answer = {"body": io.BytesIO(json.dumps({"embedding": [1.0]}).encode())}
    client = SimpleNamespace(invoke_model=lambda **_: answer)
    function = AmazonBedrockEmbeddingFunction(SimpleNamespace(client=lambda **_: client))
    assert function.get_config()["session_args"] == {}
    assert function(["a"])[0].tolist() == [1.0]
    with pytest.raises(ValueError, match=r"^Keyword argument other is not a primitive type"):
        AmazonBedrockEmbeddingFunction(None, other=object())


LANGCHAIN = """
class Embeddings: pass

class Lengths(Embeddings):
    def embed_documents(self, texts):
        return [[float(len(text)), 0.0] for text in texts]

    def embed_query(self, text):
        return [float(len(text)), 1.0]
"""


def test_langchains_embeddings_embed(library: Any) -> None:
    """Documents and queries apart, as LangChain has them."""
    library("langchain_core.embeddings", LANGCHAIN)
    from langchain_core.embeddings import Lengths

    function = create_langchain_embedding(Lengths())
    assert [found.tolist() for found in function(["a", "three"])] == [[1.0, 0.0], [5.0, 0.0]]
    assert [found.tolist() for found in function.embed_query(["a"])] == [[1.0, 1.0]]
    assert function.embed_documents(["a"]) == [[1.0, 0.0]]


def test_langchains_embeddings_are_not_rebuilt(library: Any) -> None:
    """A collection remembers their class's name, for people to read."""
    library("langchain_core.embeddings", LANGCHAIN)
    from langchain_core.embeddings import Lengths

    form = persisted_form(create_langchain_embedding(Lengths()))
    assert form is not None
    assert (form["name"], form["config"]["embedding_function_class"]) == ("langchain", "Lengths")
    with pytest.raises(
        NotImplementedError, match=r"it was a Lengths\. Please recreate the langchain embedding function"
    ):
        rebuild(form)
    with pytest.raises(NotSupported, match="Updating a ChromaLangchainEmbeddingFunction config is not supported"):
        create_langchain_embedding(Lengths()).validate_config_update({}, {})


def test_other_objects_are_refused(library: Any) -> None:
    """They are shown."""
    library("langchain_core.embeddings", LANGCHAIN)
    with pytest.raises(ValueError, match="must implement the Embeddings interface from langchain_core, got 5"):
        create_langchain_embedding(5)
