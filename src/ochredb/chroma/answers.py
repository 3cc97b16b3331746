"""What is answered, both ways: values -> the bodies of answers for the server, bodies -> values for the client.

`exact` is an answer of our own server to our own client: it has what the engine gave, to the letter.
"""

from typing import Any

import numpy as np
from msgspec import UNSET

from ochredb.chroma import config, floats, shape
from ochredb.chroma.bodies import CollectionBody, DatabaseBody, Deleted, Found, Nearest, Part, Vectors
from ochredb.chroma.schema import described
from ochredb.core.model import CollectionInfo, Database, Delete, Fields, Floats, Hits, Records, Scope

# Values to bodies


def collection_body(info: CollectionInfo, exact: bool) -> CollectionBody:
    """Write what a collection is; Chroma's clients look for every setting of it."""
    configuration = info.configuration if exact else config.shown(info)
    return CollectionBody(
        id=info.id,
        name=info.name,
        configuration_json=configuration,
        schema=info.schema if exact else _described(configuration, info.schema),
        metadata=info.metadata,
        dimension=info.dimension,
        tenant=info.scope.tenant,
        database=info.scope.database,
        space=info.space if exact else UNSET,
        effort=info.effort if exact else UNSET,
    )


def database_body(database: Database) -> DatabaseBody:
    """Write what a database is."""
    return DatabaseBody(database.id, database.name, database.tenant)


def found(records: Records, include: list[Part], exact: bool) -> Found:
    """Write records."""
    metadatas: Any = _metadatas(records, exact) if "metadatas" in include else None
    return Found(
        ids=records.ids,
        embeddings=_vectors(records, exact) if "embeddings" in include else None,
        documents=records.documents if "documents" in include else None,
        uris=records.uris if "uris" in include else None,
        metadatas=metadatas,
        include=include,
    )


def nearest(hits: Hits, include: list[Part], exact: bool) -> Nearest:
    """Write the hits of each query; a column of which nothing was found is a list of empty lists."""
    each = [found(records, include, exact) for records in hits.records]
    distances: Any = hits.distances if "distances" in include else None
    return Nearest(
        ids=[one.ids for one in each],
        embeddings=[one.embeddings or [] for one in each] if "embeddings" in include else None,
        documents=[one.documents or [] for one in each] if "documents" in include else None,
        uris=[one.uris or [] for one in each] if "uris" in include else None,
        metadatas=[one.metadatas or [] for one in each] if "metadatas" in include else None,
        distances=distances,
        include=include,
    )


def deleted(removed: int, delete: Delete, exact: bool) -> Deleted:
    """Write how many records are gone: as Chroma counts them, known or not, where only ids were named."""
    named = delete.ids is not None and delete.where is None and not exact
    return Deleted(len(delete.ids) if named and delete.ids is not None else removed)


# Bodies to values


def info(body: CollectionBody) -> CollectionInfo:
    """Read what a collection is; where the server does not say what its configuration comes to, that is read."""
    told = {} if isinstance(body.space, str) else _settings(body.configuration_json)
    return CollectionInfo(
        id=body.id,
        name=body.name,
        space=told["space"] if body.space is UNSET else body.space,
        effort=told["ef_search"] if body.effort is UNSET else body.effort,
        metadata=body.metadata,
        configuration=body.configuration_json,
        schema=body.schema,
        scope=Scope(body.tenant, body.database),
        dimension=body.dimension,
    )


def database(body: DatabaseBody) -> Database:
    """Read what a database is."""
    return Database(body.id, body.name, body.tenant)


def records(body: Found, fields: Fields) -> Records:
    """Read records with the fields that were asked for; `{}`, which is how Chroma writes no metadata, is None."""
    return Records(
        ids=body.ids,
        embeddings=_embeddings(body.embeddings) if "embeddings" in fields else None,
        documents=body.documents if "documents" in fields else None,
        metadatas=[metadata or None for metadata in body.metadatas or []] if "metadatas" in fields else None,
        uris=body.uris if "uris" in fields else None,
    )


def hits(body: Nearest, fields: Fields) -> Hits:
    """Read the hits of each query; a distance of null is infinity."""
    nothing: list[None] = [None] * len(body.ids)
    each = zip(
        body.ids,
        body.embeddings or nothing,
        body.documents or nothing,
        body.uris or nothing,
        body.metadatas or nothing,
        strict=True,
    )
    distances = [[np.inf if one is None else one for one in row] for row in body.distances or []]
    return Hits([records(Found(*columns), fields) for columns in each], distances)


# Steps


def _settings(configuration: dict[str, Any]) -> dict[str, Any]:
    return {**config.HNSW, **(configuration.get("spann") or {}), **(configuration.get("hnsw") or {})}


def _described(configuration: dict[str, Any], schema: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        return described(configuration, schema)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # engines keep any JSON, so it may be no schema; Chroma's clients take null


def _metadatas(records: Records, exact: bool) -> list[Any]:
    return records.metadatas or [] if exact else shape.metadatas(records)


def _vectors(records: Records, exact: bool) -> Vectors:
    if records.embeddings is None or not len(records):
        return []
    return floats.block(records.embeddings) if exact else floats.numbers(records.embeddings)


def _embeddings(given: Vectors | None) -> Floats:
    return np.empty((0, 0), np.float32) if given is None else floats.read(given)
