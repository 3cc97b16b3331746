"""sqlite-vec: exact search in an SQLite extension; documents and metadata in a table beside it."""

from pathlib import Path
from typing import Any, ClassVar

from bench.peers import EVERYTHING
from bench.peers.terms import sql

DIMENSION = 384
FIELDS = ("source", "path", "chunk", "year", "status")
_VECTORS = f"""
CREATE VIRTUAL TABLE vectors USING vec0(
    embedding float[{DIMENSION}] distance_metric=cosine, source text, chunk integer, year integer, status text
)
"""
_ROWS = """
CREATE TABLE rows (
    row INTEGER PRIMARY KEY, id TEXT UNIQUE, document TEXT, source TEXT, path TEXT, chunk INT, year INT, status TEXT
)
"""


class Peer:
    """One connection, WAL, every call durable."""

    module: ClassVar[str] = "sqlite_vec"
    distribution: ClassVar[str] = "sqlite-vec"
    needs: ClassVar[tuple[str, ...]] = ("sqlite-vec==0.1.9", "numpy==2.4.6", "apsw==3.54.1.0")
    questions: ClassVar[frozenset[str]] = EVERYTHING - {"busy"}  # one connection is of one thread
    contains: ClassVar[bool] = False

    def __init__(self, path: str) -> None:
        import apsw
        import sqlite_vec

        Path(path).mkdir(exist_ok=True)
        self.db = apsw.Connection(str(Path(path) / "vec.sqlite3"))
        self.db.enable_load_extension(True)
        self.db.load_extension(sqlite_vec.loadable_path())
        self.db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").fetchall()

    def create(self) -> "Collection":
        """Make the tables."""
        self.db.execute(_VECTORS)
        self.db.execute(_ROWS)
        return Collection(self.db)

    def collection(self) -> "Collection":
        """Give the tables that were made."""
        return Collection(self.db)

    def settle(self) -> None:
        """Return at once: there is no index."""

    def close(self) -> None:
        """Give every file back."""
        self.db.close()


class Collection:
    """Chroma's calls as SQL."""

    def __init__(self, db: Any) -> None:
        self.db = db

    def add(self, *, ids: list[str], embeddings: Any, documents: list[str], metadatas: list[dict[str, Any]]) -> None:
        """Insert into both tables."""
        with self.db:
            start = self.db.execute("SELECT coalesce(max(row), 0) + 1 FROM rows").get
            columns = list(zip(range(start, start + len(ids)), ids, documents, metadatas, embeddings, strict=True))
            self.db.executemany(
                "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(row, id_, text, *(fields[name] for name in FIELDS)) for row, id_, text, fields, _ in columns],
            )
            self.db.executemany(
                "INSERT INTO vectors (rowid, embedding, source, chunk, year, status) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (row, vector.tobytes(), fields["source"], fields["chunk"], fields["year"], fields["status"])
                    for row, _, _, fields, vector in columns
                ],
            )

    def upsert(self, **columns: Any) -> None:
        """Replace rows."""
        with self.db:
            self.delete(ids=columns["ids"])
            self.add(**columns)

    def update(self, *, ids: list[str], metadatas: list[dict[str, Any]]) -> None:
        """Change the status, the one field of the change that there is a column for."""
        with self.db:
            changed = [(fields["status"], id_) for id_, fields in zip(ids, metadatas, strict=True)]
            self.db.executemany("UPDATE rows SET status = ? WHERE id = ?", changed)
            self.db.executemany(
                "UPDATE vectors SET status = ? WHERE rowid = (SELECT row FROM rows WHERE id = ?)", changed
            )

    def delete(self, *, ids: list[str]) -> None:
        """Remove from both tables."""
        with self.db:
            keys = [(id_,) for id_ in ids]
            self.db.executemany("DELETE FROM vectors WHERE rowid = (SELECT row FROM rows WHERE id = ?)", keys)
            self.db.executemany("DELETE FROM rows WHERE id = ?", keys)

    def count(self) -> int:
        """Count the rows."""
        count: int = self.db.execute("SELECT count(*) FROM rows").get
        return count

    def get(
        self,
        *,
        ids: list[str] | None = None,
        where: dict[str, Any] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Select rows."""
        with_vectors = "embeddings" in (include or ())
        source = "rows JOIN vectors ON vectors.rowid = rows.row" if with_vectors else "rows"
        chosen = f"id IN ({', '.join('?' * len(ids))})" if ids else sql(where) or "1"
        found = self.db.execute(
            f"SELECT rows.*{', embedding' if with_vectors else ''} FROM {source} WHERE {chosen} "
            f"LIMIT {-1 if limit is None else limit} OFFSET {offset or 0}",
            ids or (),
        ).fetchall()
        return _columns(found)

    def query(self, *, query_embeddings: Any, n_results: int, where: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask one query after the other."""
        chosen = f" AND {sql(where)}" if where else ""
        found = [
            self.db.execute(
                "SELECT rows.*, distance FROM (SELECT rowid, distance FROM vectors WHERE embedding MATCH ? AND k = ?"
                f"{chosen}) v JOIN rows ON rows.row = v.rowid ORDER BY distance",
                (query.tobytes(), n_results),
            ).fetchall()
            for query in query_embeddings
        ]
        parts = [_columns(rows) for rows in found]
        return {"ids": [part["ids"] for part in parts], "rows": parts}


def _columns(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "ids": [row[1] for row in rows],
        "documents": [row[2] for row in rows],
        "metadatas": [dict(zip(FIELDS, row[3:8], strict=True)) for row in rows],
    }
