"""The file of keys, and `ochre keys`."""

import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.core.errors import (
    BadValue,
    CorruptError,
    FormatError,
    InternalError,
    NotFoundError,
    UniqueConstraintError,
)
from ochredb.server.keys import FILE, Key, KeyFile, digest, duration, holder
from tests.server.commands import ochre


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """Give a file that does not exist yet, in a folder that does not either."""
    return KeyFile(tmp_path / "store" / FILE)


def test_a_key_is_known_by_its_text_and_by_nothing_else(file: KeyFile) -> None:
    """Of two keys each is found; neither a part of one, nor its hash, nor its name."""
    ci, app = file.create("ci", "writer"), file.create("app", "reader", tenant="t", database="d", collection="docs-*")
    keys = file.keys() or ()
    assert [key.name for key in keys] == ["ci", "app"]
    found = holder(keys, app)
    assert found is not None
    assert (found.role, found.tenant, found.database, found.collection) == ("reader", "t", "d", "docs-*")
    for other in (ci[:-1], ci + "x", "", "ci", digest(ci), ci.upper(), "schlüssel"):
        assert holder(keys, other) is None


def test_the_file_holds_no_key_and_is_private(file: KeyFile) -> None:
    """Only hashes are kept, where only its owner may read them."""
    token = file.create("ci", "admin")
    assert token.encode() not in file.path.read_bytes()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert {path.name for path in file.path.parent.iterdir()} == {FILE, f"{FILE}.lock"}


def test_keys_are_long_and_never_alike(file: KeyFile) -> None:
    """256 random bits behind a prefix that scanners of repositories know."""
    made = {file.create(f"k{n}", "reader") for n in range(20)}
    assert len(made) == 20
    assert all(token.startswith("ochre_") and len(token) == 6 + 43 for token in made)


def test_another_process_changes_keys_at_once(file: KeyFile) -> None:
    """What `ochre keys` does, a server that has the file open sees at its next look."""
    assert file.keys() is None
    made = ochre("keys", "create", "--name", "ci", "--role", "reader", "--path", file.path.parent)
    assert (made.returncode, made.stderr) == (0, "this is the key; it cannot be shown again\n")
    assert holder(file.keys() or (), made.stdout.strip()) is not None
    assert ochre("keys", "revoke", "ci", "--keys", file.path).stdout == "ci is revoked\n"
    assert file.keys() == ()


def test_a_server_with_keys_never_becomes_one_without(file: KeyFile) -> None:
    """Neither the last key that is revoked nor a file that goes away lets everybody in."""
    token = file.create("ci", "reader")
    assert holder(file.keys() or (), token) is not None
    aside = file.path.with_name("aside")
    file.path.rename(aside)
    assert file.keys() == ()
    aside.rename(file.path)
    assert holder(file.keys() or (), token) is not None
    file.revoke("ci")
    assert (file.keys(), KeyFile(file.path).keys()) == ((), ())


def test_many_at_once_lose_no_key(file: KeyFile) -> None:
    """Threads that create keys in the same moment all find theirs."""
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: made.append(KeyFile(file.path).create(f"k{n}", "reader")))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = file.keys() or ()
    assert len(made) == 12
    assert all(holder(keys, token) for token in made)


def test_a_key_expires() -> None:
    """From its time on it is expired, and not before."""
    now = datetime.now(UTC)
    assert Key(name="a", role="reader", digest="", expires=now - timedelta(seconds=1)).expired
    assert not Key(name="a", role="reader", digest="", expires=now + timedelta(minutes=1)).expired
    assert not Key(name="a", role="reader", digest="").expired


@pytest.mark.parametrize(
    ("glob", "name", "good"),
    [
        (None, "anything", True),
        ("docs-*", "docs-2024", True),
        ("docs-*", "Docs-2024", False),
        ("docs-*", "x-docs-2024", False),
        ("docs-?", "docs-12", False),
        ("docs", "docs", True),
    ],
)
def test_a_glob_names_whole_names(glob: str | None, name: str, good: bool) -> None:
    """Capitals count, on every system, and a name must match from end to end."""
    assert Key(name="a", role="reader", digest="", collection=glob).names(name) is good


def written(**other: str) -> str:
    """Write a file with one key, but for what is another."""
    return json.dumps({"format": 1, "keys": [{"name": "x", "role": "reader", "digest": "0" * 64, **other}]})


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "\0", '{"format": 1}', '{"format": 1, "keys": [{"name": "x"}]}', written(role="owner"),
     written(digest="ä" * 64), written(digest="0" * 63), written(expires="2026-01-01T00:00:00"),
     written(expires="soon")],
)  # fmt: skip
def test_a_damaged_file_is_refused_and_lets_nobody_in(content: str, file: KeyFile) -> None:
    """It is an error for a server that runs, too, and is not written over."""
    file.create("ci", "admin")
    file.path.write_text(content)
    for touch in (file.keys, lambda: file.create("b", "reader"), lambda: file.revoke("ci")):
        with pytest.raises(CorruptError, match="no file of keys"):
            touch()
    assert file.path.read_text() == content


def test_a_newer_format_is_refused(file: KeyFile) -> None:
    """The text names both formats."""
    file.path.parent.mkdir()
    file.path.write_text(json.dumps({"format": 2, "keys": "changed"}))
    with pytest.raises(FormatError, match="has format 2, and this version reads formats up to 1"):
        file.keys()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_file_that_cannot_be_read_lets_nobody_in(file: KeyFile) -> None:
    """A file without the right to read it is no file without keys."""
    file.create("ci", "admin")
    file.path.chmod(0)
    with pytest.raises(InternalError, match="cannot be read"):
        file.keys()


def test_a_folder_in_the_place_of_the_file_lets_nobody_in(file: KeyFile) -> None:
    """What cannot be read is not taken for absent."""
    file.path.mkdir(parents=True)
    with pytest.raises(InternalError, match="cannot be read"):
        file.keys()


def test_bad_names_and_roles_change_nothing(file: KeyFile) -> None:
    """A taken name, one with other characters, an unknown role, an unknown key to revoke."""
    file.create("ci", "admin")
    before = file.path.read_bytes()
    with pytest.raises(UniqueConstraintError, match="already"):
        file.create("ci", "reader")
    with pytest.raises(BadValue, match="letters, digits"):
        file.create("a/b", "reader")
    with pytest.raises(BadValue, match="one of reader, writer, admin, got 'owner'"):
        file.create("x", "owner")  # type: ignore[arg-type] # the bad role is what is tried
    with pytest.raises(NotFoundError, match="no key 'x'"):
        file.revoke("x")
    assert file.path.read_bytes() == before


@given(st.integers(1, 999_999), st.sampled_from("mhdw"))
def test_spans_are_read(count: int, unit: str) -> None:
    """A number and a unit, as people write them."""
    assert duration(f"{count}{unit}") == count * duration(f"1{unit}")


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5h", "1y", "90 d", "9999999d", "٣d"])
def test_other_spans_are_refused(text: str) -> None:
    """The text shows what a span looks like."""
    with pytest.raises(BadValue, match="such as 30m, 12h, 90d or 4w"):
        duration(text)


def test_a_list_shows_what_keys_may_do_and_no_key(file: KeyFile) -> None:
    """A reader of a terminal learns names, roles and times."""
    token = file.create("ci", "writer", tenant="acme", expires=timedelta(days=9))
    shown = ochre("keys", "list", "--path", file.path.parent).stdout
    assert {"ci", "writer", "acme", "any"} <= set(shown.replace("│", " ").split())
    assert token not in shown
    assert digest(token)[:8] not in shown
    assert ochre("keys", "list", "--path", file.path.parent / "none").stdout.startswith("there are no keys: ")


def test_mistakes_on_the_command_line_are_one_line(tmp_path: Path) -> None:
    """They leave exit code 1 or 2 and no file."""
    wrong = ochre("keys", "create", "--name", "ci", "--role", "reader", "--expires", "soon", "--path", tmp_path / "s")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == "error: expected a time span such as 30m, 12h, 90d or 4w, got 'soon'\n"
    assert ochre("keys", "create", "--name", "ci", "--role", "owner", "--path", tmp_path / "s").returncode == 2
    assert list(tmp_path.iterdir()) == []
