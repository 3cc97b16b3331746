"""Requests that a page in a browser sends without its user: a server on a laptop is reached by every page it shows."""

from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from ochredb.core.errors import ForbiddenError
from ochredb.server.binding import is_own_name
from ochredb.server.credentials import header


class Origins:
    """Middleware that refuses what a strange page asks for.

    Browsers keep the answer from such a page, but they send the request, and a POST without a content type needs no
    permission (https://fetch.spec.whatwg.org/#simple-header).

    Args:
        app: What is behind it.
        allowed: Origins whose pages may ask; `*` is any.
        local: Whether to answer to names of this machine only: a page whose own name was made to lead here, which is
            how a browser is fooled about origins (DNS rebinding), is refused. For servers that ask for no key.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str], local: Callable[[], bool]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "http" and "*" not in self._allowed:
            host, origin = header(scope["headers"], b"host"), header(scope["headers"], b"origin")
            if host and not is_own_name(_name(host)) and self._local():
                raise ForbiddenError(
                    f"this server answers to names of its own machine, such as localhost, not to {host[:100]!r}; "
                    "with keys, or with --allow-anonymous, it answers to any"
                )
            if origin and origin not in self._allowed and origin.partition("://")[2] != host:
                raise ForbiddenError(
                    f"pages of {origin[:100]!r} may not ask this server; its setting --cors-allow-origins lets them"
                )
        await self._app(scope, receive, send)


def _name(host: str) -> str:
    """Give the name of a host without its port; a number of IPv6 stands in brackets."""
    return (host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]).lower()
