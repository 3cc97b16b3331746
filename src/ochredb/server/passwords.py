"""Users with passwords, for the sake of those who have an htpasswd file."""

import hmac
import secrets
from collections.abc import Mapping
from importlib.util import find_spec

from ochredb.core.errors import NotSupported

_LONGEST = 72  # bytes of a password that bcrypt looks at


class Passwords:
    """Users, and the bcrypt hashes of their passwords.

    A hash takes a tenth of a second to compare, and is meant to. So what was right once is remembered, under a key that
    ends with the process.

    Args:
        hashes: By user; at least one.

    Raises:
        NotSupported: The package bcrypt is not installed.
    """

    def __init__(self, hashes: Mapping[str, bytes]) -> None:
        if find_spec("bcrypt") is None:
            raise NotSupported("users with passwords need bcrypt: pip install 'ochredb[htpasswd]'")
        self._hashes = dict(hashes)
        self._right: dict[str, bytes] = {}
        self._secret = secrets.token_bytes(32)

    def known(self, user: str, password: str) -> bool:
        """Tell at once whether this password was right before."""
        right = self._right.get(user)
        return right is not None and hmac.compare_digest(right, self._mark(password))

    def compare(self, user: str, password: str) -> bool:
        """Tell whether this password is right; it takes as long for an unknown user."""
        import bcrypt

        hashed = self._hashes.get(user)
        some = hashed or next(iter(self._hashes.values()))
        right = bcrypt.checkpw(password.encode()[:_LONGEST], some) and hashed is not None
        if right:
            self._right[user] = self._mark(password)
        return right

    def _mark(self, password: str) -> bytes:
        return hmac.digest(self._secret, password.encode(), "sha256")
