"""Chroma's home for authentication by a token."""

from enum import StrEnum

from ochredb.auth.provider import ClientAuthProvider

__all__ = ["TokenAuthClientProvider", "TokenTransportHeader"]


class TokenTransportHeader(StrEnum):
    """The header that a token travels in."""

    AUTHORIZATION = "Authorization"
    X_CHROMA_TOKEN = "X-Chroma-Token"


class TokenAuthClientProvider(ClientAuthProvider):
    """Sends a token."""
