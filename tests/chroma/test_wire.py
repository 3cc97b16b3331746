"""The wire without a network: what one side writes the other reads, and nothing that comes can be more than refused."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from ochredb.chroma import answers, floats, requests, wire
from ochredb.chroma.bodies import (
    AddBody,
    Block,
    CollectionBody,
    CreateBody,
    DeleteBody,
    Found,
    GetBody,
    ModifyBody,
    Nearest,
    QueryBody,
    UpdateBody,
    UpsertBody,
)
from ochredb.chroma.operations import OPERATIONS, find, methods
from ochredb.core.errors import BadBody, BadMediaType, InvalidArgumentError, NotSupported, OchreError, ServiceError
from ochredb.core.model import (
    ALL_FIELDS,
    Change,
    CollectionInfo,
    Database,
    Delete,
    Fields,
    Get,
    Hits,
    Mode,
    NewCollection,
    Query,
    Records,
    Scope,
)
from ochredb.testing import strategies
from ochredb.testing.compare import same_error, same_info, same_records, typed

MODES: tuple[Mode, ...] = ("add", "update", "upsert")
MEDIA = {True: wire.RECORDS, False: wire.JSON}
SCOPE = Scope("tenant", "database")
INFO = CollectionInfo(
    name="name", space="cosine", effort=50, configuration={"hnsw": {"space": "cosine"}}, id="id", scope=SCOPE
)


def over(body: Any, exact: bool, kind: Any = None) -> Any:
    """Give a body as it arrives."""
    media = MEDIA[exact]
    return wire.decode(wire.encode(body, media), kind or type(body), media)


def legal(records: Records) -> bool:
    """Tell whether Chroma's rules let records pass as they are: some characters of ids and keys are not in them."""
    keys = [key for metadata in records.metadatas or [] for key in metadata or ()]
    return not any("\0" in text for text in (*records.ids, *keys)) and {} not in (records.metadatas or [])


@given(st.data(), st.sampled_from(MODES), st.booleans())
def test_a_write_arrives(data: st.DataObject, mode: Mode, exact: bool) -> None:
    """A write is read as it was written, to the letter, by Chroma's rules or our own."""
    write = data.draw(strategies.writes(mode))
    assume(write.records.embeddings is not None or mode == "update")
    assume(exact or legal(write.records))
    (found,) = requests.writes(mode, over(requests.write_body(write, exact), exact), exact)
    assert found.mode == mode
    same_records(found.records, write.records)


@given(strategies.gets())
def test_a_get_arrives(get: Get) -> None:
    """A get is read as it was written."""
    found = requests.get(over(requests.get_body(get), True), True)
    assert found.fields == get.fields
    assert repr(replace(found, fields=ALL_FIELDS)) == repr(replace(get, fields=ALL_FIELDS))


@given(strategies.queries(), st.booleans())
def test_a_query_arrives(query: Query, exact: bool) -> None:
    """A query is read as it was written; by Chroma's rules URIs come along with metadata."""
    found = requests.query(over(requests.query_body(query, exact), exact), exact)
    np.testing.assert_array_equal(found.embeddings, query.embeddings)
    assert repr((found.k, found.ids, found.where)) == repr((query.k, query.ids, query.where))
    assert found.fields == query.fields | ({"uris"} if "metadatas" in query.fields and not exact else set())


@given(strategies.deletes())
def test_a_delete_arrives(delete: Delete) -> None:
    """A delete is read as it was written."""
    assert repr(requests.delete(over(requests.delete_body(delete), True), True)) == repr(delete)


def test_a_delete_of_everything_arrives() -> None:
    """A delete without ids or filter is a filter that everything matches: an empty body removes nothing."""
    found = requests.delete(over(requests.delete_body(Delete()), False), False)
    assert found.where is not None
    assert found.ids is None
    assert requests.delete(DeleteBody(), False) == Delete(ids=[])


@given(st.text(), st.sampled_from(["l2", "ip", "cosine"]), st.integers(1, 500), strategies.metadatas(sparse=False))
def test_a_new_collection_arrives(name: str, space: Any, effort: int, metadata: Any) -> None:
    """Between our own, a collection is made of exactly what the engine was to be told."""
    plain = {key: value for key, value in (metadata or {}).items() if not isinstance(value, list)}
    new = NewCollection(name, space, effort, plain or None, {"x": [1]}, {"s": 1})
    assert typed(repr(requests.new_collection(over(requests.create_body(new, True, True), True), True))) == typed(
        repr(new)
    )


@given(strategies.changes(st.text()))
def test_a_change_arrives(change: Change) -> None:
    """Between our own, a change is what the engine was to be told."""
    assert repr(requests.change(over(requests.modify_body(change, True), True), INFO, True)) == repr(change)


def test_a_change_for_chroma_has_what_chroma_lets_change() -> None:
    """A configuration as a whole is cut to the settings that its server takes in a change."""
    hnsw = {"space": "l2", "ef_construction": 100, "ef_search": 7, "max_neighbors": 16}
    body = requests.modify_body(Change(configuration={"hnsw": hnsw, "spann": None}, effort=7), False)
    assert body.new_configuration == {"hnsw": {"ef_search": 7, "max_neighbors": 16}, "spann": None}


@given(strategies.records(), strategies.fields(), st.booleans())
def test_records_come_back(records: Records, fields: Fields, exact: bool) -> None:
    """Records are read as they were written, but for {}, which is how Chroma writes no metadata beside a URI."""
    given = Records(records.ids, **{name: getattr(records, name) for name in fields})
    include: Any = sorted(fields)
    body = over(answers.found(given, include, exact), exact, Found)
    assert body.include == include
    same_records(answers.records(body, fields), given)


@given(st.lists(strategies.records(min_size=0), max_size=3), strategies.fields(), st.booleans())
def test_hits_come_back(each: list[Records], fields: Fields, exact: bool) -> None:
    """Hits are read as they were written, none at all and infinite distances included."""
    given = [Records(one.ids, **{name: getattr(one, name) for name in fields}) for one in each]
    hits = Hits(given, [[float(row) if row else np.inf for row in range(len(one))] for one in given])
    body = over(answers.nearest(hits, [*sorted(fields), "distances"], exact), exact, Nearest)
    found = answers.hits(body, fields)
    assert found.distances == hits.distances
    for one, wanted in zip(found.records, hits.records, strict=True):
        same_records(one, wanted)


@pytest.mark.parametrize("exact", [True, False])
def test_collections_and_databases_come_back(exact: bool) -> None:
    """What they are is read as it was written; to Chroma's clients the schema is shown as a whole."""
    info = CollectionInfo(
        name="n", space="ip", effort=7, metadata={"i": 1, "f": 1.0}, id="x", scope=SCOPE, dimension=3,
        configuration={"hnsw": {"space": "ip", "ef_search": 7}},
    )  # fmt: skip
    body = over(answers.collection_body(info, exact), exact, CollectionBody)
    assert (body.schema is None) is exact
    found = answers.info(body)
    if exact:
        same_info(found, info)
    assert (found.space, found.effort, found.metadata, found.scope) == ("ip", 7, info.metadata, SCOPE)
    database = Database("id", "name", "tenant")
    assert answers.database(over(answers.database_body(database), exact)) == database


def test_a_collection_of_strange_json_is_still_shown() -> None:
    """An engine keeps any JSON as configuration; who cannot read it is told what can be told."""
    strange = CollectionInfo(
        name="n", configuration={"hnsw": 5, "embedding_function": 5}, schema={"defaults": 5}, id="x", scope=SCOPE
    )
    body = answers.collection_body(strange, False)
    assert (body.schema, body.configuration_json["embedding_function"]) == (None, None)
    assert body.configuration_json["hnsw"]["space"] == "l2"


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_the_same_floats(row: list[float]) -> None:
    """Decimals of an embedding are the same float32s, and those of usual size the shortest that there are."""
    embeddings = np.array([row], np.float32)
    (found,) = floats.numbers(embeddings)
    np.testing.assert_array_equal(np.array([found], np.float32), embeddings)
    usual = [(one, told) for one, told in zip(embeddings[0], found, strict=True) if 1e-9 < abs(one) < 1e9]
    assert [len(repr(told)) for _, told in usual] <= [len(repr(float(str(one)))) for one, _ in usual]


@given(st.lists(st.lists(st.floats(width=32), min_size=2, max_size=2), min_size=1))
def test_embeddings_that_are_not_finite_are_refused(rows: list[list[float]]) -> None:
    """In a block, in base64 and in lists, NaN and infinity are no numbers to be stored."""
    embeddings = np.array(rows, np.float32)
    forms: list[Any] = [Block(2, embeddings.tobytes()), embeddings.tolist()]
    for form in forms:
        if np.isfinite(embeddings).all():
            np.testing.assert_array_equal(floats.read(form), embeddings)
        else:
            with pytest.raises(InvalidArgumentError):
                floats.read(form)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@given(st.data())
def test_urls_are_found(operation: Any, data: st.DataObject) -> None:
    """The URL that a client asks is the operation that the server finds, whatever a name is made of."""
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    values = {
        name: data.draw(strategies.text().filter(lambda text: text not in ("", "by-id", "attach"))) for name in names
    }
    found = find(operation.method, operation.url(**values))
    assert found is not None
    assert (found.operation, found.values) == (operation, values)
    assert operation.method in methods(operation.url(**values))


def test_operations_are_told_apart() -> None:
    """No two have one name, or one method and path."""
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)


NOT_OF_A_SERVER = {ServiceError}  # a server embeds nothing


def kinds(kind: type[OchreError]) -> list[type[OchreError]]:
    """Give a class of errors and all below it."""
    return [kind, *(one for child in kind.__subclasses__() for one in kinds(child))]


# Those of the vocabulary, in an order of its own: processes that share the tests have to agree on both.
EVERY = sorted(
    (kind for kind in set(kinds(OchreError)) - NOT_OF_A_SERVER if kind.__module__ == OchreError.__module__),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_errors_come_back(kind: type[OchreError]) -> None:
    """An error arrives as its class, or as the base that Chroma has a name for."""
    error = kind("text")
    arrived = wire.raised(error.status, wire.encode(wire.failure(error)), wire.JSON, "trace")
    same_error(arrived, error)
    assert arrived.trace_id == "trace"


@pytest.mark.parametrize("status", [400, 404, 409, 418, 500, 502, 503])
def test_answers_of_others_are_errors_too(status: int) -> None:
    """A proxy on the way writes what it likes; it is told to the caller."""
    error = wire.raised(status, b"<html>Bad Gateway</html>", "text/html")
    assert "Bad Gateway" in str(error)
    assert wire.raised(status, b"", "").args[0]


def test_content_types() -> None:
    """JSON and our own are read, with or without parameters; an answer is ours only for who names it."""
    assert wire.media_type(None) == wire.JSON
    assert wire.media_type("application/json; charset=utf-8") == wire.JSON
    assert wire.media_type(wire.RECORDS.upper()) == wire.RECORDS
    for other in ("", "text/plain", "application/octet-stream", "application/jsonx"):
        with pytest.raises(BadMediaType):
            wire.media_type(other)
    assert wire.accepted(f"{wire.JSON}, {wire.RECORDS}") == wire.RECORDS
    assert wire.accepted("*/*") == wire.accepted(None) == wire.JSON


ASKED = [AddBody, UpdateBody, UpsertBody, GetBody, QueryBody, DeleteBody, CreateBody, ModifyBody]


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.__name__)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused(kind: Any, data: bytes, exact: bool) -> None:
    """Bytes that are no body are the sender's mistake, and no other error."""
    with suppress(BadBody, InvalidArgumentError):
        wire.decode(data, kind, MEDIA[exact])


NAMES = st.sampled_from(
    ("ids", "embeddings", "metadatas", "documents", "uris", "where", "where_document", "limit", "offset", "include",
     "query_embeddings", "n_results", "name", "metadata", "configuration", "schema", "new_name", "new_metadata",
     "new_configuration", "hnsw", "spann", "space", "ef_search", "embedding_function", "defaults", "keys", "$and",
     "$eq", "$in", "$regex", "#document", "#embedding", "float_list", "vector_index", "config", "#type", "indices",
     "values", "type")
)  # fmt: skip
INTEGERS = st.integers(-(2**63), 2**64 - 1)  # MessagePack has no others
LEAVES = st.one_of(st.none(), st.booleans(), INTEGERS, st.floats(), st.text(max_size=3), NAMES)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


def carry_out(body: Any, exact: bool) -> None:
    """Read a body of any kind as the server does."""
    match body:
        case AddBody():
            requests.writes("add", body, exact)
        case UpdateBody():
            requests.writes("update", body, exact)
        case UpsertBody():
            requests.writes("upsert", body, exact)
        case GetBody():
            requests.get(body, exact)
        case QueryBody():
            requests.query(body, exact)
        case DeleteBody():
            requests.delete(body, exact)
        case CreateBody():
            requests.new_collection(body, exact)
        case ModifyBody():
            requests.change(body, INFO, exact)


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.__name__)
@given(st.dictionaries(NAMES, ANYTHING, max_size=6), st.booleans())
def test_any_fields_are_read_or_refused(kind: Any, fields: dict[str, Any], exact: bool) -> None:
    """Whatever stands in a field, the sender is at fault or the body is good; the server never is."""
    known = {name: value for name, value in fields.items() if name in kind.__struct_fields__}
    usual: dict[str, Any] = {"ids": ["a"], "embeddings": [[1.0]], "query_embeddings": [[1.0]], "name": "abc"}
    data = {name: value for name, value in usual.items() if name in kind.__struct_fields__} | known
    with suppress(BadBody, InvalidArgumentError, NotSupported):
        carry_out(wire.decode(wire.encode(data, MEDIA[exact]), kind, MEDIA[exact]), exact)


@pytest.mark.parametrize("number", [2**63, 2**64, 10**30, 10**400])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (GetBody, '{"limit":%d}'),
        (GetBody, '{"where":{"k":%d}}'),
        (QueryBody, '{"query_embeddings":[[1]],"n_results":%d}'),
        (QueryBody, '{"query_embeddings":[[%d]]}'),
        (AddBody, '{"ids":["a"],"embeddings":[[1]],"metadatas":[{"k":%d}]}'),
        (AddBody, '{"ids":["a"],"embeddings":[[1]],"metadatas":[{"k":[%d]}]}'),
        (CreateBody, '{"name":"abc","metadata":{"k":%d}}'),
        (CreateBody, '{"name":"abc","configuration":{"hnsw":{"resize_factor":%d}}}'),
    ],
)
def test_large_numbers_are_read_or_refused(kind: Any, text: str, number: int) -> None:
    """JSON has numbers of any size."""
    with suppress(BadBody, InvalidArgumentError):
        carry_out(wire.decode((text % number).encode(), kind), False)


def test_a_query_for_more_than_there_can_be_arrives() -> None:
    """A caller may ask for any number of results; our own form has 64 bits for it."""
    query = Query(np.ones((1, 2), np.float32), k=10**30)
    assert requests.query(over(requests.query_body(query, True), True), True).k == 2**63 - 1


def test_fields_of_later_versions_are_ignored() -> None:
    """What is not known in a body is passed over."""
    body = json.encode({"ids": ["a"], "later": {"x": 1}})
    assert wire.decode(body, GetBody) == GetBody(ids=["a"])
    assert requests.get(wire.decode(body, GetBody), False).fields == ALL_FIELDS - {"embeddings"}
