"""Settings: where a value comes from, how a text is read, and what is refused."""

import copy
import os
from pathlib import Path

import pytest

from ochredb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin in an empty directory, with no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    fields = {name.upper() for name in vars(Settings())}
    for name in list(os.environ):
        if name.upper() in fields:
            monkeypatch.delenv(name)


def test_the_defaults_are_chromas() -> None:
    """A Settings that was told nothing has Chroma's defaults."""
    settings = Settings()
    assert (settings.allow_reset, settings.is_persistent, settings.persist_directory) == (False, False, "./chroma")
    assert (settings.chroma_server_host, settings.chroma_server_http_port) == (None, None)
    assert (settings.anonymized_telemetry, settings.chroma_http_keepalive_secs) == (True, 40.0)
    assert settings.chroma_server_api_default_path == "/api/v2"
    assert (settings.migrations, settings.migrations_hash_algorithm) == ("apply", "md5")
    assert (DEFAULT_TENANT, DEFAULT_DATABASE) == ("default_tenant", "default_database")


def test_an_argument_wins_over_the_environment_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place that knows a setting hides the next."""
    Path(".env").write_text("CHROMA_SERVER_HOST=file\nPERSIST_DIRECTORY=file\nMIGRATIONS=none\n")
    monkeypatch.setenv("CHROMA_SERVER_HOST", "environment")
    monkeypatch.setenv("PERSIST_DIRECTORY", "environment")
    settings = Settings(chroma_server_host="argument")
    found = (settings.chroma_server_host, settings.persist_directory, settings.migrations)
    assert found == ("argument", "environment", "none")


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("ALLOW_RESET", "TRUE", True),
        ("ALLOW_RESET", "yes", True),
        ("ANONYMIZED_TELEMETRY", "off", False),
        ("IS_PERSISTENT", "1", True),
        ("is_persistent", "1", True),
        ("CHROMA_SERVER_HTTP_PORT", "8765", 8765),
        ("CHROMA_SERVER_HTTP_PORT", "", None),
        ("CHROMA_HTTP_KEEPALIVE_SECS", "2.5", 2.5),
        ("CHROMA_SERVER_SSL_VERIFY", "false", False),
        ("CHROMA_SERVER_SSL_VERIFY", "/etc/ca.pem", "/etc/ca.pem"),
        ("CHROMA_SERVER_HEADERS", '{"X-Chroma-Token": "t"}', {"X-Chroma-Token": "t"}),
        ("CHROMA_SERVER_NOFILE", "65536", "65536"),
    ],
)
def test_a_variable_is_read_as_its_type(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, value: object
) -> None:
    """A text in the environment becomes what the setting is; an empty one is none."""
    monkeypatch.setenv(variable, text)
    found = Settings()[variable.lower()]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("persist_directory=/data", "/data"),
        ("export PERSIST_DIRECTORY = /data ", "/data"),
        ('PERSIST_DIRECTORY="/da ta" # why', "/da ta"),
        ("PERSIST_DIRECTORY='/data#1'", "/data#1"),
        ("PERSIST_DIRECTORY=/data # why", "/data"),
        ("# PERSIST_DIRECTORY=/data", "./chroma"),
        ("PERSIST_DIRECTORY=", "./chroma"),
        ("not a line\n\nPERSIST_DIRECTORY=/a=b", "/a=b"),
    ],
)
def test_a_file_is_read_as_shells_write_it(line: str, value: str) -> None:
    """Quotes, comments, spaces and `export` mean in `.env` what they mean elsewhere."""
    Path(".env").write_text(f"{line}\n")
    assert Settings().persist_directory == value


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("chroma_server_http_port", "8000", 8000),
        ("persist_directory", Path("data"), "data"),
        ("allow_reset", 1, True),
        ("chroma_http_keepalive_secs", 5, 5.0),
        ("chroma_server_headers", {"a": "b"}, {"a": "b"}),
        ("chroma_server_cors_allow_origins", ["*"], ["*"]),
    ],
)
def test_an_argument_is_read_as_its_type(name: str, given: object, value: object) -> None:
    """What means a value of the setting's type is taken as one."""
    assert Settings(**{name: given})[name] == value


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("allow_reset", "maybe"),
        ("allow_reset", 2),
        ("chroma_server_http_port", "tcp://10.0.0.1:8000"),
        ("chroma_server_http_port", 80.5),
        ("persist_directory", None),
        ("persist_directory", 5),
        ("chroma_server_headers", "no json"),
        ("chroma_server_headers", "[1]"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, given: object) -> None:
    """The error names the setting, what came and what was wanted."""
    with pytest.raises(ValueError, match=rf"Settings\({name}=\.\.\.\): expected .*, got "):
        Settings(**{name: given})


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that the value came from the environment."""
    monkeypatch.setenv("CHROMA_SERVER_HTTP_PORT", "http")
    with pytest.raises(
        ValueError, match="environment variable CHROMA_SERVER_HTTP_PORT: expected int or None, got 'http'"
    ):
        Settings()


def test_unknown_arguments_are_ignored() -> None:
    """Settings of other versions of Chroma do not stop a program."""
    assert Settings(no_such_setting=1) == Settings()


def test_a_removed_setting_is_refused() -> None:
    """The way in which Chroma 0.3 chose its engine raises, and says what to use."""
    with pytest.raises(ValueError, match=r"deprecated configuration.*PersistentClient"):
        Settings(chroma_db_impl="duckdb+parquet")


def test_settings_can_be_changed() -> None:
    """A setting may be assigned later; a name that is none is refused with the nearest one."""
    settings = Settings()
    settings.chroma_server_host = "example"
    assert settings["chroma_server_host"] == "example"
    with pytest.raises(ValueError, match="has no field \"alow_reset\"; did you mean 'allow_reset'"):
        settings.alow_reset = True


def test_require_refuses_what_was_not_set() -> None:
    """`require` gives what is there, and names what is missing."""
    assert Settings(chroma_server_host="a").require("chroma_server_host") == "a"
    with pytest.raises(ValueError, match="Missing required config value 'chroma_server_host'"):
        Settings().require("chroma_server_host")


def test_equality_is_by_value() -> None:
    """Two settings are equal if all their values are."""
    settings = Settings(allow_reset=True)
    assert settings == Settings(allow_reset=True) == copy.copy(settings)
    assert settings != Settings()
    assert settings != "settings"


def test_secrets_are_not_shown() -> None:
    """The repr names what was set, and hides credentials."""
    shown = repr(Settings(chroma_client_auth_credentials="admin:secret", allow_reset=True))
    assert shown == "Settings(allow_reset=True, chroma_client_auth_credentials=...)"
