"""Chroma's home for authentication by name and password."""

from ochredb.auth.provider import ClientAuthProvider

__all__ = ["BasicAuthClientProvider"]


class BasicAuthClientProvider(ClientAuthProvider):
    """Sends a name and a password."""
