"""What a request asks for, told once for all who want to know it: they cannot be of two minds about it."""

from starlette.types import Scope

from ochredb.chroma.operations import Match, find

_MATCH = "ochre.match"


def asked(scope: Scope) -> Match | None:
    """Give the operation that a request asks for; None for a path that is none's."""
    if _MATCH not in scope:
        scope[_MATCH] = find(scope["method"], scope["raw_path"].decode("latin-1"))
    match: Match | None = scope[_MATCH]
    return match
