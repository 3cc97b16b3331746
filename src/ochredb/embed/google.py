"""Google's embeddings: Gemini by key, Vertex AI by Google Cloud's own login, and PaLM, which Google has closed."""

import os
from typing import Any

from ochredb.core.errors import BadValue
from ochredb.embed.base import chosen, find_key, library
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction

GEMINI = "https://generativelanguage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class GoogleGeminiEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through the Gemini API or Vertex AI; `google-genai` is not needed, `google-auth` is for Vertex AI.

    Args:
        model_name: Such as `gemini-embedding-001`.
        task_type: What the vectors are for, such as `RETRIEVAL_DOCUMENT`.
        dimension: How long the vectors are to be.
        api_key_env_var: The environment variable with the key.
        vertexai: Whether to ask Vertex AI, with the login that Google's tools have made on this machine and no key.
        project: Google Cloud's, for Vertex AI; None is the environment's `GOOGLE_CLOUD_PROJECT`.
        location: Google Cloud's region, for Vertex AI; None is `GOOGLE_CLOUD_LOCATION`, or `us-central1`.
    """

    stored_as = "google_gemini"
    provider = "Google Gemini"
    endpoint = GEMINI
    required = ("model_name",)
    fixed = ("model_name", "dimension", "vertexai", "project", "location")
    sparing = frozenset(("task_type", "dimension"))

    def __init__(
        self,
        model_name: str = "gemini-embedding-001",
        task_type: str | None = None,
        dimension: int | None = None,
        api_key_env_var: str | None = "GEMINI_API_KEY",
        vertexai: bool | None = None,
        project: str | None = None,
        location: str | None = None,
    ) -> None:
        self.model_name = model_name
        self.task_type = task_type
        self.dimension = dimension
        self.api_key_env_var = api_key_env_var
        self.vertexai = vertexai
        self.project = project
        self.location = location
        self.api_key = os.environ.get(api_key_env_var or "")
        if self.api_key and vertexai:
            raise BadValue(
                "Vertex AI and API key are mutually exclusive in the client initializer: "
                f"unset {api_key_env_var}, or pass api_key_env_var=None"
            )
        if not self.api_key and not vertexai:
            raise BadValue(f"The {api_key_env_var} environment variable must be set if vertexai is not enabled.")

    def headers(self) -> dict[str, str]:
        """Give the key, or what Google Cloud's login gives in its place."""
        return _login() if self.vertexai else {"x-goog-api-key": str(self.api_key)}

    def size(self, items: list[Any]) -> int:
        """Take one text a request at Vertex AI, which allows no more for these models."""
        del items
        return 1 if self.vertexai else 100

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask Gemini or Vertex AI."""
        del query
        if self.vertexai:
            project = self.project or os.environ.get("GOOGLE_CLOUD_PROJECT")
            region = self.location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "us-central1"
            if not project:
                raise BadValue("Vertex AI needs a project: pass project, or set GOOGLE_CLOUD_PROJECT")
            url = _vertex_url(region, project, self.model_name)
            return url, _instances(items, self.task_type, self.dimension)
        base = os.environ.get("GOOGLE_GEMINI_BASE_URL") or self.endpoint
        return _contents(base, self.model_name, items, self.task_type, self.dimension)

    def vectors(self, answer: Any) -> list[Any]:
        """Read the values of each embedding."""
        return _predicted(answer) if self.vertexai else [each["values"] for each in answer["embeddings"]]


GoogleGenaiEmbeddingFunction = GoogleGeminiEmbeddingFunction


class GoogleGenerativeAiEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through the Gemini API, as its older package had it; that package is not needed.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `gemini-embedding-001`.
        task_type: What the vectors are for: `RETRIEVAL_DOCUMENT`, `RETRIEVAL_QUERY` or another of Gemini's.
        api_key_env_var: The environment variable with the key; `GOOGLE_API_KEY` comes before it.
        dimension: How long the vectors are to be.
    """

    stored_as = "google_generative_ai"
    provider = "Google Generative AI"
    endpoint = GEMINI
    batch = 100
    required = ("api_key_env_var", "model_name", "task_type")
    fixed = ("model_name", "task_type", "dimension")
    sparing = frozenset(("dimension",))

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "gemini-embedding-001",
        task_type: str = "RETRIEVAL_DOCUMENT",
        api_key_env_var: str = "GEMINI_API_KEY",
        dimension: int | None = None,
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "GOOGLE_API_KEY")
        self.model_name = model_name
        self.task_type = task_type
        self.dimension = dimension

    def headers(self) -> dict[str, str]:
        """Give the key."""
        return {"x-goog-api-key": str(self.api_key)}

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch."""
        del query
        return _contents(self.endpoint, self.model_name, items, self.task_type, self.dimension)

    def vectors(self, answer: Any) -> list[Any]:
        """Read the values of each embedding."""
        return [each["values"] for each in answer["embeddings"]]


class GooglePalmEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through the PaLM API, which Google has closed; it stays for collections and servers that still have it.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `models/embedding-gecko-001`.
        api_key_env_var: The environment variable with the key; `GOOGLE_API_KEY` comes before it.
    """

    stored_as = "google_palm"
    provider = "Google PaLM"
    endpoint = GEMINI
    batch = 100
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "models/embedding-gecko-001",
        api_key_env_var: str = "CHROMA_GOOGLE_PALM_API_KEY",
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "GOOGLE_API_KEY")
        self.model_name = model_name

    def headers(self) -> dict[str, str]:
        """Give the key."""
        return {"x-goog-api-key": str(self.api_key)}

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch."""
        del query
        return f"{self.endpoint}/v1beta2/{_model(self.model_name)}:batchEmbedText", {"texts": items}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the value of each embedding."""
        return [each["value"] for each in answer["embeddings"]]


class GoogleVertexEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through Vertex AI, with the login that Google's tools have made on this machine; needs `google-auth`.

    Args:
        api_key: Wanted by Chroma, which does not use it either.
        model_name: Such as `text-embedding-005`.
        project_id: Google Cloud's.
        region: Google Cloud's.
        api_key_env_var: The environment variable with the key; `GOOGLE_API_KEY` comes before it.
    """

    stored_as = "google_vertex"
    provider = "Google Vertex AI"
    batch = 5
    required = ("api_key_env_var", "model_name", "project_id", "region")
    fixed = ("model_name", "project_id", "region")

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "textembedding-gecko",
        project_id: str = "cloud-large-language-models",
        region: str = "us-central1",
        api_key_env_var: str = "CHROMA_GOOGLE_VERTEX_API_KEY",
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "GOOGLE_API_KEY")
        self.model_name = model_name
        self.project_id = project_id
        self.region = region

    def headers(self) -> dict[str, str]:
        """Give what Google Cloud's login gives."""
        return _login()

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch."""
        del query
        return _vertex_url(self.region, self.project_id, self.model_name), _instances(items)

    def vectors(self, answer: Any) -> list[Any]:
        """Read the values of each prediction."""
        return _predicted(answer)


def _contents(
    base: str, model: str, items: list[str], task: str | None, dimension: int | None
) -> tuple[str, dict[str, Any]]:
    settings = chosen(taskType=task, outputDimensionality=dimension)
    requests = [{"model": _model(model), "content": {"parts": [{"text": item}]}, **settings} for item in items]
    return f"{base.rstrip('/')}/v1beta/{_model(model)}:batchEmbedContents", {"requests": requests}


def _model(name: str) -> str:
    return name if "/" in name else f"models/{name}"


def _vertex_url(region: str, project: str, model: str) -> str:
    host = "aiplatform.googleapis.com" if region == "global" else f"{region}-aiplatform.googleapis.com"
    return f"https://{host}/v1/projects/{project}/locations/{region}/publishers/google/models/{model}:predict"


def _instances(items: list[str], task: str | None = None, dimension: int | None = None) -> dict[str, Any]:
    instances = [{"content": item, **chosen(task_type=task)} for item in items]
    return {"instances": instances, "parameters": chosen(outputDimensionality=dimension)}


def _predicted(answer: Any) -> list[Any]:
    return [each["embeddings"]["values"] for each in answer["predictions"]]


def _login() -> dict[str, str]:
    requests = library("google.auth.transport.requests", "google-auth requests")
    credentials, _ = library("google.auth", "google-auth").default(scopes=[SCOPE])
    credentials.refresh(requests.Request())
    return {"Authorization": f"Bearer {credentials.token}"}
