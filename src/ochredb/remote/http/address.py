"""Where a server is, and how it is spoken to."""

import ssl
from pathlib import Path

from msgspec import Struct

from ochredb.core.errors import BadValue

TIMEOUT = 60.0
RETRIES = 3


class Address(Struct, frozen=True):
    """A server.

    Args:
        url: Up to what comes before `/api/v2`: scheme, host, port and a path, if a proxy wants one.
        headers: Of each request: the keys to the server, for instance.
        verify: Whether its certificate is verified; a file or folder of certificates is what it is verified by.
        timeout: Seconds that connecting, and each wait for data, may take; None waits for ever.
        retries: How often a request is made again that failed and may be made again.
        keepalive: Seconds that a connection nobody uses stays open.
        connections: The most connections at a time; None is no limit.
        idle: The most connections that stay open unused; None is no limit.
    """

    url: str
    headers: dict[str, str] = {}
    verify: bool | str = True
    timeout: float | None = TIMEOUT
    retries: int = RETRIES
    keepalive: float | None = 40.0
    connections: int | None = None
    idle: int | None = None

    def trust(self) -> ssl.SSLContext | bool:
        """Give what decides whether a certificate is good.

        Raises:
            BadValue: `verify` names no certificates.
        """
        if not self.url.startswith("https:"):
            return False  # nothing is verified, so that nothing need be loaded
        if isinstance(self.verify, bool):
            return self.verify
        place = Path(self.verify)
        try:
            return ssl.create_default_context(
                cafile=None if place.is_dir() else place, capath=place if place.is_dir() else None
            )
        except (OSError, ssl.SSLError) as error:
            raise BadValue(
                f"verify: expected True, False, or a file or folder of certificates, got {self.verify!r}: {error}"
            ) from error
