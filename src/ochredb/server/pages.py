"""Paths that are none of Chroma's operations: the document, the page that shows it, and what there is no longer."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ochredb.chroma.bodies import Failure
from ochredb.chroma.wire import JSON, encode
from ochredb.server.openapi import document, page

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_POLICY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


def pages(routes: Sequence[Route]) -> ASGIApp:
    """Give an application of these routes and our own; any other path is an empty 404, as Chroma's."""
    written = document()
    shown, told = page(written).encode(), encode(written)
    gone = encode(Failure("Unimplemented", "The v1 API is deprecated. Please use /v2 apis"))

    async def openapi(_: Request) -> Response:
        return Response(told, media_type=JSON)

    async def docs(_: Request) -> Response:
        return Response(shown, headers=_POLICY, media_type="text/html")

    async def v1(_: Request) -> Response:
        return Response(gone, 410, media_type=JSON)

    router = Router(
        [
            *routes,
            Route("/openapi.json", openapi),
            Route("/docs", docs),
            Route("/api/v1", v1, methods=_METHODS),
            Route("/api/v1/{rest:path}", v1, methods=_METHODS),
        ],
        redirect_slashes=False,
        default=_nowhere,
    )

    async def exactly(scope: Scope, receive: Receive, send: Send) -> None:
        # The router takes "/stats\n" for "/stats", and who asks for it would be somebody whom nobody looked at.
        await (_nowhere if scope["path"].endswith("\n") else router)(scope, receive, send)

    return exactly


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(status_code=404)(scope, receive, send)
