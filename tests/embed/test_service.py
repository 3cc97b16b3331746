"""The functions that ask a service: what each sends, what it reads, and what happens when the service fails."""

import base64
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ochredb
from ochredb.core.errors import BadValue, ServiceError
from ochredb.core.model import SparseVector
from ochredb.embed import service
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction
from ochredb.utils import embedding_functions
from ochredb.utils.embedding_functions import (
    ChromaCloudQwenEmbeddingFunction,
    ChromaCloudSpladeEmbeddingFunction,
    CohereEmbeddingFunction,
    GoogleGeminiEmbeddingFunction,
    JinaEmbeddingFunction,
    OllamaEmbeddingFunction,
    OpenAIEmbeddingFunction,
    RoboflowEmbeddingFunction,
)
from ochredb.utils.embedding_functions.chroma_cloud_qwen_embedding_function import ChromaCloudQwenEmbeddingModel

pytestmark = pytest.mark.usefixtures("keys")

TEXTS = ["a", "three"]
KEY = "a secret key"
BEARER = ("authorization", f"Bearer {KEY}")


def vector(text: str) -> list[float]:
    """Give the vector that every provider of these tests has for a text."""
    return [float(len(text)), 1.0]


def int8(text: str) -> str:
    """Give the same as base64 of int8."""
    return base64.b64encode(np.array(vector(text), np.int8).tobytes()).decode()


def openai_form(body: Any) -> Any:
    """Answer as OpenAI does, in another order than asked, which the indices tell."""
    data = [{"object": "embedding", "index": row, "embedding": vector(text)} for row, text in enumerate(body["input"])]
    return {"object": "list", "model": body["model"], "data": data[::-1]}


def alone(key: str) -> Callable[[Any], Any]:
    """Answer with nothing but the vectors."""
    return lambda body: {"embeddings": [vector(text) for text in body[key]]}


class Case(NamedTuple):
    """A provider: how its function is made, what it must be asked for `TEXTS`, and how it answers."""

    name: str
    arguments: dict[str, Any]
    path: str
    body: dict[str, Any]
    answer: Callable[[Any], Any]
    header: tuple[str, str] | None = BEARER


# Arguments may hold the address as "{url}"; without one the class's own endpoint is moved.
CASES = [
    Case(
        "openai",
        {"api_base": "{url}/v1", "model_name": "text-embedding-3-small", "dimensions": 2},
        "/v1/embeddings",
        {"model": "text-embedding-3-small", "input": TEXTS, "encoding_format": "float", "dimensions": 2},
        openai_form,
    ),
    Case(
        "openai",
        {"api_base": "{url}", "api_type": "azure", "api_version": "2024-06-01", "deployment_id": "mine"},
        "/openai/deployments/mine/embeddings?api-version=2024-06-01",
        {"model": "text-embedding-ada-002", "input": TEXTS, "encoding_format": "float"},
        openai_form,
        ("api-key", KEY),
    ),
    Case(
        "baseten",
        {"api_base": "{url}/sync/v1"},
        "/sync/v1/embeddings",
        {"model": "baseten-embedding-model", "input": TEXTS, "encoding_format": "float"},
        openai_form,
    ),
    Case(
        "morph",
        {"api_base": "{url}/v1"},
        "/v1/embeddings",
        {"model": "morph-embedding-v2", "input": TEXTS, "encoding_format": "float"},
        openai_form,
    ),
    Case("together_ai", {"model_name": "m"}, "/", {"model": "m", "input": TEXTS}, openai_form),
    Case("mistral", {"model": "mistral-embed"}, "/", {"model": "mistral-embed", "input": TEXTS}, openai_form),
    Case(
        "voyageai",
        {"input_type": "document"},
        "/",
        {"model": "voyage-large-2", "input": TEXTS, "input_type": "document", "truncation": True},
        openai_form,
    ),
    Case(
        "perplexity",
        {"dimensions": 2},
        "/v1/embeddings",
        {"model": "pplx-embed-v1-0.6b", "input": TEXTS, "dimensions": 2},
        lambda body: {"data": [{"index": row, "embedding": int8(text)} for row, text in enumerate(body["input"])]},
    ),
    Case(
        "jina",
        {"task": "retrieval.passage", "normalized": True},
        "/",
        {"model": "jina-embeddings-v2-base-en", "input": TEXTS, "task": "retrieval.passage", "normalized": True},
        openai_form,
    ),
    Case(
        "cohere",
        {"model_name": "embed-v4.0"},
        "/v1/embed",
        {"model": "embed-v4.0", "texts": TEXTS, "input_type": "search_document"},
        alone("texts"),
    ),
    Case(
        "huggingface",
        {"model_name": "some/model"},
        "/some/model/pipeline/feature-extraction",
        {"inputs": TEXTS, "options": {"wait_for_model": True}},
        lambda body: [vector(text) for text in body["inputs"]],
    ),
    Case(
        "huggingface_server",
        {"url": "{url}/embed", "api_key_env_var": "SOME_KEY"},
        "/embed",
        {"inputs": TEXTS},
        lambda body: [vector(text) for text in body["inputs"]],
    ),
    Case(
        "ollama",
        {"url": "{url}/api/embeddings"},
        "/api/embed",
        {"model": "chroma/all-minilm-l6-v2-f32", "input": TEXTS},
        alone("input"),
        None,
    ),
    Case(
        "nomic",
        {"model": "m", "task_type": "search_document", "query_config": None},
        "/",
        {"model": "m", "texts": TEXTS, "task_type": "search_document"},
        alone("texts"),
    ),
    Case(
        "cloudflare_workers_ai",
        {"model_name": "@cf/baai/bge-m3", "account_id": "me"},
        "/me/ai/run/@cf/baai/bge-m3",
        {"text": TEXTS},
        lambda body: {"result": {"data": [vector(text) for text in body["text"]]}, "success": True},
    ),
    Case(
        "google_gemini",
        {"task_type": "RETRIEVAL_DOCUMENT", "dimension": 2},
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
        {
            "requests": [
                {
                    "model": "models/gemini-embedding-001",
                    "content": {"parts": [{"text": text}]},
                    "taskType": "RETRIEVAL_DOCUMENT",
                    "outputDimensionality": 2,
                }
                for text in TEXTS
            ]
        },
        lambda body: {
            "embeddings": [{"values": vector(each["content"]["parts"][0]["text"])} for each in body["requests"]]
        },
        ("x-goog-api-key", KEY),
    ),
    Case(
        "google_generative_ai",
        {},
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
        {
            "requests": [
                {
                    "model": "models/gemini-embedding-001",
                    "content": {"parts": [{"text": text}]},
                    "taskType": "RETRIEVAL_DOCUMENT",
                }
                for text in TEXTS
            ]
        },
        lambda body: {
            "embeddings": [{"values": vector(each["content"]["parts"][0]["text"])} for each in body["requests"]]
        },
        ("x-goog-api-key", KEY),
    ),
    Case(
        "google_palm",
        {},
        "/v1beta2/models/embedding-gecko-001:batchEmbedText",
        {"texts": TEXTS},
        lambda body: {"embeddings": [{"value": vector(text)} for text in body["texts"]]},
        ("x-goog-api-key", KEY),
    ),
]


def made(case: Case, url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a function that asks the provider at an address, with its key in the environment."""
    function = embedding_functions.known_embedding_functions[case.name]
    arguments = {
        name: value.replace("{url}", url) if isinstance(value, str) else value for name, value in case.arguments.items()
    }
    if arguments == case.arguments:
        path = "/" if case.path == "/" else ""
        monkeypatch.setattr(function, "endpoint", f"{url}{path}")
    if case.name == "baseten":
        arguments["api_key"] = None
    if case.name != "ollama":
        arguments.setdefault("api_key_env_var", "SOME_KEY")
        monkeypatch.setenv("SOME_KEY", KEY)
    return function(**arguments)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {'azure' * ('api_type' in case.arguments)}")
def test_a_provider_is_asked_and_read(case: Case, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is the documented one, the key is in its header, and the vectors come back in the texts' order."""
    provider.answer = case.answer
    function = made(case, provider.url, monkeypatch)
    assert [found.tolist() for found in function(TEXTS)] == [vector(text) for text in TEXTS]
    (request,) = provider.requests
    assert (request.path, request.body) == (case.path, case.body)
    assert request.headers["content-type"] == "application/json"
    if case.header:
        assert request.headers[case.header[0]] == case.header[1]
    else:
        assert "authorization" not in request.headers


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {'azure' * ('api_type' in case.arguments)}")
def test_a_configuration_makes_an_equal_function(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored asks the same again, and the key is not in it."""
    function = made(case, "http://127.0.0.1:1", monkeypatch)
    again = type(function).build_from_config(function.get_config())
    assert again.request(TEXTS, query=False) == function.request(TEXTS, query=False)
    assert again.headers() == function.headers()
    assert KEY not in repr(function.get_config())


def test_settings_for_queries_take_the_place_of_the_others(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search text is embedded as a query where the function was told how."""
    monkeypatch.setattr(JinaEmbeddingFunction, "endpoint", provider.url)
    monkeypatch.setenv("JINA_API_KEY", KEY)
    provider.answer = openai_form
    function = JinaEmbeddingFunction(
        task="retrieval.passage", query_config={"task": "retrieval.query", "dimensions": 2}
    )
    function(TEXTS)
    function.embed_query(TEXTS)
    document, query = (request.body for request in provider.requests)
    assert (document["task"], "dimensions" in document) == ("retrieval.passage", False)
    assert (query["task"], query["dimensions"]) == ("retrieval.query", 2)
    assert JinaEmbeddingFunction.build_from_config(function.get_config()).query_config == function.query_config


def test_chromas_cloud_tells_queries_from_documents(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its dense model gets the instruction of the task and the target."""
    monkeypatch.setenv("CHROMA_API_KEY", KEY)
    monkeypatch.setenv("CHROMA_EMBED_URL", f"{provider.url}/")
    provider.answer = alone("texts")
    function = ChromaCloudQwenEmbeddingFunction(ChromaCloudQwenEmbeddingModel.QWEN3_EMBEDDING_0p6B, "nl_to_code")
    again = ChromaCloudQwenEmbeddingFunction.build_from_config(function.get_config())
    again(TEXTS)
    again.embed_query(TEXTS)
    document, query = provider.requests
    assert document.headers["x-chroma-token"] == KEY
    assert document.headers["x-chroma-embedding-model"] == "Qwen/Qwen3-Embedding-0.6B"
    assert document.body == {"instructions": "", "texts": TEXTS}
    assert query.body["instructions"].startswith("Given a question about coding")


@pytest.mark.parametrize("tokens", [True, False])
def test_chromas_cloud_gives_sparse_vectors(tokens: bool, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dimensions come in any order and are put in theirs, with their tokens if these were asked for."""
    monkeypatch.setenv("CHROMA_API_KEY", KEY)
    monkeypatch.setenv("CHROMA_EMBED_URL", provider.url)
    found = {"indices": [7, 2], "values": [0.5, 1.5], "labels": ["seven", "two"]}
    provider.answer = lambda body: {"embeddings": [found for _ in body["texts"]]}
    wanted = SparseVector([2, 7], [1.5, 0.5], ["two", "seven"] if tokens else None)
    assert ChromaCloudSpladeEmbeddingFunction(include_tokens=tokens)(TEXTS) == [wanted, wanted]
    (request,) = provider.requests
    assert request.path == "/embed_sparse"
    assert request.body == {"texts": TEXTS, "task": "", "target": "", "fetch_tokens": "true" if tokens else "false"}


def test_roboflow_is_asked_for_one_text_at_a_time(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key is part of the address, and errors do not show it."""
    monkeypatch.setenv("ROBOFLOW_API_KEY", KEY)
    provider.answer = lambda body: {"embeddings": [vector(body["text"])]}
    function = RoboflowEmbeddingFunction(api_url=provider.url)
    assert [found.tolist() for found in function(TEXTS)] == [vector(text) for text in TEXTS]
    assert [request.path for request in provider.requests] == ["/clip/embed_text?api_key=a%20secret%20key"] * 2
    provider.failures.append((401, {}, {"message": f"bad key {KEY}"}))
    with pytest.raises(ServiceError) as caught:
        function(TEXTS)
    assert str(caught.value) == (
        f"Roboflow answered 401 to POST {provider.url}/clip/embed_text: bad key ***; look at the API key"
    )


PILLOW = """
class _Picture:
    def save(self, file, format):
        file.write(b"a picture as " + format.encode())

def fromarray(array):
    return _Picture()
"""


def test_images_travel_as_files(provider: Any, library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cohere takes one image a request, Jina texts and images together, Roboflow either."""
    library("PIL.Image", PILLOW)
    monkeypatch.setenv("SOME_KEY", KEY)
    for function in (CohereEmbeddingFunction, JinaEmbeddingFunction):
        monkeypatch.setattr(function, "endpoint", provider.url)
    image = np.zeros((2, 2, 3), np.uint8)
    png = base64.b64encode(b"a picture as PNG").decode()
    jpeg = base64.b64encode(b"a picture as JPEG").decode()

    provider.answer = lambda body: {"embeddings": [[1.0] for _ in body["images"]]}
    CohereEmbeddingFunction(api_key_env_var="SOME_KEY")([image, image])
    provider.answer = lambda body: {"data": [{"index": row, "embedding": [1.0]} for row, _ in enumerate(body["input"])]}
    JinaEmbeddingFunction(api_key_env_var="SOME_KEY")(["text", image])
    provider.answer = lambda _: {"embeddings": [[1.0]]}
    RoboflowEmbeddingFunction(api_key_env_var="SOME_KEY", api_url=provider.url)([image])

    cohere, _, jina, roboflow = (request.body for request in provider.requests)
    assert cohere == {"model": "large", "images": [f"data:image/png;base64,{png}"], "input_type": "image"}
    assert jina["input"] == [{"text": "text"}, {"image": png}]
    assert roboflow == {"image": {"type": "base64", "value": jpeg}}


def test_texts_and_images_are_not_mixed_for_cohere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked."""
    monkeypatch.setenv("COHERE_API_KEY", KEY)
    with pytest.raises(ValueError, match="Input contains a mix of text documents and images, which is not supported"):
        CohereEmbeddingFunction()(["text", np.zeros((2, 2, 3), np.uint8)])


def test_images_are_refused_where_only_texts_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the provider and the place."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(BadValue, match=r"OpenAI only supports text documents, not images: .* at input\[1\]"):
        OpenAIEmbeddingFunction()(["text", np.zeros((2, 2, 3), np.uint8)])


LOGIN = """
class _Credentials:
    token = None
    def refresh(self, request):
        self.token = "granted by " + type(request).__name__

def default(scopes):
    assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]
    return _Credentials(), "project"
"""


def test_vertex_ai_is_asked_with_google_clouds_login(library: Any) -> None:
    """Gemini there takes one text a request, and no key."""
    library("google.auth.transport.requests", "class Request: pass")
    library("google.auth", LOGIN)
    function = GoogleGeminiEmbeddingFunction(vertexai=True, project="mine", location="europe-west1", dimension=2)
    url, body = function.request(["text"], query=False)
    assert url == (
        "https://europe-west1-aiplatform.googleapis.com/v1/projects/mine/locations/europe-west1"
        "/publishers/google/models/gemini-embedding-001:predict"
    )
    assert body == {"instances": [{"content": "text"}], "parameters": {"outputDimensionality": 2}}
    assert function.headers() == {"Authorization": "Bearer granted by Request"}
    assert function.size(TEXTS) == 1
    assert function.vectors({"predictions": [{"embeddings": {"values": [1.0]}}]}) == [[1.0]]


def test_the_environment_moves_openai(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in OpenAI's own package, so that what was meant for one's own server does not go elsewhere."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/mine/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org")
    provider.answer = openai_form
    OpenAIEmbeddingFunction(default_headers={"X-Team": "search"})(TEXTS)
    (request,) = provider.requests
    assert request.path == "/mine/embeddings"
    assert (request.headers["openai-organization"], request.headers["x-team"]) == ("org", "search")


REOPENED = """
import sys
import ochredb

with ochredb.PersistentClient(sys.argv[1]) as client:
    collection = client.get_collection("remembered")
    assert "httpx2" not in sys.modules, "opening asks nobody"
    print(collection.count(), collection.query(query_texts=["seven77"], n_results=1)["ids"])
"""


def test_a_collection_remembers_its_service(provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that has the key searches by text without naming the function; the key is not in the folder."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider.answer = openai_form
    with ochredb.PersistentClient(tmp_path) as client:
        function = OpenAIEmbeddingFunction(api_base=provider.url)
        client.create_collection("remembered", embedding_function=function).add(
            ids=["short", "long"], documents=["a", "a much longer text"]
        )
    ran = subprocess.run(
        [sys.executable, "-c", REOPENED, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout, ran.stderr) == ("2 [['long']]\n", "")
    assert [request.body["input"] for request in provider.requests] == [["a", "a much longer text"], ["seven77"]]
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


class Asked(ServiceFunction[Documents]):
    """A function of the plainest kind."""

    stored_as = "asked"
    provider = "Asked"

    def __init__(self, address: str, key: str | None = None, timeout: float = 60.0) -> None:
        self.address = address
        self.api_key = key
        self.timeout = timeout

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask as OpenAI is asked."""
        return f"{self.address}/embeddings?query={query}", {"model": "m", "input": items}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Keep the pauses between requests instead of waiting."""
    found: list[float] = []
    monkeypatch.setattr("ochredb.embed.service.time.sleep", found.append)
    return found


@given(texts=st.lists(st.text(), min_size=1, max_size=30), size=st.integers(1, 10))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_text_is_asked_for_once_and_keeps_its_place(texts: list[str], size: int, provider: Any) -> None:
    """However many texts a call has, requests are no larger than the provider allows."""
    provider.requests.clear()
    provider.answer = openai_form
    function = Asked(provider.url)
    function.size = lambda _: size
    assert [found.tolist() for found in function(texts)] == [vector(text) for text in texts]
    asked = [request.body["input"] for request in provider.requests]
    assert [text for batch in asked for text in batch] == texts
    assert max(map(len, asked)) <= size


def test_functions_share_their_connections(provider: Any) -> None:
    """A function that is built anew for each call does not connect anew."""
    provider.answer = openai_form
    for _ in range(3):
        Asked(provider.url)(TEXTS)
    assert len({request.port for request in provider.requests}) == 1


def test_no_texts_ask_nothing(provider: Any) -> None:
    """An empty call is refused as every empty result is."""
    with pytest.raises(BadValue, match="Expected Embeddings to be non-empty list or numpy array"):
        Asked(provider.url)([])
    assert provider.requests == []


@pytest.mark.parametrize("status", sorted(service.PASSING))
def test_a_failure_that_may_pass_is_asked_again(status: int, provider: Any, pauses: list[float]) -> None:
    """Pauses grow, unless the answer names one, which is bounded."""
    provider.answer = openai_form
    provider.failures += [(status, {}, {}), (status, {"retry-after": "7"}, {}), (status, {"retry-after": "9999"}, {})]
    assert len(Asked(provider.url)(TEXTS)) == 2
    assert len(provider.requests) == 4
    assert pauses == [service.PAUSES[0], 7.0, service.LONGEST]


def test_a_failure_that_stays_is_raised(provider: Any, pauses: list[float]) -> None:
    """After the last attempt the error says who answered what."""
    provider.failures += [(503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"<html>over capacity</html>")] * 9
    with pytest.raises(ServiceError) as caught:
        Asked(provider.url)(TEXTS)
    assert str(caught.value) == f"Asked answered 503 to POST {provider.url}/embeddings: <html>over capacity</html>"
    assert len(provider.requests) == 4
    assert pauses == list(service.PAUSES)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"error": {"message": "no such model", "code": 1}}, "no such model"),
        ({"error": "no such model"}, "no such model"),
        ({"errors": [{"code": 7, "message": "no such model"}]}, "no such model"),
        ({"detail": [{"loc": ["body"], "msg": "no such model"}]}, "no such model"),
        ({"message": "no such model"}, "no such model"),
        ({"code": 7}, '{"code": 7}'),
        (b"no such model", "no such model"),
        (b"", "(no text)"),
        (b"x" * 1000, "x" * 300 + "..."),
    ],
)
def test_a_refusal_is_raised_at_once(answer: Any, sentence: str, provider: Any, pauses: list[float]) -> None:
    """The sentence is found in the forms that providers have for it."""
    provider.failures.append((404, {}, answer))
    with pytest.raises(RuntimeError) as caught:
        Asked(provider.url)(TEXTS)
    assert str(caught.value) == (
        f"Asked answered 404 to POST {provider.url}/embeddings: {sentence}; look at the address and the model's name"
    )
    assert len(provider.requests) == 1
    assert pauses == []


@pytest.mark.parametrize(
    "answer",
    [
        b"no JSON",
        b"",
        {},
        [],
        "text",
        None,
        {"data": None},
        {"data": [{"index": 0}, {"index": 1}]},
        {"data": [{"index": 0, "embedding": [1.0]}]},
        {"data": [{"index": 1, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": "a", "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]},
    ],
)
def test_an_answer_that_is_not_as_documented_is_refused(answer: Any, provider: Any) -> None:
    """It is shown, and is never taken for other texts' vectors."""
    provider.answer = lambda _: answer
    with pytest.raises(ServiceError, match=r"Asked: expected (JSON|2 embeddings) in the answer, got "):
        Asked(provider.url)(TEXTS)


def test_the_key_is_in_no_error(provider: Any, pauses: list[float]) -> None:
    """Not even where the provider repeats it."""
    for answer in ({"error": {"message": f"bad key {KEY}"}}, f"<p>{KEY}</p>".encode()):
        provider.failures.append((401, {}, answer))
        with pytest.raises(ServiceError, match=r"\*\*\*.*look at the API key") as caught:
            Asked(provider.url, KEY)(TEXTS)
        assert KEY not in str(caught.value)
    provider.answer = lambda _: {"data": KEY}
    with pytest.raises(ServiceError) as caught:
        Asked(provider.url, KEY)(TEXTS)
    assert KEY not in str(caught.value)
    assert pauses == []


def test_no_connection_is_tried_again_and_named(pauses: list[float]) -> None:
    """The error tells the address and what kept the answer from coming."""
    with pytest.raises(ServiceError, match=r"^Asked: no answer from http://127\.0\.0\.1:1/embeddings: ConnectError: "):
        Asked("http://127.0.0.1:1", KEY)(TEXTS)
    assert pauses == list(service.PAUSES)


def test_an_address_of_another_protocol_is_refused_at_once(pauses: list[float]) -> None:
    """Trying again would not help."""
    with pytest.raises(ServiceError, match="UnsupportedProtocol"):
        Asked("ftp://127.0.0.1")(TEXTS)
    assert pauses == []


def test_a_slow_answer_is_not_waited_for(provider: Any, pauses: list[float]) -> None:
    """The function's own limit counts."""
    released = Event()
    provider.answer = lambda _: released.wait(60) and {}
    with pytest.raises(ServiceError, match=r"no answer from .*: ReadTimeout"):
        Asked(provider.url, timeout=0.05)(TEXTS)
    released.set()
    assert len(pauses) == 3
    assert OllamaEmbeddingFunction(timeout=3).timeout == 3
