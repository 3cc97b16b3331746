"""Chroma's tables of tenants, databases, collections and segments, of every release since 0.4."""

from collections.abc import Mapping

from msgspec import Struct

from ochredb.core.model import Labels, Metadata, Scope
from ochredb.transfer.chroma import configuration
from ochredb.transfer.chroma.database import Database
from ochredb.transfer.chroma.findings import Findings
from ochredb.transfer.chroma.hnsw import Shape
from ochredb.transfer.source import Description

_RELEASES = (
    ({"sysdb": 10, "metadb": 6}, "1.5"),
    ({"sysdb": 10}, "1.3 or 1.4"),
    ({"metadb": 5}, "1.0 to 1.2"),
    ({"sysdb": 9}, "0.5.6 to 0.6"),
    ({"sysdb": 5}, "0.5.0 to 0.5.5"),
    ({"sysdb": 4}, "0.4.15 to 0.4.24"),
    ({"sysdb": 1}, "0.4.0 to 0.4.14"),
)
"""Migrations of a folder, and the releases that begin with them; newest first."""

_DEFAULT = "00000000-0000-0000-0000-000000000000"
"""The id of the default database in every folder."""
_VALUES = ("str_value", "int_value", "float_value", "bool_value")


class Segments(Struct, frozen=True):
    """Where the records of a collection are.

    Args:
        metadata: The segment that records, documents and metadata are in; None if the catalogue has none.
        vector: The segment that its embeddings are indexed in, which is also the name of a folder; None likewise.
        shape: Of the embeddings in that folder.
    """

    metadata: str | None
    vector: str | None
    shape: Shape


def releases(db: Database) -> str:
    """Tell which releases of Chroma write such a folder."""
    done = set(db.table("migrations", "dir", "version"))
    return next((told for wanted, told in _RELEASES if done.issuperset(wanted.items())), "of an unknown release")


def read(
    db: Database, rows: Mapping[str, Labels], findings: Mapping[str, Findings]
) -> list[tuple[Description, Segments]]:
    """Give all collections in the order of tenant, database and name.

    Args:
        db: In a read transaction.
        rows: Of table `embeddings`, by metadata segment.
        findings: By the id of a collection; is told what is wrong with its description.
    """
    metadata = _metadata(db, "collection_metadata", "collection_id")
    segment_metadata = _metadata(db, "segment_metadata", "segment_id")
    segments = _segments(db)
    found = []
    for key, name, dimension, scope, config, schema in _collections(db):
        records, vector = segments.get((key, "METADATA")), segments.get((key, "VECTOR"))
        known = segment_metadata.get(vector or "")
        new = configuration.described(name, metadata.get(key), known, config, schema, findings[key])
        links = new.configuration["hnsw"]["max_neighbors"]
        described = Description(key, scope, new, dimension, len(rows.get(records or "", ())))
        found.append((described, Segments(records, vector, Shape(dimension, links, new.space == "cosine"))))
    return sorted(found, key=lambda one: (one[0].scope.tenant, one[0].scope.database, one[0].new.name))


def _collections(db: Database) -> list[tuple[str, str, int | None, Scope, str | None, str | None]]:
    """Give id, name, dimension, scope, configuration and schema of all collections."""
    rows = db.table("databases", "id", "name", "tenant_id")
    databases = {key: Scope(tenant, name) for key, name, tenant in rows if isinstance(tenant, str) and name}
    found = []
    columns = ("id", "name", "dimension", "database_id", "config_json_str", "schema_str")
    for key, name, dimension, database, config, schema in db.table("collections", *columns):
        if not isinstance(key, str):
            continue
        # Before 0.4.15 there were none; later, one that is lost must not be mixed with another.
        scope = Scope() if database in (None, _DEFAULT) else Scope(database=f"recovered-{database}")
        name = name if isinstance(name, str) and name else f"recovered-{key}"
        dimension = dimension if isinstance(dimension, int) and dimension > 0 else None
        found.append((key, name, dimension, databases.get(database, scope), config, schema))
    return found


def _segments(db: Database) -> dict[tuple[str, str], str]:
    """Give the segment of a collection and a scope."""
    rows = db.table("segments", "collection", "scope", "id")
    return {(collection, scope): segment for collection, scope, segment in rows}


def _metadata(db: Database, table: str, owner: str) -> dict[str, Metadata]:
    found: dict[str, Metadata] = {}
    for one, key, *others, flag in db.table(table, owner, "key", *_VALUES):
        value = next((value for value in others if value is not None), None if flag is None else bool(flag))
        if value is not None:
            found.setdefault(one, {})[key] = value
    return found
