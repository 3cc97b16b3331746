"""Whose certificate is believed: by default the usual authorities', otherwise those that are named, or anybody's."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import ochredb
from ochredb.core.errors import BadValue, UnreachableError
from ochredb.remote.http import Address, AsyncHttpEngine, HttpEngine
from tests.serving import Served, serving


def authority(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that vouches for itself, and its key."""
    folder.mkdir()
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(
            [*command.split(), *names, "-out", cert, "-keyout", key], check=True, capture_output=True, timeout=60
        )
    except FileNotFoundError:
        pytest.skip("the program openssl is not there to make a certificate")
    return cert, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a place for certificates and data."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def good(folder: Path) -> tuple[Path, Path]:
    """Give the certificate of the server, and its key."""
    return authority(folder / "good")


@pytest.fixture(scope="module")
def other(folder: Path) -> Path:
    """Give a certificate that vouches for somebody else."""
    return authority(folder / "other")[0]


@pytest.fixture(scope="module")
def server(folder: Path, good: tuple[Path, Path]) -> Iterator[Served]:
    """Give a server that has it."""
    with serving(folder / "data", "--tls-cert", good[0], "--tls-key", good[1]) as server:
        yield server


def test_a_certificate_of_ones_own(server: Served, good: tuple[Path, Path]) -> None:
    """A file with the authority's certificate is what the server's is verified by."""
    engine = HttpEngine(Address(server.url, verify=str(good[0]), retries=0))
    assert engine.heartbeat() > 0
    engine.close()


def test_a_wrong_certificate_is_refused(server: Served, other: Path) -> None:
    """Neither the usual authorities nor others are believed to vouch for it, and it is not asked again."""
    for verify in (True, str(other)):
        engine = HttpEngine(Address(server.url, verify=verify, retries=3))
        with pytest.raises(UnreachableError, match=r"CERTIFICATE_VERIFY_FAILED"):
            engine.heartbeat()
        engine.close()


def test_nothing_is_verified_for_who_wants_that(server: Served) -> None:
    """`verify=False` lets any certificate pass."""
    engine = HttpEngine(Address(server.url, verify=False))
    assert engine.heartbeat() > 0
    engine.close()


def test_the_same_awaited(server: Served, good: tuple[Path, Path], other: Path) -> None:
    """The asynchronous engine verifies as the blocking one does."""

    async def program() -> None:
        trusting = AsyncHttpEngine(Address(server.url, verify=str(good[0])))
        assert await trusting.heartbeat() > 0
        await trusting.close()
        for verify in (True, str(other)):
            refusing = AsyncHttpEngine(Address(server.url, verify=verify, retries=0))
            with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
                await refusing.heartbeat()
            await refusing.close()

    asyncio.run(program())


def test_a_client_says_what_to_verify_by(server: Served, good: tuple[Path, Path]) -> None:
    """By argument, by Chroma's setting, or in a URL; by default the client verifies, awaited or not."""
    settings = ochredb.Settings(chroma_server_ssl_verify=str(good[0]))
    for client in (
        ochredb.HttpClient(server.host, server.port, ssl=True, verify=str(good[0])),
        ochredb.HttpClient(server.host, server.port, ssl=True, settings=settings),
        ochredb.connect(f"{server.url}?verify={good[0]}"),
        ochredb.connect(f"{server.url}?verify=false"),
    ):
        assert client.heartbeat() > 0
        client.close()
    with pytest.raises(ValueError, match="Could not connect to a Chroma server"):
        ochredb.HttpClient(server.host, server.port, ssl=True)
    with pytest.raises(ValueError, match="Could not connect to a Chroma server"):
        asyncio.run(ochredb.AsyncHttpClient(server.host, server.port, ssl=True))


def test_certificates_that_are_not_there(tmp_path: Path) -> None:
    """A file that cannot be read as certificates is named before anything is sent."""
    (tmp_path / "empty.pem").touch()
    for place in (tmp_path / "nowhere.pem", tmp_path / "empty.pem"):
        with pytest.raises(BadValue, match=rf"verify: expected True, False, or a file or folder .* got '{place}'"):
            HttpEngine(Address("https://localhost:1", verify=str(place)))
