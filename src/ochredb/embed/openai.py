"""OpenAI's embeddings, Azure's deployments of them, and any server that speaks as OpenAI's does."""

import os
from typing import Any, Literal

from ochredb.core.errors import BadValue
from ochredb.embed.base import chosen, find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class OpenAIEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through the embeddings endpoint of OpenAI; the package `openai` is not needed.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `text-embedding-3-small`.
        organization_id: Sent as `OpenAI-Organization`; None is the environment's `OPENAI_ORG_ID`.
        api_base: Where the endpoint is; None is the environment's `OPENAI_BASE_URL`, or OpenAI itself.
        api_type: `azure` for a deployment there, which needs the three that follow.
        api_version: Azure's.
        deployment_id: Azure's.
        default_headers: Sent with each request.
        dimensions: How long the vectors are to be, for the models of `text-embedding-3`.
        api_key_env_var: The environment variable with the key; `OPENAI_API_KEY` comes before it.
    """

    stored_as = "openai"
    provider = "OpenAI"
    endpoint = "https://api.openai.com/v1"
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "text-embedding-ada-002",
        organization_id: str | None = None,
        api_base: str | None = None,
        api_type: str | None = None,
        api_version: str | None = None,
        deployment_id: str | None = None,
        default_headers: dict[str, str] | None = None,
        dimensions: int | None = None,
        api_key_env_var: str = "CHROMA_OPENAI_API_KEY",
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "OPENAI_API_KEY")
        self.model_name = model_name
        self.organization_id = organization_id
        self.api_base = api_base
        self.api_type = api_type
        self.api_version = api_version
        self.deployment_id = deployment_id
        self.default_headers = default_headers
        self.dimensions = dimensions
        if api_type == "azure":
            self._refuse_unnamed("api_version", "deployment_id", "api_base")

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for numbers, not for base64, which not every server that speaks so can give."""
        del query
        dimensions = self.dimensions if "text-embedding-3" in self.model_name else None
        body = {"model": self.model_name, "input": items, "encoding_format": "float", **chosen(dimensions=dimensions)}
        return self._address(), body

    def headers(self) -> dict[str, str]:
        """Give the key as OpenAI or Azure takes it, and the headers of the caller's choice."""
        if self.api_type == "azure":
            return {"api-key": str(self.api_key), **(self.default_headers or {})}
        organization = self.organization_id or os.environ.get("OPENAI_ORG_ID")
        own = chosen(**{"OpenAI-Organization": organization})
        return {**super().headers(), **own, **(self.default_headers or {})}

    def _address(self) -> str:
        if self.api_type == "azure":
            deployment = f"{str(self.api_base).rstrip('/')}/openai/deployments/{self.deployment_id}"
            return f"{deployment}/embeddings?api-version={self.api_version}"
        base = self.api_base or os.environ.get("OPENAI_BASE_URL") or self.endpoint
        return f"{base.rstrip('/')}/embeddings"

    def _refuse_unnamed(self, *names: Literal["api_version", "deployment_id", "api_base"]) -> None:
        for name in names:
            if getattr(self, name) is None:
                raise BadValue(f"{name} must be specified for Azure OpenAI")
