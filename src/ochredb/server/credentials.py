"""What a caller shows to say who they are: the three headers that Chroma's clients send."""

import binascii
from base64 import b64decode
from collections.abc import Collection, Iterator
from typing import NamedTuple, TypeAlias

Headers: TypeAlias = Collection[tuple[bytes, bytes]]
"""As ASGI gives them: names in small letters."""


def header(headers: Headers, name: bytes) -> str:
    """Give the first header of this name, or ""."""
    return _first(headers, name).decode("latin-1")


class Shown(NamedTuple):
    """A secret, and the user that it came with, if it came by Basic."""

    secret: str
    user: str | None = None


def shown(headers: Headers) -> Iterator[Shown]:
    """Give what the headers of a request show, of each the first: to compare a password takes time.

    What cannot be read shows nothing.
    """
    token = _first(headers, b"x-chroma-token").strip()
    if token:
        yield Shown(_text(token))
    scheme, _, rest = _first(headers, b"authorization").partition(b" ")
    if scheme.lower() == b"bearer":
        yield Shown(_text(rest.strip()))
    elif scheme.lower() == b"basic":
        yield from _basic(rest.strip())


def _basic(encoded: bytes) -> Iterator[Shown]:
    try:
        user, colon, secret = _text(b64decode(encoded, validate=True)).partition(":")
    except binascii.Error:
        return
    if colon:
        yield Shown(secret, user)


def _first(headers: Headers, name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")
