"""What a server of ours tells those who run it, asked over the wire."""

from typing import Any

import msgspec

from ochredb.chroma import wire
from ochredb.core.blocking import finished
from ochredb.core.errors import InternalError, UnreachableError
from ochredb.local.stats import CollectionStats, Stats
from ochredb.remote.http.address import Address
from ochredb.remote.http.message import Answer, Request
from ochredb.remote.http.transport import BlockingTransport

_TIMEOUT = 10.0


def is_url(place: str) -> bool:
    """Tell whether a place is a server's, and no folder."""
    return place.startswith(("http://", "https://"))


def stats(url: str, token: str | None = None) -> Stats:
    """Give what the database of a server holds; a key has to be good for all its tenants.

    Raises:
        UnreachableError: No server answers there.
        ChromaAuthError: It wants a key, or another one.
        NotSupported: What it serves has no folder.
        InternalError: It is no server of ours.
    """
    answer = _ask(url, "/stats", token)
    if answer.status != 200:
        raise wire.raised(answer.status, answer.data, answer.media)
    try:
        told = msgspec.json.decode(answer.data)
        told["collections"] = msgspec.convert(told["collections"], tuple[CollectionStats, ...])
        return Stats(url, **told)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise InternalError(f"{url} is no server of Ochre's, or of another version: {error}") from error


def ready(url: str, verify: bool = True) -> bool:
    """Tell whether a server can read and write; one that does not answer cannot."""
    try:
        return _ask(url, "/readyz", None, verify).status == 200
    except UnreachableError:
        return False


def _ask(url: str, path: str, token: str | None, verify: bool = True) -> Answer:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = BlockingTransport(Address(url.rstrip("/"), headers, verify, _TIMEOUT))
    try:
        got: Any = finished(transport.send(Request("GET", path, wire.JSON, None, again=True)))
    finally:
        finished(transport.close())
    if isinstance(got, Answer):
        return got
    raise UnreachableError(f"{url}: no answer: {got.error}; is the server running, and is this its address?")
