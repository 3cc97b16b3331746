"""What gives a client of a server its headers."""

from typing import ClassVar

from ochredb.chroma.absent import Absent

__all__ = ["ClientAuthProvider"]


class ClientAuthProvider(Absent):
    """Something that makes headers of credentials: clients are told by its name which header is meant."""

    instead: ClassVar[str] = (
        "name the class in Settings(chroma_client_auth_provider=..., chroma_client_auth_credentials=...), "
        "or give HttpClient its headers"
    )
