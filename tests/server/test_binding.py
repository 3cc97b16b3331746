"""Where a server listens, with what certificate, and what it lets be done there."""

import subprocess
import time
from http.client import HTTPException
from pathlib import Path

import pytest

import ochredb
from ochredb.core.errors import BadValue, OchreError
from ochredb.server.binding import is_loopback, is_own_name, refuse_certificate
from tests.server.commands import ochre, refused
from tests.serving import Served, serving


def test_it_listens_to_other_machines_with_keys_only(tmp_path: Path) -> None:
    """Without a key it does not start, unless it is told that everybody may come (with one: `test_inherited.py`)."""
    folder = tmp_path / "store"
    assert "--allow-anonymous" in refused(folder, "--host", "0.0.0.0")
    with serving(folder, "--host", "0.0.0.0", "--allow-anonymous") as server:
        assert server.ask("GET", "/api/v2/version", headers={"host": "db.example"}).status == 200
        assert "WARNING ochredb.server everybody who reaches this server" in server.log.read_text()


def test_reset_is_off_unless_it_is_on(served: Served, tmp_path: Path) -> None:
    """By a flag."""
    assert served.ask("POST", "/api/v2/reset").status == 403
    with serving(tmp_path / "store", "--allow-reset") as server:
        assert server.ask("POST", "/api/v2/reset").json is True


def test_reset_is_on_by_the_variable_of_chroma(tmp_path: Path) -> None:
    """As its images have it."""
    with serving(tmp_path / "store", variables={"ALLOW_RESET": "TRUE"}) as server:
        assert server.ask("POST", "/api/v2/reset").json is True


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    try:
        subprocess.run([*command, *subject, "-out", cert, "-keyout", key], check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("the program openssl is not there to make a certificate")
    return cert, key


@pytest.mark.parametrize("workers", ["1", "2"])
def test_tls_is_served_with_a_certificate(certificate: tuple[Path, Path], tmp_path: Path, workers: str) -> None:
    """Who trusts it is answered, who does not breaks off, and plain HTTP is not answered."""
    cert, key = certificate
    with serving(tmp_path / "store", "--tls-cert", cert, "--tls-key", key, "--workers", workers) as server:
        assert server.url.startswith("https://localhost:")
        port = int(server.url.rpartition(":")[2])
        trusting = ochredb.Settings(chroma_server_ssl_verify=str(cert))
        assert ochredb.HttpClient(port=port, ssl=True, settings=trusting).heartbeat() > 0
        with pytest.raises((OchreError, ValueError)):
            ochredb.HttpClient(port=port, ssl=True)
        assert ochre("health", server.url).stdout == "ready\n"
        with pytest.raises((OSError, HTTPException)):
            Served(server.process, f"http://localhost:{port}", server.log).ask("GET", "/healthz")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_does_not_speak_keeps_no_server_from_stopping(
    certificate: tuple[Path, Path], tmp_path: Path, workers: str
) -> None:
    """A connection on which no handshake begins is given up when the time to finish is over."""
    flags = ("--tls-cert", certificate[0], "--tls-key", certificate[1], "--workers", workers)
    with serving(tmp_path / "store", "--grace", "0.5", *flags) as server, server.socket(), server.socket():
        time.sleep(0.3)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 30  # a handshake has a minute


def test_half_a_certificate_is_refused(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """One without its key, with another's, or a file that is none."""
    cert, key = certificate
    rubbish, locked = tmp_path / "rubbish.pem", tmp_path / "locked.pem"
    rubbish.write_text("no certificate")
    command = ["openssl", "ec", "-in", key, "-out", locked, "-aes128", "-passout", "pass:word"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    for pair, told in (
        ((cert, None), "TLS wants both"),
        ((None, key), "TLS wants both"),
        ((cert, rubbish), "cannot serve TLS"),
        ((rubbish, key), "cannot serve TLS"),
        ((tmp_path / "none", key), "cannot serve TLS"),
        ((cert, locked), "locked by a password"),
    ):
        with pytest.raises(BadValue, match=told):
            refuse_certificate(*pair)
    refuse_certificate(None, None)
    assert "TLS wants both" in refused(tmp_path / "store", "--tls-cert", cert)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("[::1]", True), ("0.0.0.0", False),
     ("::", False), ("192.0.2.1", False), ("no-such-name.invalid", False), ("", False)],
)  # fmt: skip
def test_loopback_is_told_from_other_addresses(host: str, loopback: bool) -> None:
    """What cannot be told is taken for reachable."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "127.0.0.1", "::1"])
def test_own_names(name: str) -> None:
    """Those that no name server has a say in."""
    assert is_own_name(name)
    assert not is_own_name(f"{name}.evil.test")
