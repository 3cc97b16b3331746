"""Chroma's home for who may do what; in a process everybody may do everything."""

from typing import ClassVar

from ochredb.auth import basic_authn, token_authn
from ochredb.auth.provider import ClientAuthProvider
from ochredb.chroma.absent import Absent
from ochredb.chroma.types import UserIdentity

__all__ = [
    "ClientAuthProvider",
    "ServerAuthenticationProvider",
    "ServerAuthorizationProvider",
    "UserIdentity",
    "basic_authn",
    "token_authn",
]


class ServerAuthenticationProvider(Absent):
    """What told Chroma's servers of 0.x who calls."""

    instead: ClassVar[str] = "Ochre's server knows its callers by keys: see `ochre keys`"


class ServerAuthorizationProvider(Absent):
    """What told Chroma's servers of 0.x what the caller may do."""

    instead: ClassVar[str] = ServerAuthenticationProvider.instead
