"""Searching documents through an index of trigrams, against looking at every one."""

import errno
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from ochredb.core.engine import Engine
from ochredb.core.errors import InvalidArgumentError
from ochredb.core.model import NO_FIELDS, Delete, Get, Query, Records, Write
from ochredb.core.pattern import compile_pattern
from ochredb.core.where import And, Contains, Not, Or, Regex, Where, matches, parse
from ochredb.local.engine import LocalEngine
from ochredb.testing.contract.stage import make, vectors

PARTS = (
    "the", "quick", "Quick", "fox", "ox", '"', "''", '"""', "%", "_", "*", "a*b", "OR", "AND NOT", "NEAR(", "\x00",
    "\n", "\r\n", " ", "\t", "é", "e\u0301", "ÄPFEL", "Äpfel", "東京", "東京都", "🦆", "🏴\u200d☠", "٣", "\u017f",
    "İ", "(", ")", "^", "$", "\ufffd", "\\", "-", "--", ";", "#document", "ab", "aab", "aaa",
)  # fmt: skip
ROWS = 600
QUERY = vectors([1, 0])


def drawn(random: Random) -> str | None:
    return None if random.random() < 0.1 else "".join(random.choices(PARTS, k=random.randrange(7)))


class Library:
    """A collection of documents, and the same in a dictionary."""

    def __init__(self, engine: LocalEngine, random: Random) -> None:
        self.engine, self.random = engine, random
        self.collection = make(engine)
        self.documents: dict[str, str | None] = {}

    def put(self, ids: list[str]) -> None:
        """Write new documents under ids, None where there is to be none."""
        texts = [drawn(self.random) for _ in ids]
        embeddings = np.ones((len(ids), 2), np.float32)
        self.engine.write(self.collection, Write("upsert", Records(ids, embeddings, texts)))
        for id_, text in zip(ids, texts, strict=True):
            self.documents[id_] = self.documents.get(id_) if text is None else text

    def drop(self, ids: list[str]) -> None:
        """Remove records."""
        self.engine.delete(self.collection, Delete(ids=ids))
        self.documents = {id_: text for id_, text in self.documents.items() if id_ not in ids}

    def index(self) -> None:
        """Ask for a text, so that an index is due, and have it made."""
        self.engine.query(self.collection, Query(QUERY, 1, where=Contains(f"wanted {self.random.random()}")))
        self.engine.settle()

    @property
    def indexed(self) -> bool:
        """Whether searches go through an index."""
        return self.engine._collections[self.collection].text.index is not None

    def check(self, where: Where) -> None:
        """Assert that a filter finds what looking at all documents finds."""
        found = self.engine.get(self.collection, Get(where=where, fields=NO_FIELDS)).ids
        assert found == [id_ for id_, text in self.documents.items() if matches(where, None, text)], where

    def substring(self) -> str:
        """Give a part of some document, or of none."""
        text = self.random.choice([text for text in self.documents.values() if text] + ["nowhere to be seen"])
        start = self.random.randrange(len(text))
        return text[start : start + self.random.randrange(1, 12)]


@pytest.fixture(params=["memory", "folder"])
def library(request: pytest.FixtureRequest, tmp_path: Path, small: None) -> Iterator[Library]:  # noqa: ARG001 # its effect is wanted
    """Give 600 documents with an index of trigrams."""
    engine = LocalEngine(None if request.param == "memory" else tmp_path)
    library = Library(engine, Random(1))
    library.put([str(n) for n in range(ROWS)])
    library.index()
    assert library.indexed
    yield library
    engine.close()


def test_substrings(library: Library) -> None:
    """Any part of any document finds the documents that have it, whatever its signs mean elsewhere."""
    for part in (*PARTS, *(one + other for one in PARTS for other in PARTS[:12])):
        library.check(Contains(part))
    for _ in range(150):
        library.check(Contains(library.substring()))


def test_changes_are_seen(library: Library) -> None:
    """Documents that changed, came or went since the index was made are found as they are now, in any mixture."""
    for round_ in range(8):
        names = list(library.documents)
        library.put(library.random.sample(names, 20))
        library.put([f"new {round_} {n}" for n in range(15)])
        library.drop(library.random.sample(names, 10))
        for _ in range(15):
            text = library.substring()
            library.check(Contains(text))
            library.check(Not(Contains(text)))
            library.check(And((Contains(text), Not(Contains(library.substring())))))
            library.check(Or((Contains(text), Contains(library.substring()))))
        if round_ == 4:
            library.index()


PATTERNS = (
    "quick", "quick.*fox", r"quick\d?", "(?i)QUICK", "quick|fox", "quickx*", "quickx?", "quick{1}", "quick{0,2}",
    "^the", "fox$", r"a\*b", r"\x00", r"\x71uick", r"\bquick\b", "[q]uick", "(quick)+fox", "(quick)?fox", "quic+k",
    "AND NOT", r"東京.", r"\p{Han}+", "(?s)the.*fox", "(?:the)fox", "🦆+", r"\Qa*b\E", "NEAR\\(", "aab+",
    "(?m)^quick$", "İ", "", ".", "(the|fox)quick", "thequick(fox|ox)", r"quick\\", "a{3}", "aa?a",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(library: Library, pattern: str) -> None:
    """A regular expression finds through the index what it finds in each document."""
    search = compile_pattern(pattern).search
    found = library.engine.get(library.collection, Get(where=Regex(pattern), fields=NO_FIELDS)).ids
    assert found == [id_ for id_, text in library.documents.items() if text is not None and search(text) is not None]


def test_a_filtered_query_finds_its_documents(library: Library) -> None:
    """A query looks among the documents that a text is in, and at nothing else."""
    texts = [text for text in library.documents.values() if text is not None and "quick" in text]
    hits = library.engine.query(library.collection, Query(QUERY, ROWS, where=Contains("quick")))
    assert len(hits.records[0]) == len(texts)
    assert all("quick" in (text or "") for text in hits.records[0].documents or [])


def test_a_long_text_is_found(library: Library) -> None:
    """A text of thousands of characters, and one of the same trigrams in another order."""
    long = "".join(Random(3).choices(PARTS, k=3000))
    library.engine.write(library.collection, Write("upsert", Records(["long"], vectors([1, 1]), [long])))
    library.documents["long"] = long
    library.index()
    for text in (long, long[5:], long[:-1] + "?", "abcabcabc" * 500):
        library.check(Contains(text))


def test_an_index_is_not_made_again_without_need(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Where few of the records have a document, an index of them serves for more than one search."""
    del small
    from ochredb.local.text import TextIndex

    engine = LocalEngine(tmp_path)
    collection = make(engine)
    texts: list[str | None] = [f"text {n}" if n % 5 == 0 else None for n in range(ROWS)]
    engine.write(
        collection, Write("add", Records([str(n) for n in range(ROWS)], np.ones((ROWS, 2), np.float32), texts))
    )
    built, build = list[int](), TextIndex.build
    monkeypatch.setattr(
        TextIndex, "build", staticmethod(lambda path, seq, *rest: built.append(seq) or build(path, seq, *rest))
    )
    for n in range(5):
        hits = engine.query(collection, Query(QUERY, 1000, where=Contains(f"text {n}")))
        assert len(hits.records[0]) == sum(text is not None and f"text {n}" in text for text in texts)
        engine.settle()
    assert len(built) == 1
    engine.close()


def test_an_index_that_cannot_be_written_leaves_no_file(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A disk that is full while a text index is being made: a scan answers, and nothing is left of the index."""
    del small
    from ochredb.local import snapshot

    engine = LocalEngine(tmp_path)
    library = Library(engine, Random(5))
    library.put([str(n) for n in range(ROWS)])

    def full(folder: Path, name: str, *rest: Any) -> Any:
        if name == "text":
            assert (folder / "text.building").exists()
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(folder, name, *rest)

    write = snapshot.write
    monkeypatch.setattr(snapshot, "write", full)
    library.check(Contains("quick"))
    engine.settle()
    library.check(Contains("quick"))
    engine.close()
    assert not list(tmp_path.glob("*/text.*"))


def test_bad_patterns_are_refused(library: Library) -> None:
    """What is no regular expression is refused, and the collection goes on."""
    with pytest.raises(InvalidArgumentError, match=r"^Regex syntax errror"):
        library.engine.get(library.collection, Get(where=Regex("(")))
    library.check(Contains("quick"))


def test_an_index_is_found_again(tmp_path: Path, small: None) -> None:
    """The next process uses the index that is on disk, also for what has changed since."""
    del small
    first = LocalEngine(tmp_path)
    library = Library(first, Random(2))
    library.put([str(n) for n in range(ROWS)])
    library.index()
    library.put([str(n) for n in range(0, 60, 3)])
    library.put(["late"])
    first.close()
    library.engine = LocalEngine(tmp_path)
    library.check(Contains("quick"))
    assert library.indexed
    for _ in range(40):
        library.check(Contains(library.substring()))
    library.engine.close()


def test_text_and_metadata_together(library: Library) -> None:
    """A text is looked for among the records that a condition on metadata keeps."""
    engine: Engine = library.engine
    ids = list(library.documents)[::2]
    engine.write(library.collection, Write("update", Records(ids, metadatas=[{"even": True}] * len(ids))))
    where = And((Contains("quick"), parse({"even": True})))
    found = engine.get(library.collection, Get(where=where, fields=NO_FIELDS)).ids
    assert found == [id_ for id_ in ids if "quick" in (library.documents[id_] or "")]
