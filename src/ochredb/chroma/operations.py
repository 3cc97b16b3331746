"""All that can be asked over HTTP, one line each (contract 4.1).

The routes of the server, the calls of the sync and the async client and the OpenAPI document are made from this table.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

from ochredb.chroma import bodies

Role: TypeAlias = Literal["reader", "writer", "admin"]

API = "/api/v2"
DATABASE = API + "/tenants/{tenant}/databases/{database}"
COLLECTION = DATABASE + "/collections/{collection_id}"


class Operation(NamedTuple):
    """Something that can be asked.

    Args:
        name: Its own; the server's verbs have the same names.
        method: Of HTTP.
        path: A template: `{tenant}` and the like stand for one segment each.
        role: Whom it takes; None lets everybody ask, known or not.
        request: What the body is; None for no body.
        response: What the answer is, if it is no error.
        parameters: What the query string is; None for nothing that is read.
        status: Of an answer that is no error.
        summary: What it does.
    """

    name: str
    method: str
    path: str
    role: Role | None
    request: Any
    response: Any
    summary: str
    parameters: Any = None
    status: int = 200

    def url(self, **values: str) -> str:
        """Fill the template; values are any text."""
        return self.path.format_map({name: quote(value, safe="") for name, value in values.items()})


class Match(NamedTuple):
    """An operation that a request asks for, and what stands in its path: names and values, decoded."""

    operation: Operation
    values: dict[str, str]


# fmt: off
OPERATIONS = (
    Operation("root", "GET", API, None, None, bodies.Heartbeat, "Tell the time"),
    Operation("heartbeat", "GET", API + "/heartbeat", None, None, bodies.Heartbeat, "Tell the time"),
    Operation("healthcheck", "GET", API + "/healthcheck", None, None, bodies.Health, "Tell whether it works"),
    Operation("version", "GET", API + "/version", "reader", None, str, "Tell the version"),
    Operation("pre_flight_checks", "GET", API + "/pre-flight-checks", "reader", None, bodies.PreFlight,
              "Tell what a client must know before it writes"),
    Operation("identity", "GET", API + "/auth/identity", "reader", None, bodies.Identity, "Tell who the caller is"),
    Operation("reset", "POST", API + "/reset", "admin", None, bool, "Remove everything of every tenant"),

    Operation("create_tenant", "POST", API + "/tenants", "admin", bodies.NewTenant, bodies.Nothing, "Add a tenant"),
    Operation("list_tenants", "GET", API + "/tenants", "admin", None, list[bodies.TenantBody],
              "List the tenants by name, which Chroma has no question for"),
    Operation("get_tenant", "GET", API + "/tenants/{tenant}", "reader", None, bodies.TenantBody, "Give a tenant"),
    Operation("update_tenant", "PATCH", API + "/tenants/{tenant}", "admin", bodies.TenantChange, bodies.Nothing,
              "Change a tenant, which has no effect here"),
    Operation("create_database", "POST", API + "/tenants/{tenant}/databases", "admin", bodies.NewDatabase,
              bodies.Nothing, "Add a database"),
    Operation("list_databases", "GET", API + "/tenants/{tenant}/databases", "reader", None, list[bodies.DatabaseBody],
              "List the databases of a tenant by name", bodies.Page),
    Operation("get_database", "GET", DATABASE, "reader", None, bodies.DatabaseBody, "Give a database"),
    Operation("delete_database", "DELETE", DATABASE, "admin", None, bodies.Nothing,
              "Remove a database with its collections"),

    Operation("create_collection", "POST", DATABASE + "/collections", "writer", bodies.CreateBody,
              bodies.CollectionBody, "Add a collection"),
    Operation("list_collections", "GET", DATABASE + "/collections", "reader", None, list[bodies.CollectionBody],
              "List the collections of a database by name", bodies.Page),
    Operation("count_collections", "GET", DATABASE + "/collections_count", "reader", None, int,
              "Count the collections of a database"),
    Operation("get_collection", "GET", DATABASE + "/collections/{name}", "reader", None, bodies.CollectionBody,
              "Give a collection by name"),
    Operation("get_collection_by_id", "GET", DATABASE + "/collections/by-id/{collection_id}", "reader", None,
              bodies.CollectionBody, "Give a collection by its UUID"),
    Operation("get_collection_by_crn", "GET", API + "/collections/{crn}", "reader", None, bodies.CollectionBody,
              "Give a collection by the name that it has in Chroma's cloud, which is not done here"),
    Operation("modify_collection", "PUT", COLLECTION, "writer", bodies.ModifyBody, bodies.Nothing,
              "Rename a collection, replace its metadata, or change its configuration"),
    Operation("delete_collection", "DELETE", DATABASE + "/collections/{name}", "writer", None, bodies.Nothing,
              "Remove a collection with its records"),

    Operation("add", "POST", COLLECTION + "/add", "writer", bodies.AddBody, bodies.Nothing,
              "Add records; ids that exist are left as they are", status=201),
    Operation("update", "POST", COLLECTION + "/update", "writer", bodies.UpdateBody, bodies.Nothing,
              "Change records; unknown ids are passed over"),
    Operation("upsert", "POST", COLLECTION + "/upsert", "writer", bodies.UpsertBody, bodies.Nothing,
              "Add records, and change those that exist"),
    Operation("get", "POST", COLLECTION + "/get", "reader", bodies.GetBody, bodies.Found,
              "Give records in the order in which they were added"),
    Operation("query", "POST", COLLECTION + "/query", "reader", bodies.QueryBody, bodies.Nearest,
              "Give the records nearest to each query"),
    Operation("delete", "POST", COLLECTION + "/delete", "writer", bodies.DeleteBody, bodies.Deleted,
              "Remove records"),
    Operation("count", "GET", COLLECTION + "/count", "reader", None, int, "Count the records", bodies.ReadLevelChoice),

    Operation("search", "POST", COLLECTION + "/search", "reader", bodies.SearchBody, bodies.JSONObject,
              "Search as in Chroma's cloud, which is not done here"),
    Operation("fork", "POST", COLLECTION + "/fork", "writer", bodies.ForkBody, bodies.CollectionBody,
              "Copy a collection as in Chroma's cloud, which is not done here"),
    Operation("fork_count", "GET", COLLECTION + "/fork_count", "reader", None, bodies.JSONObject,
              "Count the copies of a collection, which is not done here"),
    Operation("indexing_status", "GET", COLLECTION + "/indexing_status", "reader", None, bodies.JSONObject,
              "Tell how far the index has come, which is not done here"),
    Operation("attach_function", "POST", COLLECTION + "/functions/attach", "writer", bodies.AttachBody,
              bodies.JSONObject, "Let a function run over a collection, which is not done here"),
    Operation("get_attached_function", "GET", COLLECTION + "/functions/{function}", "reader", None, bodies.JSONObject,
              "Give a function that runs over a collection, of which there are none"),
    Operation("detach_function", "POST", COLLECTION + "/attached_functions/{function}/detach", "writer",
              bodies.DetachBody, bodies.JSONObject, "Let a function no longer run, which is not done here"),
)
# fmt: on

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def find(method: str, path: str) -> Match | None:
    """Give what a request asks for.

    Args:
        method: In capitals; HEAD is a GET.
        path: As it came, still percent-encoded: a name may hold an encoded slash.

    Returns:
        None for a path that there is not, or not with this method.
    """
    wanted = "GET" if method == "HEAD" else method
    return next((match for match in _matches(path) if match.operation.method == wanted), None)


def methods(path: str) -> list[str]:
    """Give the methods that a path can be asked with, none for an unknown path."""
    return sorted({match.operation.method for match in _matches(path)})


def _matches(path: str) -> Iterator[Match]:
    segments = path.split("/")
    # A path with a last word of its own comes before one that takes any word in its place.
    for last in (segments[-1], _ANY):
        for operation, words, places in _BY_SHAPE.get((len(segments), last), ()):
            if all(segments[place] == word for place, word in words):
                yield Match(operation, {name: unquote(segments[place]) for place, name in places})


class _Shape(NamedTuple):
    operation: Operation
    words: list[tuple[int, str]]
    places: list[tuple[int, str]]


_ANY = "{}"
_BY_SHAPE: dict[tuple[int, str], list[_Shape]] = {}
for _operation in OPERATIONS:
    _parts = list(enumerate(_operation.path.split("/")))
    _words = [(_place, _part) for _place, _part in _parts if _part[:1] != "{"]
    _places = [(_place, _part[1:-1]) for _place, _part in _parts if _part[:1] == "{"]
    _last = _ANY if _places and _places[-1] > _words[-1] else _words[-1][1]
    _BY_SHAPE.setdefault((len(_parts), _last), []).append(_Shape(_operation, _words, _places))
