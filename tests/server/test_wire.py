"""Chroma's wire as it was seen from its server with curl (contract 4 and 9.3)."""

import base64
import json
import uuid
from html import escape
from typing import Any

import msgspec
import numpy as np
import pytest

from ochredb.chroma.operations import OPERATIONS
from ochredb.chroma.wire import RECORDS
from tests.serving import DATABASE, Served

HNSW = {"space": "l2", "ef_construction": 100, "ef_search": 100, "max_neighbors": 16, "resize_factor": 1.2}
KEYS = ("id", "name", "configuration_json", "schema", "metadata", "dimension", "tenant", "database")


def fill(served: Served, name: str) -> str:
    """Make a collection of three records and give the path of its routes."""
    path = served.collection(name)
    body = {
        "ids": ["a", "b", "c"],
        "embeddings": [[0.1, 0.2], [0.3, 0.4], [1, 0]],
        "documents": ["x", None, "z"],
        "metadatas": [{"k": 1, "f": 1.0}, {"k": 2}, None],
        "uris": [None, None, "u"],
    }
    assert served.ask("POST", f"{path}/upsert", body).json == {}
    return path


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/api/v2/healthcheck", {"is_executor_ready": True, "is_log_client_ready": True}),
        (
            "/api/v2/auth/identity",
            {"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]},
        ),
        ("/api/v2/tenants/default_tenant", {"name": "default_tenant", "resource_name": None}),
        (f"{DATABASE.replace('default_database', 'nowhere')}/collections", []),
        (f"{DATABASE.replace('default_database', 'nowhere')}/collections_count", 0),
        ("/api/v2/tenants/nobody/databases", []),
    ],
)
def test_what_is_asked_without_a_body(served: Served, path: str, wanted: object) -> None:
    """Each answer is Chroma's, key by key."""
    found = served.ask("GET", path)
    assert (found.status, found.json) == (200, wanted)
    assert found.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/v2", "/api/v2/heartbeat"])
def test_heartbeat(served: Served, path: str) -> None:
    """The time comes under a key with a space in it, at both addresses, and not behind a slash."""
    assert served.ask("GET", path).json["nanosecond heartbeat"] > 1.7e18
    assert served.ask("GET", "/api/v2/").status == 404


def test_pre_flight_checks(served: Served) -> None:
    """Chroma's client writes nothing where these two are missing."""
    told = served.ask("GET", "/api/v2/pre-flight-checks").json
    assert told["max_batch_size"] == 5461
    assert told["supports_base64_encoding"] is True


def test_every_answer_has_a_trace_id(served: Served) -> None:
    """It is 32 hexadecimal digits, another for each request, also of a refusal."""
    answers = [served.ask("GET", path) for path in ("/api/v2", "/api/v2/tenants/nobody", "/nowhere", "/api/v1")]
    ids = {found.headers["chroma-trace-id"] for found in answers}
    assert {uuid.UUID(one).hex for one in ids} == ids
    assert len(ids) == 4


def test_unknown_paths_and_methods(served: Served) -> None:
    """A path that there is not is an empty 404; a wrong method an empty 405 that says which are right."""
    found = served.ask("GET", "/api/v2/nothing/here")
    assert (found.status, found.body) == (404, b"")
    found = served.ask("PATCH", f"{DATABASE}/collections")
    assert (found.status, found.body, found.headers["allow"]) == (405, b"", "GET,POST")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_the_first_version_is_gone(served: Served, method: str) -> None:
    """Clients of Chroma 0.x are told so in JSON."""
    found = served.ask(method, "/api/v1/collections/x?y=1")
    assert found.status == 410
    assert found.json == {"error": "Unimplemented", "message": "The v1 API is deprecated. Please use /v2 apis"}


def test_tenants_and_databases(served: Served) -> None:
    """They are made once, found by name, and listed."""
    assert served.ask("POST", "/api/v2/tenants", {"name": "acme/é"}).json == {}
    assert served.ask("POST", "/api/v2/tenants", {"name": "acme/é"}).status == 409
    assert served.ask("POST", "/api/v2/tenants", {"name": "x"}).status == 400
    tenant = "/api/v2/tenants/acme%2F%C3%A9"
    assert served.ask("GET", tenant).json["name"] == "acme/é"
    assert served.ask("PATCH", tenant, {"resource_name": "r"}).json == {}
    assert served.ask("POST", f"{tenant}/databases", {"name": "logs"}).json == {}
    found = served.ask("GET", f"{tenant}/databases/logs?tenant=ignored").json
    assert found == {"id": str(uuid.UUID(found["id"])), "name": "logs", "tenant": "acme/é"}
    assert served.ask("GET", f"{tenant}/databases?limit=5&offset=0&what=ever").json == [found]
    assert served.ask("DELETE", f"{tenant}/databases/logs").json == {}
    missing = served.ask("GET", f"{tenant}/databases/logs")
    assert missing.status == 404
    assert missing.json["error"] == "NotFoundError"
    assert missing.json["message"].startswith("Database [logs] not found. Are you sure it exists?")


def test_a_collection(served: Served) -> None:
    """It is made, found by name and by id, listed, changed and removed, and its JSON has Chroma's keys."""
    body = {"name": "one-collection", "metadata": {"i": 1, "f": 1.0}, "unknown": "ignored"}
    made = served.ask("POST", f"{DATABASE}/collections", body).json
    assert tuple(made)[: len(KEYS)] == KEYS
    assert made["configuration_json"]["hnsw"].items() >= HNSW.items()
    assert made["configuration_json"]["spann"] is None
    assert made["schema"]["keys"]["#embedding"]["float_list"]["vector_index"]["enabled"] is True
    assert repr(made["metadata"]) == repr({"i": 1, "f": 1.0})
    path = f"{DATABASE}/collections"
    for found in (f"{path}/one-collection", f"{path}/by-id/{made['id']}", f"{path}/by-id/{made['id'].upper()}"):
        assert served.ask("GET", found).json == made
    assert served.ask("GET", f"{path}/{made['id']}").status == 404
    assert made in served.ask("GET", path).json
    change = {"new_name": "another-name", "new_metadata": {"z": True}, "new_configuration": {"hnsw": {"ef_search": 7}}}
    assert served.ask("PUT", f"{path}/{made['id']}", change).json == {}
    changed = served.ask("GET", f"{path}/another-name").json
    assert (changed["id"], changed["metadata"]) == (made["id"], {"z": True})
    assert changed["configuration_json"]["hnsw"]["ef_search"] == 7
    for bad in ({"space": "ip"}, {"ef_search": -1}):
        refused = served.ask("PUT", f"{path}/{made['id']}", {"new_name": "x-y-z", "new_configuration": {"hnsw": bad}})
        assert (refused.status, refused.json["error"]) == (422, "ChromaError")
    assert served.ask("GET", f"{path}/another-name").json == changed
    assert served.ask("DELETE", f"{path}/another-name").json == {}
    gone = served.ask("GET", f"{path}/{made['id']}/count")
    assert gone.status == 404


REFUSED: list[tuple[str, str, Any, int, str, str]] = [
    ("POST", "", {"name": "ab"}, 400, "InvalidArgumentError", "Validation error: name: Expected a name containing"),
    ("POST", "", {}, 422, "ChromaError", "Failed to deserialize the JSON body into the target type: "),
    ("POST", "", {"name": "taken"}, 409, "UniqueConstraintError", "Collection [taken] already exists"),
    ("POST", "", {"name": "abc", "metadata": {}}, 400, "InvalidArgumentError", "Validation error: metadata: "),
    ("POST", "", {"name": "abc", "metadata": {"a": [1]}}, 422, "ChromaError", "Failed to deserialize"),
    ("POST", "", {"name": "abc", "configuration": {"hnsw": {"M": 1}}}, 422, "ChromaError", "Failed to deserialize"),
    ("POST", "", {"name": "abc", "configuration": {"hnsw": 1}}, 422, "ChromaError", "Failed to deserialize"),
    (
        "POST",
        "",
        {"name": "abc", "configuration": {"hnsw": {}, "spann": {}}},
        400,
        "InvalidArgumentError",
        "Multiple vector index configurations provided",
    ),
    ("POST", "", {"name": "abc", "schema": {"defaults": 1}}, 422, "ChromaError", "Failed to deserialize"),
    (
        "POST",
        "",
        {"name": "abc", "schema": {"keys": {"#embedding": {"float_list": {"vector_index": {"config": {"hnsw": 1}}}}}}},
        422,
        "ChromaError",
        "Failed to deserialize",
    ),
    ("GET", "/nowhere", None, 404, "NotFoundError", "Collection [nowhere] does not exist"),
    ("GET", "/by-id/x", None, 400, "InvalidArgumentError", "Validation error: collection_id: Invalid collection ID"),
    ("PUT", "/x", {}, 400, "InvalidArgumentError", "Collection ID is not a valid UUIDv4"),
    ("GET", "/x/count", None, 400, "InvalidArgumentError", "Collection ID is not a valid UUIDv4"),
    ("GET", f"/{uuid.UUID(int=4)}/count", None, 404, "NotFoundError", f"Collection [{uuid.UUID(int=4)}] does not"),
    ("GET", "?limit=x", None, 400, "InvalidArgumentError", "Failed to deserialize query string: "),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "error", "text"), REFUSED)
def test_refusals_about_collections(
    served: Served, method: str, path: str, body: Any, status: int, error: str, text: str
) -> None:
    """Status, name and the beginning of the text are Chroma's, but for names that are taken."""
    served.collection("taken")
    found = served.ask(method, f"{DATABASE}/collections{path}", body)
    assert (found.status, found.json["error"]) == (status, error)
    assert found.json["message"].startswith(text), found.json


def test_records(served: Served) -> None:
    """What was written is read, with every key that Chroma's clients look for, and numbers keep their types."""
    path = fill(served, "records")
    every = {"include": ["embeddings", "documents", "metadatas", "uris"]}
    assert served.ask("POST", f"{path}/get", every).json == {
        "ids": ["a", "b", "c"],
        "embeddings": [[0.1, 0.2], [0.3, 0.4], [1.0, 0.0]],
        "documents": ["x", None, "z"],
        "uris": [None, None, "u"],
        "metadatas": [{"k": 1, "f": 1.0}, {"k": 2}, {}],
        **every,
    }
    assert b'"k":1,"f":1.0' in served.ask("POST", f"{path}/get", {}).body
    usual = served.ask("POST", f"{path}/get", {"ids": ["b"]}).json
    assert (usual["embeddings"], usual["uris"], usual["include"]) == (None, None, ["documents", "metadatas"])
    assert served.ask("GET", f"{path}/count?read_level=index_only").body == b"3"
    assert served.ask("GET", f"{path}/count?read_level=all").status == 400
    assert served.ask("POST", f"{path}/get", {"ids": []}).json["ids"] == []


def test_a_query(served: Served) -> None:
    """Answers are lists of lists; no queries and no results wanted are nothing, and no error."""
    path = fill(served, "queried")
    found = served.ask("POST", f"{path}/query", {"query_embeddings": [[1, 0], [0, 0]], "n_results": 2}).json
    assert found["ids"] == [["c", "b"], ["a", "b"]]
    assert found["distances"][0] == pytest.approx([0, 0.65])
    assert found["metadatas"][1] == [{"k": 1, "f": 1.0}, {"k": 2}]
    assert (found["embeddings"], found["uris"]) == (None, None)
    assert found["include"] == ["documents", "metadatas", "distances"]
    filtered = {"query_embeddings": [[1, 0]], "where": {"k": {"$gte": 2}}, "include": []}
    assert served.ask("POST", f"{path}/query", filtered).json["ids"] == [["b"]]
    nothing = served.ask("POST", f"{path}/query", {"query_embeddings": []}).json
    assert (nothing["ids"], nothing["distances"], nothing["documents"]) == ([], [], [])
    none = served.ask("POST", f"{path}/query", {"query_embeddings": [[1, 0]], "n_results": 0}).json
    assert (none["ids"], none["distances"], none["documents"]) == ([[]], [[]], [[]])
    wide = served.ask("POST", f"{path}/query", {"query_embeddings": [[1, 0]], "ids": ["a", "unknown"]}).json
    assert wide["ids"] == [["a"]]


def test_writes(served: Served) -> None:
    """An add answers 201, the others 200, all of them with an empty object, and embeddings may be base64."""
    path = served.collection("written")
    packed = [base64.b64encode(np.array(row, "<f4").tobytes()).decode() for row in ([1, 2.5], [3, 4])]
    assert packed[0] == "AACAPwAAIEA="
    added = served.ask("POST", f"{path}/add", {"ids": ["a", "b"], "embeddings": packed})
    assert (added.status, added.json) == (201, {})
    assert served.ask("POST", f"{path}/add", {"ids": [], "embeddings": []}).status == 201
    update = {"ids": ["a", "b"], "embeddings": [None, [5, 6]], "documents": ["x", None]}
    updated = served.ask("POST", f"{path}/update", update)
    assert (updated.status, updated.json) == (200, {})
    removing = {"ids": ["a"], "metadatas": [{"k": 1}]}
    assert served.ask("POST", f"{path}/update", removing).status == 200
    assert served.ask("POST", f"{path}/update", {"ids": ["a"], "metadatas": [{"k": None, "n": 2}]}).status == 200
    found = served.ask("POST", f"{path}/get", {"include": ["embeddings", "documents", "metadatas"]}).json
    assert found["embeddings"] == [[1.0, 2.5], [5.0, 6.0]]
    assert (found["documents"], found["metadatas"]) == (["x", None], [{"n": 2}, None])


def test_deletes(served: Served) -> None:
    """With ids alone it is those that were named that are counted, with a filter those that matched."""
    path = fill(served, "deleted")
    for body, count in (({}, 0), ({"ids": ["a", "nobody"]}, 2), ({"where": {"k": {"$gte": 0}}, "limit": 5}, 1)):
        assert served.ask("POST", f"{path}/delete", body).json == {"deleted": count}
    assert served.ask("GET", f"{path}/count").json == 1
    for body in ({"ids": []}, {"ids": ["c"], "limit": 5}):
        refused = served.ask("POST", f"{path}/delete", body)
        assert (refused.status, refused.json["error"]) == (400, "InvalidArgumentError")


WRITES: list[tuple[str, Any, int, str]] = [
    ("add", {"ids": ["a"]}, 422, "Failed to deserialize"),
    ("add", {"ids": ["a"], "embeddings": None}, 422, "Failed to deserialize"),
    ("add", {"ids": ["a"], "embeddings": [None]}, 422, "Failed to deserialize"),
    ("add", {"ids": ["a"], "documents": ["x"]}, 422, "Failed to deserialize"),
    ("upsert", {"ids": ["a"], "documents": ["x"]}, 422, "Failed to deserialize"),
    ("add", {"ids": ["a", "b"], "embeddings": [[1, 2], "AACAPwAAIEA="]}, 422, "embeddings: data did not match"),
    ("add", {"ids": ["a"], "embeddings": ["AACAPwAA"]}, 400, "Invalid byte length: 6 bytes"),
    ("add", {"ids": ["a"], "embeddings": ["!"]}, 400, "Invalid base64 string: "),
    ("add", {"ids": ["a"], "embeddings": ["AADAfw=="]}, 400, "Non-finite float value at embedding index 0: NaN"),
    ("add", {"ids": ["a"], "embeddings": [[]]}, 400, "Validation error: embeddings: Each embedding must have"),
    ("add", {"ids": ["a"], "embeddings": [[1e39, 1]]}, 400, "Validation error: embeddings: Embeddings must not"),
    ("add", {"ids": ["a"], "embeddings": [[1, 2, 3]]}, 400, "Collection expecting embedding with dimension of 2"),
    ("add", {"ids": ["a"], "embeddings": [["1", 2]]}, 422, "Failed to deserialize"),
    ("add", {"ids": ["a", "b"], "embeddings": [[1, 2]]}, 400, "Inconsistent number of IDs, embeddings"),
    ("add", {"ids": ["a", "b"], "embeddings": [[1, 2], [1]]}, 400, "Inconsistent dimensions"),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "documents": []}, 400, "Inconsistent number of IDs, embeddings"),
    ("add", {"ids": [1], "embeddings": [[1, 2]]}, 422, "Failed to deserialize"),
    ("add", {"ids": [""], "embeddings": [[1, 2]]}, 400, "Empty ID, ID must have at least one character"),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "metadatas": [{"k": None}]}, 422, "Failed to deserialize"),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "metadatas": [{"k": {}}]}, 422, "Failed to deserialize"),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "metadatas": [{"$k": 1}]}, 400, "Validation error: metadatas"),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "metadatas": [{"k": [1, "x"]}]}, 400, "Expected metadata list"),
    ("get", {"where": {}}, 400, "Expected where to have exactly one operator"),
    ("get", {"where": {"k": {"$gr": 1}}}, 400, "Expected where operator to be one of"),
    ("get", {"where": "x"}, 400, "Expected where to be a dict"),
    ("get", {"where_document": {"$regex": "("}}, 400, "Regex syntax errror: "),
    ("get", {"include": ["data"]}, 422, "Failed to deserialize"),
    ("get", {"limit": -1}, 422, "Failed to deserialize"),
    ("get", {"limit": 1.5}, 422, "Failed to deserialize"),
    ("query", {}, 422, "Failed to deserialize"),
    ("query", {"query_embeddings": ["AACAPwAAIEA="]}, 422, "Failed to deserialize"),
    ("query", {"query_embeddings": [[None, 1]]}, 422, "Failed to deserialize"),
    ("query", {"query_embeddings": [[1, 2, 3]]}, 400, "Collection expecting embedding with dimension of 2, got 3"),
    ("query", {"query_embeddings": [[1, 2]], "n_results": -1}, 422, "Failed to deserialize"),
    ("search", {"searches": []}, 501, "Search is unsupported for local chroma"),
    ("fork", {"new_name": "copy"}, 501, "Collection forking is unsupported for local chroma"),
    ("functions/attach", {"name": "f", "function_id": "x", "output_collection": "y"}, 501, "Attached functions"),
]


@pytest.mark.parametrize(("verb", "body", "status", "text"), WRITES)
def test_refusals_about_records(served: Served, verb: str, body: Any, status: int, text: str) -> None:
    """The server checks what Chroma's client would have checked, and a refused call has changed nothing."""
    path = fill(served, "refusing")
    found = served.ask("POST", f"{path}/{verb}", body)
    assert (found.status, found.json["message"][: len(text)]) == (status, text)
    assert found.json["error"] == ("InvalidArgumentError" if status == 400 else "ChromaError")
    assert served.ask("GET", f"{path}/count").json == 3


def test_what_only_the_cloud_has(served: Served) -> None:
    """It is refused as by Chroma's own server on one machine."""
    path = served.collection("cloudless")
    assert served.ask("GET", f"{path}/fork_count").status == 501
    assert served.ask("GET", f"{path}/indexing_status").status == 501
    assert served.ask("POST", f"{path}/attached_functions/f/detach", {}).status == 501
    found = served.ask("GET", f"{path}/functions/f")
    assert (found.status, found.json["message"]) == (404, "Attached function not found")
    assert served.ask("GET", "/api/v2/collections/tenant:database:name").status == 501
    assert served.ask("GET", "/api/v2/collections/name").status == 400


def test_a_collection_is_reached_by_its_own_path_only(served: Served) -> None:
    """Through the path of another tenant or database there is no such collection, known before or not."""
    path = fill(served, "of-the-default-database")
    other = path.replace("default_database", "elsewhere")
    for _ in range(2):
        found = served.ask("POST", f"{other}/get", {})
        assert (found.status, found.json["error"]) == (404, "NotFoundError")
        assert served.ask("PUT", other, {"new_name": "stolen"}).status == 404
        assert served.ask("GET", f"{path}/count").json == 3


def test_reset_is_off(served: Served) -> None:
    """Nobody removes everything unless the server was started so."""
    path = fill(served, "not-reset")
    found = served.ask("POST", "/api/v2/reset")
    assert (found.status, found.json["message"]) == (403, "Reset is disabled by config")
    assert served.ask("GET", f"{path}/count").json == 3


def test_a_schema_switches_filters_off(served: Served) -> None:
    """A key whose index is off cannot be filtered on."""
    schema = {"keys": {"k": {"string": {"string_inverted_index": {"enabled": False, "config": {}}}}}}
    path = served.collection("schematic", schema=schema)
    found = served.ask("POST", f"{path}/get", {"where": {"k": "x"}})
    assert (found.status, "indexing is disabled" in found.json["message"]) == (400, True)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, 200),
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_content_types(served: Served, sent: str | None, status: int) -> None:
    """A body without a content type is JSON; one of a wrong type is not read."""
    path = fill(served, "typed")
    found = served.ask("POST", f"{path}/get", b"{}", None if sent is None else {"content-type": sent})
    assert found.status == status
    assert status == 200 or "Expected request with `Content-Type: application/json`" in found.json["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"ids":"\xff"}',
        b'{"ids":["\\ud800"]}',
        b"{" * 100_000,
        b'{"where":' * 50_000,
        b"\0",
    ],
    ids=repr,
)
def test_bodies_that_are_not_json(served: Served, body: bytes) -> None:
    """What cannot be read is the caller's fault, in words, whatever it is."""
    path = fill(served, "unread")
    found = served.ask("POST", f"{path}/get", body)
    assert found.status in (400, 422)
    assert set(found.json) == {"error", "message"}
    assert b"Traceback" not in found.body


def test_bodies_of_our_own(served: Served) -> None:
    """Between our client and server embeddings are blocks of bytes, and an answer is what the engine gave."""
    path, rows = served.collection("packed"), np.arange(6, dtype="<f4").reshape(3, 2)
    given = {
        "ids": ["a", "b", "c\0"],
        "embeddings": {"dimension": 2, "data": rows.tobytes()},
        "uris": ["u", None, None],
    }
    headers = {"content-type": RECORDS, "accept": RECORDS}
    added = served.ask("POST", f"{path}/add", msgspec.msgpack.encode(given), headers)
    assert (added.status, added.headers["content-type"]) == (201, RECORDS)
    wanted = msgspec.msgpack.encode({"include": ["embeddings", "metadatas"]})
    found = msgspec.msgpack.decode(served.ask("POST", f"{path}/get", wanted, headers).body)
    assert found["ids"] == ["a", "b", "c\0"]
    assert found["metadatas"] == [None, None, None]
    assert found["embeddings"] == {"dimension": 2, "data": rows.tobytes()}
    as_json = served.ask("POST", f"{path}/get", {"include": ["embeddings", "metadatas"]}).json
    assert as_json["embeddings"] == rows.tolist()
    assert as_json["metadatas"] == [{}, None, None]


@pytest.mark.parametrize(
    "embeddings",
    [
        {"dimension": 2, "data": b"1234567"},
        {"dimension": 0, "data": b""},
        {"dimension": 3, "data": b"0123456789ab"},
        {"dimension": 2, "data": np.array([np.nan, 1], "<f4").tobytes()},
        {"dimension": 2, "data": b"0" * 16},
    ],
    ids=["part of a number", "no dimension", "another dimension", "NaN", "a row too many"],
)
def test_bodies_of_our_own_are_checked(served: Served, embeddings: Any) -> None:
    """Who sends them may be anybody."""
    path = fill(served, "packed-badly")
    body = msgspec.msgpack.encode({"ids": ["x"], "embeddings": embeddings})
    found = served.ask("POST", f"{path}/add", body, {"content-type": RECORDS})
    assert found.status in (400, 422)
    assert served.ask("GET", f"{path}/count").json == 3


def test_the_document_describes_every_operation(served: Served) -> None:
    """The OpenAPI document has each path and method of the table, and a page shows it without loading anything."""
    told = json.loads(served.ask("GET", "/openapi.json").body)
    written = {(path, method.upper()) for path, methods in told["paths"].items() for method in methods}
    assert written == {(operation.path, operation.method) for operation in OPERATIONS}
    page = served.ask("GET", "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert all(escape(operation.summary).encode() in page.body for operation in OPERATIONS)
    assert not any(outside in page.body for outside in (b"http://", b"https://", b"<script"))
