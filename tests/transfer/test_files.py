"""Text files of a folder: which they are, what they are called, and what is no text."""

import os
from pathlib import Path

import pytest

from ochredb.core.errors import BadValue, NotFoundError
from ochredb.transfer import files


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Give a folder with files at several depths."""
    for name in ("docs/b.md", "docs/a.md", "docs/sub/c.md", "docs/sub/d.txt", "docs/.git/e.md", "docs/sub/.f.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    return tmp_path / "docs"


def names(place: Path, glob: str) -> list[str]:
    """Give the names of what is found."""
    return [name for name, _ in files.found(place, glob)]


def test_files_have_the_name_of_their_folder(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the folder is written, in order, and without what is hidden."""
    wanted = ["docs/a.md", "docs/b.md", "docs/sub/c.md", "docs/sub/d.txt"]
    assert names(docs, "**/*") == wanted
    assert names(docs, "**/*.md") == wanted[:3]
    assert names(docs, "*.md") == wanted[:2]
    monkeypatch.chdir(docs)
    assert names(Path(), "**/*") == names(Path("sub/.."), "**/*") == wanted
    assert names(docs / "sub" / "c.md", "*.txt") == ["c.md"]


@pytest.mark.parametrize("glob", ["", "../*", "/etc/*", "**/../x"])
def test_a_pattern_stays_within_the_folder(docs: Path, glob: str) -> None:
    """What leads out of it is refused."""
    with pytest.raises(BadValue, match="expected a pattern within the folder"):
        names(docs, glob)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """By the path that was given."""
    with pytest.raises(NotFoundError, match="absent: there is no such folder or file"):
        names(tmp_path / "absent", "*")


def test_a_file_is_cut_into_numbered_pieces(tmp_path: Path) -> None:
    """Each knows the file, its number and the content that it is of."""
    path = tmp_path / "a.md"
    path.write_bytes("\ufeffOne.\r\n\r\nTwo is long.".encode())
    content = files.read("docs/a.md", path, 12)
    pieces = list(content.pieces())
    assert [(piece.id, piece.text) for piece in pieces] == [("docs/a.md#0", "One."), ("docs/a.md#1", "Two is long.")]
    assert [piece.metadata for piece in pieces] == [
        {"path": "docs/a.md", "hash": content.hash, "chunk": number} for number in range(2)
    ]
    assert (content.name, content.count) == ("docs/a.md", 2)


def test_the_hash_is_of_content_and_cut(tmp_path: Path) -> None:
    """Another text is another hash, and so is another limit; the name and the time of the file are not in it."""
    path, other = tmp_path / "a.md", tmp_path / "b.md"
    path.write_text("text", encoding="utf-8")
    other.write_text("text", encoding="utf-8")
    os.utime(other, (0, 0))
    hashes = {files.read("a", path, 10).hash, files.read("b", other, 10).hash}
    assert len(hashes) == 1
    hashes.add(files.read("a", path, 11).hash)
    path.write_text("texts", encoding="utf-8")
    hashes.add(files.read("a", path, 10).hash)
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"ab\xffcd", "no text in UTF-8: byte 0xff at 2"),
        ("text".encode("utf-16"), "no text in UTF-8: byte 0xff at 0"),
        (b"ab\0cd", "no text: there is a NUL character at 2"),
        ("é".encode()[:1], "byte 0xc3 at 0"),
    ],
)
def test_what_is_no_text_is_told(data: bytes, told: str, tmp_path: Path) -> None:
    """With the place of the first byte that cannot be text."""
    (tmp_path / "a.md").write_bytes(data)
    with pytest.raises(BadValue, match=told):
        files.read("a.md", tmp_path / "a.md")


def test_an_empty_file_has_no_pieces(tmp_path: Path) -> None:
    """Nor has one of white space."""
    (tmp_path / "a.md").write_text(" \n\n", encoding="utf-8")
    assert files.read("a.md", tmp_path / "a.md").count == 0
