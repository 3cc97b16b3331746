"""Embeddings of Amazon Bedrock, through a session of boto3."""

from typing import Any

import msgspec

from ochredb.embed.base import Dense, library, plain, refuse_unless_texts
from ochredb.embed.protocol import Documents, Embeddings

NAMES = ("region_name", "profile_name")


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    model_name: str
    session_args: dict[str, Any]
    kwargs: dict[str, Any]


class AmazonBedrockEmbeddingFunction(Dense[Documents]):
    """Texts through Bedrock, one a request; needs `boto3`.

    Args:
        session: A `boto3.Session`; of it the region and the profile are stored, never the credentials.
        model_name: A model that takes `inputText` and gives `embedding`, as Titan does.
        **kwargs: What else the session's `client` takes.
    """

    stored_as = "amazon_bedrock"
    space = "l2"
    form = _Form
    fixed = ("model_name",)

    def __init__(self, session: Any, model_name: str = "amazon.titan-embed-text-v1", **kwargs: Any) -> None:
        self.model_name = model_name
        self.session_args = {name: found for name in NAMES if (found := getattr(session, name, None))}
        self.kwargs = plain(kwargs)
        self._client = session.client(service_name="bedrock-runtime", **kwargs)

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text; the session's own settings say how often a request is made again."""
        return [self._vector(text) for text in refuse_unless_texts(input, "Amazon Bedrock")]

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> "AmazonBedrockEmbeddingFunction":
        """Make one with a session of the stored region and profile; needs `boto3`."""
        stored = cls._arguments(config)
        session = library("boto3", "boto3").Session(**stored["session_args"])
        return cls(session, stored["model_name"], **stored["kwargs"])

    def _vector(self, text: str) -> Any:
        answer = self._client.invoke_model(
            body=msgspec.json.encode({"inputText": text}).decode(),
            modelId=self.model_name,
            accept="application/json",
            contentType="application/json",
        )
        return msgspec.json.decode(answer["body"].read())["embedding"]
