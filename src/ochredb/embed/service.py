"""Embedding functions that ask a service over HTTP: one small client for all of them.

A request that may succeed later (too many requests, a fault of the server, no connection) is made again after a pause.
Errors name the provider, the status and what the answer says, and never the key.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from msgspec import Struct

from ochredb.core.errors import ServiceError
from ochredb.embed.base import Configured, Dense, once, refuse_unless_texts
from ochredb.embed.protocol import D, Embeddings

if TYPE_CHECKING:
    from httpx2 import Client, Response, TransportError

PASSING = frozenset((408, 429, 500, 502, 503, 504, 529))
"""The statuses after which a request is made again."""
PAUSES = (0.5, 1.0, 2.0)
"""Seconds before the second and each further attempt, if the answer names no others."""
LONGEST = 30.0
"""Seconds that a pause never exceeds, whatever the answer asks for."""

ADVICE = {
    400: "look at the model's name and the length of the texts",
    401: "look at the API key",
    403: "look at the API key and what it allows",
    404: "look at the address and the model's name",
    429: "wait, or ask the provider for a higher limit",
}


class Service(Struct, frozen=True):
    """A provider's address for requests.

    Args:
        provider: What errors call it.
        headers: Of each request.
        secret: The key, which is blotted out of errors.
        timeout: Seconds that connecting, and each wait for data, may take.
    """

    provider: str
    headers: dict[str, str]
    secret: str | None = None
    timeout: float = 60.0

    def ask(self, url: str, body: object) -> Any:
        """Post JSON and give the JSON of the answer.

        Raises:
            ServiceError: The service refused, failed at every attempt, could not be reached, or answered no JSON.
        """
        for pause in PAUSES:
            got = self._post(url, body)
            if not _may_pass(got):
                break
            time.sleep(min(_asked_for(got) or pause, LONGEST))
        else:
            got = self._post(url, body)
        return self._content(got, url)

    def unreadable(self, answer: object, wanted: str) -> ServiceError:
        """Give the error for an answer that is not as documented."""
        return ServiceError(f"{self.provider}: expected {wanted} in the answer, got {self._short(repr(answer))}")

    def _post(self, url: str, body: object) -> "Response | TransportError":
        """Give the answer, or the error that kept it from coming."""
        from httpx2 import TransportError

        try:
            return _client().post(
                url,
                content=msgspec.json.encode(body),
                headers={"Content-Type": "application/json", "Accept": "application/json", **self.headers},
                timeout=self.timeout,
            )
        except TransportError as error:
            return error

    def _content(self, got: "Response | TransportError", url: str) -> Any:
        place = url.partition("?")[0]
        if isinstance(got, Exception):
            raise ServiceError(
                f"{self.provider}: no answer from {place}: {type(got).__name__}: {self._short(str(got))}"
            ) from got
        if not got.is_success:
            advice = ADVICE.get(got.status_code)
            raise ServiceError(
                f"{self.provider} answered {got.status_code} to POST {place}: {self._short(_message(got.content))}"
                + (f"; {advice}" if advice else "")
            )
        try:
            return msgspec.json.decode(got.content)
        except msgspec.DecodeError as error:
            raise self.unreadable(got.text, "JSON") from error

    def _short(self, text: str) -> str:
        if self.secret:
            text = text.replace(self.secret, "***")
        return text if len(text) <= 300 else f"{text[:300]}..."


class Asking(Configured):
    """A function that asks a service, a batch of items at a time."""

    provider: ClassVar[str]
    endpoint: ClassVar[str]
    batch: ClassVar[int] = 128
    """The most items in one request."""
    timeout: float = 60.0
    api_key: str | None = None

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Give the URL and the JSON that ask for the vectors of some items; `query` tells search texts apart."""
        raise NotImplementedError

    def vectors(self, answer: Any) -> list[Any]:
        """Find one vector an item in the answer, in the order of the items: OpenAI's form, which most have taken."""
        found = {each.get("index", row): each["embedding"] for row, each in enumerate(answer["data"])}
        return [found[row] for row in range(len(found))]

    def headers(self) -> dict[str, str]:
        """Give the headers by which the service knows the caller."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def items(self, given: Any) -> list[Any]:
        """Refuse what the service does not take."""
        return refuse_unless_texts(given, self.provider)

    def size(self, items: list[Any]) -> int:
        """Give the most of these items that one request may ask for."""
        del items
        return self.batch

    def ask(self, given: Any, query: bool) -> list[Any]:
        """Give one vector an item, as the service gives them."""
        service = Service(self.provider, self.headers(), self.api_key, self.timeout)
        found: list[Any] = []
        whole = self.items(given)
        for items in _batches(whole, self.size(whole)):
            answer = service.ask(*self.request(items, query))
            wanted = f"{len(items)} embeddings"
            try:
                vectors = self.vectors(answer)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise service.unreadable(answer, wanted) from error
            if len(vectors) != len(items):
                raise service.unreadable(answer, wanted)
            found += vectors
        return found


class ServiceFunction(Asking, Dense[D]):
    """A dense embedding function that asks a service."""

    def __call__(self, input: D) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each item.

        Raises:
            ServiceError: The service refused, failed or could not be reached.
        """
        return self.ask(input, query=False)

    def embed_query(self, input: D) -> Embeddings:  # noqa: A002 # as above
        """Embed search texts, for services that treat them apart from documents."""
        return self.ask(input, query=True)


def _client() -> "Client":
    # One for all functions, for its open connections: a collection may build its function anew for each call.
    from httpx2 import Client

    client: Client = once(("http",), Client)
    return client


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _may_pass(got: "Response | TransportError") -> bool:
    from httpx2 import ProxyError, UnsupportedProtocol

    if isinstance(got, Exception):
        return not isinstance(got, ProxyError | UnsupportedProtocol)
    return got.status_code in PASSING


def _asked_for(got: "Response | TransportError") -> float | None:
    """Give the seconds that an answer asks to wait; None if it names none, or a date."""
    if isinstance(got, Exception):
        return None
    try:
        return max(float(got.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def _message(content: bytes) -> str:
    """Find the sentence in the answer of a service that refused."""
    text = content.decode("utf-8", "replace").strip()
    try:
        return _sentence(msgspec.json.decode(content)) or text
    except msgspec.DecodeError:
        return text or "(no text)"


def _sentence(found: object) -> str | None:
    match found:
        case str():
            return found
        case [first, *_]:
            return _sentence(first)
        case dict():
            inner = (_sentence(found[key]) for key in ("error", "errors", "message", "detail", "msg") if key in found)
            return next(filter(None, inner), None)
        case _:
            return None
