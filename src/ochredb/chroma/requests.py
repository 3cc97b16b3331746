"""What is asked, both ways: the bodies of requests -> values for the server, values -> bodies for the client.

`exact` is a body between our own client and server: it says what the engine is to be told to the letter. Any other is
Chroma's, and is held to Chroma's rules, as its client's own checks cannot be relied upon.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace

from ochredb.chroma import check, config, floats
from ochredb.chroma import schema as schemas
from ochredb.chroma.attributes import collection_metadata, metadata_value, record_metadatas
from ochredb.chroma.bodies import (
    AddBody,
    Block,
    CreateBody,
    DeleteBody,
    FunctionBody,
    GetBody,
    ModifyBody,
    Part,
    QueryBody,
    SchemaBody,
    UpdateBody,
    UpsertBody,
)
from ochredb.core.errors import BadBody, BadValue, InvalidArgumentError
from ochredb.core.model import (
    Change,
    CollectionInfo,
    Delete,
    Fields,
    Get,
    Metadata,
    Mode,
    NewCollection,
    Query,
    Records,
    Write,
)
from ochredb.core.where import INT64, Where, both, parse, parse_document, unparse

WRITE_BODIES: dict[Mode, type[AddBody | UpdateBody | UpsertBody]] = {
    "add": AddBody,
    "update": UpdateBody,
    "upsert": UpsertBody,
}
EVERYTHING: dict[str, Any] = {"$and": []}
NOT_THE_TYPE = "Failed to deserialize the JSON body into the target type: "


# Bodies to values


def new_collection(body: CreateBody, exact: bool) -> NewCollection:
    """Read what a collection is to be.

    Raises:
        BadBody: Settings of the index that are not known, or of the wrong kind.
        InvalidArgumentError: A name or metadata that cannot be, or settings for two kinds of index.
    """
    if exact:
        space, effort = body.space or "l2", 100 if body.effort is None else body.effort
        metadata = _exact_metadata(body.metadata)
        return NewCollection(body.name, space, effort, metadata, body.configuration or {}, body.schema)
    name = check.collection_name(body.name)
    metadata = collection_metadata(body.metadata)
    function = _function(body.configuration)
    settled = _settled(body.configuration, metadata, function)
    indexes = None if body.schema is None else schemas.stored(_of_type(body.schema, SchemaBody))
    if indexes is not None:
        settled = config.settle_schema(schemas.vector_config(indexes), settled, function)
    return NewCollection(name, settled.space, settled.effort, metadata, settled.json, indexes)


def change(body: ModifyBody, info: CollectionInfo, exact: bool) -> Change:
    """Read what is to be changed of a collection that is as `info` says.

    Raises:
        BadBody: Settings of the index that are not known, cannot be changed, or are of the wrong kind.
        InvalidArgumentError: A name or metadata that cannot be.
    """
    if exact:
        return Change(body.new_name, _exact_metadata(body.new_metadata), body.new_configuration, body.effort)
    settled = None if body.new_configuration is None else _changed(body.new_configuration, info)
    return Change(
        name=None if body.new_name is None else check.collection_name(body.new_name, "new_name"),
        metadata=collection_metadata(body.new_metadata, changing=True),
        configuration=None if settled is None else settled.json,
        effort=None if settled is None else settled.effort,
    )


def writes(mode: Mode, body: AddBody | UpdateBody | UpsertBody, exact: bool) -> list[Write]:
    """Read records to write: none if there are none, two writes if only some of them come with an embedding.

    Raises:
        BadBody: Embeddings of both forms, or none where there must be.
        InvalidArgumentError: Columns of several lengths, an id or a value that cannot be stored.
    """
    ids = body.ids
    _same_lengths(body)
    if not ids:
        return []
    if not exact:
        check.record_ids(ids, unique=False)
    check.refuse_empty_ids(ids)
    if exact:
        metadatas, uris = _exact_metadatas(body.metadatas), body.uris
    else:
        metadatas, links = record_metadatas(body.metadatas)
        uris = [links.get(row, uri) for row, uri in enumerate(body.uris or [None] * len(ids))] if links else body.uris
    records = Records(ids, None, body.documents, metadatas, uris)
    return [Write(mode, part) for part in _embedded(records, body.embeddings, mode, exact)]


def get(body: GetBody, exact: bool) -> Get:
    """Read which records are wanted."""
    return Get(
        ids=body.ids,
        where=_where(body.where, body.where_document),
        limit=check.bound(body.limit, "limit"),
        offset=check.bound(body.offset, "offset") or 0,
        fields=_fields(body.include, exact),
    )


def query(body: QueryBody, exact: bool) -> Query:
    """Read a query; one without a vector has embeddings (0, 0)."""
    vectors = floats.read(body.query_embeddings, "query_embeddings")
    where = _where(body.where, body.where_document)
    return Query(vectors, body.n_results, body.ids, where, _fields(body.include, exact))


def delete(body: DeleteBody, exact: bool) -> Delete:
    """Read which records are to go; a body that says nothing removes nothing.

    Raises:
        InvalidArgumentError: An empty list of ids without a filter, or a limit without one.
    """
    where = _where(body.where, body.where_document)
    limit = check.bound(body.limit, "limit")
    if where is None and not exact:
        if limit is not None:
            raise InvalidArgumentError(
                "Validation error: limit, where: limit can only be specified when a where clause is provided"
            )
        if body.ids == []:
            raise InvalidArgumentError("Validation error: ids, where: Either ids or where must be specified")
    ids = [] if body.ids is None and where is None else body.ids
    return Delete(ids, where, limit)


# Values to bodies


def create_body(new: NewCollection, exist_ok: bool, exact: bool) -> CreateBody:
    """Write what a collection is to be; a schema has the settings in it, and Chroma takes only one of the two."""
    if exact:
        return CreateBody(
            new.name, new.metadata, new.configuration, new.schema, exist_ok, space=new.space, effort=new.effort
        )
    if new.schema is not None:
        return CreateBody(new.name, new.metadata, None, new.schema, exist_ok)
    hnsw = {**new.configuration.get("hnsw", {}), "space": new.space, "ef_search": new.effort}
    return CreateBody(new.name, new.metadata, {**new.configuration, "hnsw": hnsw}, None, exist_ok)


def modify_body(change: Change, exact: bool) -> ModifyBody:
    """Write what is to be changed; Chroma is told only those settings that it lets change."""
    if exact:
        return ModifyBody(change.name, change.metadata, change.configuration, change.effort)
    if change.configuration is None and change.effort is None:
        return ModifyBody(change.name, change.metadata)
    given = change.configuration or {}
    hnsw = {key: value for key, value in given.get("hnsw", {}).items() if key in config.CHANGEABLE}
    if change.effort is not None:
        hnsw["ef_search"] = change.effort
    return ModifyBody(change.name, change.metadata, {**given, "hnsw": hnsw})


def write_body(write: Write, exact: bool) -> AddBody | UpdateBody | UpsertBody:
    """Write records; for Chroma embeddings are lists of numbers.

    Raises:
        InvalidArgumentError: An add or an upsert to Chroma without embeddings.
    """
    records = write.records
    if records.embeddings is None and write.mode != "update" and not exact:
        raise InvalidArgumentError(f"new records need embeddings: {write.mode} came without them")
    embeddings: Any = None
    if records.embeddings is not None:
        embeddings = floats.block(records.embeddings) if exact else records.embeddings.tolist()
    metadatas: Any = records.metadatas
    return WRITE_BODIES[write.mode](records.ids, embeddings, metadatas, records.documents, records.uris)


def get_body(get: Get) -> GetBody:
    """Write which records are wanted."""
    return GetBody(get.ids, _unparsed(get.where), None, get.limit, get.offset or None, _include(get.fields))


def query_body(query: Query, exact: bool) -> QueryBody:
    """Write a query."""
    vectors = floats.block(query.embeddings) if exact else query.embeddings.tolist()
    include: list[Part] = [*_include(query.fields), "distances"]
    k = min(query.k, INT64[-1])  # MessagePack has no larger number, and no collection so many records
    return QueryBody(vectors, query.ids, k, _unparsed(query.where), None, include)


def delete_body(delete: Delete) -> DeleteBody:
    """Write which records are to go; all of them are a filter that everything matches."""
    where = EVERYTHING if delete.ids is None and delete.where is None else _unparsed(delete.where)
    return DeleteBody(delete.ids, where, None, delete.limit)


# Steps


def _where(where: object, where_document: object) -> Where | None:
    return both(
        None if where is None else parse(where, wire=True),
        None if where_document is None else parse_document(where_document, wire=True),
    )


def _unparsed(where: Where | None) -> dict[str, Any] | None:
    return None if where is None else unparse(where)


def _fields(included: Sequence[Part], exact: bool) -> Fields:
    return frozenset(part for part in included if part != "distances") if exact else check.fields(included)


def _include(fields: Fields) -> list[Part]:
    return sorted(fields)


def _same_lengths(body: AddBody | UpdateBody | UpsertBody) -> None:
    columns = (body.metadatas, body.documents, body.uris)
    lengths = {len(body.ids), *(len(column) for column in columns if column is not None)}
    if len(lengths) > 1:
        raise _unequal()


def _unequal() -> InvalidArgumentError:
    return InvalidArgumentError("Inconsistent number of IDs, embeddings, documents, URIs and metadatas")


def _embedded(records: Records, embeddings: Any, mode: Mode, exact: bool) -> Iterator[Records]:
    """Give records with their embeddings; those that an update leaves theirs come first, apart."""
    if embeddings is None and mode != "update" and not exact:
        raise BadBody(
            f"{NOT_THE_TYPE}embeddings: data did not match any variant of untagged enum EmbeddingsPayload: "
            "expected one for every record, got null; the server embeds nothing"
        )
    if embeddings is None or isinstance(embeddings, Block):
        yield _joined(records, embeddings)
        return
    if len(embeddings) != len(records):
        raise _unequal()
    with_one = [row for row, embedding in enumerate(embeddings) if embedding is not None]
    given = _joined(records.take(with_one), [embeddings[row] for row in with_one])
    if len(with_one) < len(records):
        chosen = set(with_one)
        yield records.take([row for row in range(len(records)) if row not in chosen])
    if with_one:
        yield given


def _joined(records: Records, embeddings: Any) -> Records:
    vectors = None if embeddings is None else floats.read(embeddings)
    if vectors is not None and len(vectors) != len(records):
        raise _unequal()
    return replace(records, embeddings=vectors)


def _exact_metadatas(metadatas: Sequence[Metadata | None] | None) -> list[Metadata | None] | None:
    if metadatas is None:
        return None
    return [_exact_metadata(metadata, f"metadatas[{row}]") for row, metadata in enumerate(metadatas)]


def _exact_metadata(metadata: Metadata | None, path: str = "metadata") -> Metadata | None:
    if metadata is None:
        return None
    return {
        key: None if value is None else metadata_value(key, value, f"{path}[{key!r}]")
        for key, value in metadata.items()
    }


def _settled(configuration: dict[str, Any] | None, metadata: Metadata | None, function: Any) -> config.Settled:
    _refuse_two_indexes(configuration or {})
    with _settings_have_types():  # without metadata, whose faults are others
        config.settle(configuration, None, function, None)
    settled = config.settle(configuration, metadata, function, None)
    # A client that has no function says so; only in a process does silence stand for one of old.
    return settled._replace(json={**settled.json, "embedding_function": function})


def _changed(configuration: dict[str, Any], info: CollectionInfo) -> config.Settled:
    _refuse_two_indexes(configuration)
    function = _function(configuration)
    with _settings_have_types():
        return config.change(config.shown(info), configuration, function)


def _refuse_two_indexes(configuration: dict[str, Any]) -> None:
    if configuration.get("hnsw") is not None and configuration.get("spann") is not None:
        raise InvalidArgumentError("Multiple vector index configurations provided: hnsw and spann cannot both be given")


@contextmanager
def _settings_have_types() -> Iterator[None]:
    """Take a setting that there is not, or that cannot have its value, for a fault of the body's types, as Chroma."""
    try:
        yield
    except BadValue:
        raise
    except InvalidArgumentError as error:
        raise BadBody(f"{NOT_THE_TYPE}{error}") from error


def _function(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give the stored form of an embedding function that a configuration names."""
    found = (configuration or {}).get("embedding_function")
    return None if found is None else _of_type(found, FunctionBody)


def _of_type(given: Any, kind: Any) -> Any:
    """Give what was given, after a look at its types: what is unknown in it is kept, so no struct is made of it."""
    try:
        msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise BadBody(f"{NOT_THE_TYPE}{error}") from error
    return given
