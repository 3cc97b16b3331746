"""Flags go before variables, variables before a file, and a file before what is usual."""

from pathlib import Path

import pytest

from ochredb.core.errors import BadValue
from ochredb.server.settings import Settings, read_settings


def test_nothing_is_said() -> None:
    """Then it is Chroma's folder and port, on this machine only."""
    found = read_settings(None, {}, {})
    assert found == Settings()
    assert (found.persist_path, found.listen_address, found.port) == ("./chroma", "localhost", 8000)
    assert not found.allow_reset


def test_who_goes_before_whom(tmp_path: Path) -> None:
    """Each setting comes from the first that says something of it; an empty variable says nothing."""
    file = tmp_path / "config.yaml"
    file.write_text('port: 1\nlisten_address: "file"\npersist_path: "file"\ntimeout: 5\nunknown: {"x": [1]}\n')
    variables = {"CHROMA_PORT": "2", "OCHRE_LISTEN_ADDRESS": "variable", "OCHRE_TIMEOUT": ""}
    found = read_settings(file, variables, {"port": 3, "listen_address": None})
    assert (found.port, found.listen_address, found.persist_path) == (3, "variable", "file")
    assert found.timeout == 5.0
    assert read_settings(None, {"CHROMA_PORT": "2", "OCHRE_PORT": "4"}, {}).port == 4


def test_what_images_of_chroma_were_set_up_by() -> None:
    """The variables of old images, and the lists in JSON of the new ones, are read."""
    variables = {
        "PERSIST_DIRECTORY": "/data",
        "ALLOW_RESET": "TRUE",
        "CHROMA_SERVER_HTTP_PORT": "9",
        "CHROMA_CORS_ALLOW_ORIGINS": '["http://a", "http://b"]',
        "CHROMA_MAX_PAYLOAD_SIZE_BYTES": "1000",
        "IS_PERSISTENT": "TRUE",
    }
    found = read_settings(None, variables, {})
    assert (found.persist_path, found.allow_reset, found.port) == ("/data", True, 9)
    assert found.cors_allow_origins == ("http://a", "http://b")
    assert found.limits.body_bytes == 1000
    assert read_settings(None, {"OCHRE_CORS_ALLOW_ORIGINS": "http://a, http://b"}, {}).cors_allow_origins == (
        "http://a",
        "http://b",
    )


def test_limits_come_from_the_file_and_the_environment(tmp_path: Path) -> None:
    """A limit's variable goes before the file, and ours before Chroma's name of it."""
    file = tmp_path / "config.yaml"
    file.write_text("max_payload_size_bytes: 5\nlimits:\n  body_bytes: 6\n  rows: 7\n  results: 8\n")
    found = read_settings(file, {"OCHRE_MAX_ROWS": "9"}, {}).limits
    assert (found.body_bytes, found.rows, found.results) == (6, 9, 8)


@pytest.mark.parametrize(
    ("text", "variables", "named"),
    [
        ("port: x", {}, "port"),
        ("port: 70000", {}, "port"),
        ("timeout: -1", {}, "timeout"),
        ("threads: 0", {}, "threads"),
        ("log_format: xml", {}, "log_format"),
        ("limits: 5", {}, "limits"),
        ("limits:\n  nonsense: 5", {}, "nonsense"),
        ("- a list", {}, "config.yaml"),
        ("{", {}, "config.yaml"),
        ("", {"OCHRE_CORS_ALLOW_ORIGINS": "[1"}, "cors_allow_origins"),
        ("", {"CHROMA_ALLOW_RESET": "perhaps"}, "allow_reset"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, variables: dict[str, str], named: str) -> None:
    """The text has the name of the setting, or of the file."""
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(BadValue, match=named):
        read_settings(file, variables, {})
