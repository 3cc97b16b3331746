"""The address of a distributed engine and what it says beyond host and port: `milvus://user:key@host:19530/db?k=v`."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from ochredb.core.errors import BadValue

T = TypeVar("T")


class Address(Struct, frozen=True):
    """Where an engine is.

    Args:
        url: As it was given, without the password.
        host: A name or an address.
        port: Of the engine's own protocol.
        path: What follows the slash, decoded.
        user: Before the colon.
        password: Behind it.
        options: What the engine's table of options knows.
    """

    url: str
    host: str
    port: int
    path: str = ""
    user: str = ""
    password: str = ""
    options: Mapping[str, str] = {}

    def choice(self, name: str, table: Mapping[str, T], default: str) -> T:
        """Give what an option's word stands for in a table."""
        word = self.options.get(name, default)
        if word not in table:
            raise BadValue(f"{self.url}: option {name} is {word!r}, expected one of {', '.join(table)}")
        return table[word]

    def number(self, name: str, default: int) -> int:
        """Give an option that is a whole number of at least 1."""
        text = self.options.get(name, str(default))
        if not text.isdecimal() or int(text) < 1:
            raise BadValue(f"{self.url}: option {name} is {text!r}, expected a whole number of at least 1")
        return int(text)

    def flag(self, name: str) -> bool:
        """Tell whether an option is `true`; without it, it is `false`."""
        return self.choice(name, {"true": True, "false": False}, "false")


def address(url: str, port: int, known: Mapping[str, str]) -> Address:
    """Read the URL of an engine.

    Args:
        url: As the user gave it.
        port: The usual one.
        known: The options that the engine has, with what they say.

    Raises:
        BadValue: It names no host, no good port, or an option that there is not.
    """
    parts = urlsplit(url)
    shown = url.replace(f":{parts.password}@", ":...@") if parts.password else url
    try:
        given = parts.port
    except ValueError as error:
        raise BadValue(f"{shown}: {error}; expected {parts.scheme}://host:{port}") from error
    if not parts.hostname:
        raise BadValue(f"{shown} names no host; expected {parts.scheme}://host:{port}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options.keys() - known.keys():
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
        raise BadValue(f"{shown}: unknown option {name!r}{hint}")
    return Address(
        shown,
        parts.hostname,
        given or port,
        unquote(parts.path.strip("/")),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        options,
    )
