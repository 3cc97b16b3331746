"""`OpenAIEmbeddingFunction` beside OpenAI's own package, against a server that answers as OpenAI documents.

It needs the package: `pip install openai`.
"""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest

from ochredb.core.errors import ServiceError
from ochredb.utils.embedding_functions import OpenAIEmbeddingFunction

openai = pytest.importorskip("openai", reason="needs openai: make test-compat installs it")

KEY = "sk-some-key"
TEXTS = ["a", "three", "", 'naïve 东京 "quoted"\n']
pytestmark = pytest.mark.filterwarnings("ignore:Direct api_key:DeprecationWarning")


def vector(text: str, dimensions: int) -> np.ndarray:
    """Give a text's vector."""
    return np.random.default_rng(len(text)).standard_normal(dimensions).astype(np.float32)


class OpenAI(BaseHTTPRequestHandler):
    """The embeddings endpoint: base64 or numbers as asked, vectors in the order of the texts, errors in its form."""

    asked: list[tuple[str, str | None, dict[str, Any]]] = []  # noqa: RUF012 - shared by design, emptied by the fixture

    def do_POST(self) -> None:
        """Answer a request."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, self.headers["authorization"] or self.headers["api-key"], body))
        if KEY not in str(self.headers["authorization"] or self.headers["api-key"]):
            self._send(401, {"error": {"message": "Incorrect API key provided: sk-***.", "code": "invalid_api_key"}})
            return
        found = [vector(text, body.get("dimensions", 8)) for text in body["input"]]
        numbers = body.get("encoding_format") == "float"
        data = [
            {
                "object": "embedding",
                "index": row,
                "embedding": each.tolist() if numbers else base64.b64encode(each.tobytes()).decode(),
            }
            for row, each in enumerate(found)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        self._send(200, {"object": "list", "model": body["model"], "data": data, "usage": usage})

    def log_message(self, *args: object) -> None:
        """Keep quiet."""

    def _send(self, status: int, answer: Any) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def url() -> Iterator[str]:
    """Give the address of a server that was not asked anything yet."""
    OpenAI.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), OpenAI)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("settings", [{}, {"dimensions": 3}])
def test_both_ask_the_same_and_get_the_same(settings: dict[str, int], url: str) -> None:
    """Path, key, model, texts and length are those of the package, and so are the vectors."""
    function = OpenAIEmbeddingFunction(KEY, "text-embedding-3-small", api_base=url, **settings)
    with openai.OpenAI(api_key=KEY, base_url=url) as client:
        wanted = client.embeddings.create(model="text-embedding-3-small", input=TEXTS, **settings)
    found = function(TEXTS)
    np.testing.assert_array_equal(np.array(found), np.array([each.embedding for each in wanted.data], np.float32))
    theirs, ours = OpenAI.asked
    assert ours[:2] == theirs[:2]
    assert {**ours[2], "encoding_format": None} == {**theirs[2], "encoding_format": None}


def test_both_ask_azure_the_same(url: str) -> None:
    """A deployment's path and Azure's header."""
    function = OpenAIEmbeddingFunction(
        KEY, "m", api_base=url, api_type="azure", api_version="2024-06-01", deployment_id="mine"
    )
    with openai.AzureOpenAI(
        api_key=KEY, azure_endpoint=url, api_version="2024-06-01", azure_deployment="mine"
    ) as client:
        wanted = client.embeddings.create(model="m", input=TEXTS)
    found = function(TEXTS)
    np.testing.assert_array_equal(np.array(found), np.array([each.embedding for each in wanted.data], np.float32))
    theirs, ours = OpenAI.asked
    assert ours[:2] == theirs[:2]


def test_both_refuse_a_bad_key(url: str) -> None:
    """With the server's sentence."""
    with openai.OpenAI(api_key="other", base_url=url) as client, pytest.raises(openai.AuthenticationError) as theirs:
        client.embeddings.create(model="m", input=TEXTS)
    with pytest.raises(ServiceError) as ours:
        OpenAIEmbeddingFunction("other", "m", api_base=url)(TEXTS)
    for caught in (theirs, ours):
        assert "Incorrect API key provided: sk-***." in str(caught.value)
