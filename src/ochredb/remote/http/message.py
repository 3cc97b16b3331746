"""What goes to a server and what comes back, without the bytes on the socket."""

from collections.abc import Mapping

from msgspec import Struct

from ochredb.chroma import wire

PASSING = frozenset((429, 502, 503, 504))
"""The statuses after which a request may succeed when it is made again."""
UNTOUCHED = frozenset((429,))
"""Those of them that say that nothing was begun."""


class Request(Struct, frozen=True):
    """A request.

    Args:
        method: Of HTTP.
        target: Path and query, to be appended to the server's URL.
        media: The content type of the body, and of the answer that is wanted.
        content: The body; None for none.
        again: Whether doing it twice is the same as doing it once.
    """

    method: str
    target: str
    media: str
    content: bytes | None
    again: bool

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say which content types are meant."""
        both = self.media if self.media == wire.JSON else f"{self.media}, {wire.JSON}"
        return {"Accept": both, "Content-Type": self.media}


class Answer(Struct, frozen=True):
    """An answer of a server, or of a proxy on the way.

    Args:
        status: Of HTTP.
        headers: Names in lower case.
        data: The body.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def media(self) -> str:
        """The content type that the body is read as."""
        return wire.RECORDS if self.headers.get("content-type", "").startswith(wire.RECORDS) else wire.JSON

    @property
    def wait(self) -> float | None:
        """The seconds after which the server wants to be asked again; None if it names none, or a date."""
        try:
            return max(float(self.headers["retry-after"]), 0.0)
        except (KeyError, ValueError):
            return None

    def may_pass(self, request: Request) -> bool:
        """Tell whether the request should be made again."""
        return self.status in (PASSING if request.again else UNTOUCHED)


class Silence(Struct, frozen=True):
    """Why there is no answer.

    Args:
        error: What happened.
        begun: Whether the server may have seen the request.
        overdue: Whether it was waited for too long, rather than that something broke.
        lasting: Whether asking again cannot help.
    """

    error: Exception
    begun: bool
    overdue: bool
    lasting: bool

    wait: None = None

    def may_pass(self, request: Request) -> bool:
        """Tell whether the request should be made again: one that waited too long is not, its caller has waited."""
        return not self.lasting and not self.overdue and (request.again or not self.begun)
