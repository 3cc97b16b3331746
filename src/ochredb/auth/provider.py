"""What gives a client of a server its headers."""

from typing import ClassVar

from ochredb.chroma.absent import Absent

__all__ = ["ClientAuthProvider"]


class ClientAuthProvider(Absent):
    """Something that makes headers of credentials; Ochre has no client for a server yet."""

    instead: ClassVar[str] = "Ochre has no client for a server yet; a client of a folder needs no credentials"
