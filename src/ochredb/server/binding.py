"""Where a server may listen: to this machine, or, with keys, to others."""

import logging
import socket
import ssl
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from ochredb.core.errors import BadValue
from ochredb.server.auth import Guard

_logger = logging.getLogger("ochredb.server")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address, given as a number or by name.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    number = _number(host)
    return _resolves_to_loopback(host) if number is None else number.is_loopback


def is_own_name(name: str) -> bool:
    """Tell whether a name, or a number, is this machine's own whatever a name server says."""
    number = _number(name)
    return name == "localhost" or name.endswith(".localhost") if number is None else number.is_loopback


def refuse_exposed(host: str, guard: Guard, allow_anonymous: bool) -> None:
    """Refuse to listen to other machines for everybody who reaches them.

    Raises:
        BadValue: Others reach the address, there is no key, and `allow_anonymous` does not say that it is meant.
    """
    if guard.keys() is None and not allow_anonymous and not is_loopback(host):
        raise BadValue(
            f"{host} is reached by other machines, and there are no keys: everybody could read and delete everything. "
            "Make a key with 'ochre keys create --name NAME --role admin', or let everybody in with --allow-anonymous "
            "(or OCHRE_ALLOW_ANONYMOUS=true)"
        )


def warn_if_exposed(host: str, guard: Guard) -> None:
    """Say in the log that other machines are let in without a key."""
    if guard.keys() is None and not is_loopback(host):
        _logger.warning("everybody who reaches this server may read and delete everything until there is a key")


def refuse_certificate(certificate: Path | None, key: Path | None) -> None:
    """Refuse a certificate that cannot be served: one without its key, or that is none.

    Raises:
        BadValue: The text says what is wrong with it.
    """
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise BadValue("TLS wants both: --tls-cert FILE and --tls-key FILE")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise BadValue(f"cannot serve TLS with {certificate} and {key}: {error}") from error


def _no_password() -> str:
    raise ValueError("the key is locked by a password; give one without")


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _resolves_to_loopback(name: str) -> bool:
    try:
        found = socket.getaddrinfo(name, None)
    except OSError:
        return False
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
