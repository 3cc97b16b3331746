"""What the server does for each operation: read values out of the body, call the engine, write a body.

The functions have the names of the operations in `chroma.operations`.
"""

# ruff: noqa: D103 - what a function does is said by the operation of its name

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ochredb.chroma import answers, bodies, check, requests
from ochredb.chroma.operations import BY_NAME
from ochredb.chroma.schema import refuse_unindexed
from ochredb.chroma.wire import RECORDS
from ochredb.core.engine import Engine
from ochredb.core.errors import ForbiddenError, InvalidArgumentError, NotFoundError, NotSupported
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT, Hits, Mode, Scope
from ochredb.core.where import Where
from ochredb.server.directory import Directory, Entry
from ochredb.version import __version__


class Shop(NamedTuple):
    """What all calls share.

    Args:
        engine: Where the data is.
        directory: The engine's collections.
        allow_reset: Whether everything may be removed.
        batch: How many records a write may hold.
    """

    engine: Engine
    directory: Directory
    allow_reset: bool
    batch: int


class Call(NamedTuple):
    """One request.

    Args:
        shop: What all calls share.
        values: What stands in the path.
        parameters: The query string.
        body: Of the type that the operation says; None without one.
        exact: The body is our own client's.
        wants_exact: The answer is for our own client.
        caller: The tenant and the database that the caller's key is good for; None is any.
    """

    shop: Shop
    values: dict[str, str]
    parameters: Any
    body: Any
    exact: bool
    wants_exact: bool
    caller: tuple[str | None, str | None]

    @property
    def engine(self) -> Engine:
        """Where the data is."""
        return self.shop.engine

    @property
    def scope(self) -> Scope:
        """The tenant and the database of the path."""
        return Scope(self.values["tenant"], self.values["database"])

    @property
    def collection(self) -> Entry:
        """The collection of the path."""
        return self.shop.directory.entry(self.values["collection_id"], self.scope)


# The server


def heartbeat(call: Call) -> bodies.Heartbeat:
    del call
    return bodies.Heartbeat(time.time_ns())


def healthcheck(call: Call) -> bodies.Health:
    call.engine.get_tenant(DEFAULT_TENANT)
    return bodies.Health(is_executor_ready=True, is_log_client_ready=True)


def version(call: Call) -> str:
    del call
    return __version__


def pre_flight_checks(call: Call) -> bodies.PreFlight:
    return bodies.PreFlight(call.shop.batch, supports_base64_encoding=True, media_types=[RECORDS])


def identity(call: Call) -> bodies.Identity:
    """Tell which tenant and databases are open; Chroma's clients enter the only one, and want a name among several."""
    tenant, database = call.caller
    if tenant is None:
        return bodies.Identity("", DEFAULT_TENANT, [database or DEFAULT_DATABASE])
    every = [found.name for found in call.engine.list_databases(tenant)]
    return bodies.Identity("", tenant, every if database is None else [database])


def reset(call: Call) -> bool:
    if not call.shop.allow_reset:
        raise ForbiddenError("Reset is disabled by config")
    call.engine.reset()
    return True


# The catalog


def create_tenant(call: Call) -> bodies.Nothing:
    call.engine.create_tenant(call.body.name if call.exact else check.scope_name(call.body.name, "tenant"))
    return bodies.Nothing()


def get_tenant(call: Call) -> bodies.TenantBody:
    return bodies.TenantBody(call.engine.get_tenant(call.values["tenant"]))


def list_tenants(call: Call) -> list[bodies.TenantBody]:
    return [bodies.TenantBody(name) for name in call.engine.list_tenants()]


def update_tenant(call: Call) -> bodies.Nothing:
    call.engine.get_tenant(call.values["tenant"])
    return bodies.Nothing()


def create_database(call: Call) -> bodies.Nothing:
    name = call.body.name if call.exact else check.scope_name(call.body.name, "database")
    call.engine.create_database(Scope(call.values["tenant"], name))
    return bodies.Nothing()


def list_databases(call: Call) -> list[bodies.DatabaseBody]:
    found = call.engine.list_databases(call.values["tenant"], *_page(call))
    return [answers.database_body(one) for one in found]


def get_database(call: Call) -> bodies.DatabaseBody:
    return answers.database_body(call.engine.get_database(call.scope))


def delete_database(call: Call) -> bodies.Nothing:
    call.engine.delete_database(call.scope)
    return bodies.Nothing()


def create_collection(call: Call) -> bodies.CollectionBody:
    new = requests.new_collection(call.body, call.exact)
    made = call.engine.create_collection(call.scope, new, call.body.get_or_create)
    return answers.collection_body(made, call.wants_exact)


def list_collections(call: Call) -> list[bodies.CollectionBody]:
    found = call.engine.list_collections(call.scope, *_page(call))
    return [answers.collection_body(one, call.wants_exact) for one in found]


def count_collections(call: Call) -> int:
    return call.engine.count_collections(call.scope)


def get_collection(call: Call) -> bodies.CollectionBody:
    return answers.collection_body(call.engine.get_collection(call.scope, call.values["name"]), call.wants_exact)


def get_collection_by_id(call: Call) -> bodies.CollectionBody:
    refusal = "Validation error: collection_id: Invalid collection ID format, expected UUID"
    info = call.shop.directory.info(call.values["collection_id"], call.scope, refusal)
    return answers.collection_body(info, call.wants_exact)


def get_collection_by_crn(call: Call) -> bodies.CollectionBody:
    if call.values["crn"].count(":") != 2:
        raise InvalidArgumentError(
            "Validation error: crn: CRN must be in the format <tenant_resource_name>:<database_name>:<collection_name>"
        )
    raise _not_here("Collections by CRN are unsupported for local chroma")


def modify_collection(call: Call) -> bodies.Nothing:
    info = call.shop.directory.info(call.values["collection_id"], call.scope, "Collection ID is not a valid UUIDv4")
    call.engine.modify_collection(info.id, requests.change(call.body, info, call.exact))
    return bodies.Nothing()


def delete_collection(call: Call) -> bodies.Nothing:
    call.engine.delete_collection(call.scope, call.values["name"])
    return bodies.Nothing()


# Records


def add(call: Call) -> bodies.Nothing:
    return _write(call, "add")


def update(call: Call) -> bodies.Nothing:
    return _write(call, "update")


def upsert(call: Call) -> bodies.Nothing:
    return _write(call, "upsert")


def get(call: Call) -> bodies.Found:
    collection, wanted = call.collection, requests.get(call.body, call.exact)
    _refuse_unindexed(call, wanted.where, collection)
    return answers.found(call.engine.get(collection.id, wanted), call.body.include, call.wants_exact)


def query(call: Call) -> bodies.Nearest:
    collection, wanted = call.collection, requests.query(call.body, call.exact)
    _refuse_unindexed(call, wanted.where, collection)
    if len(wanted.embeddings):
        hits = call.engine.query(collection.id, wanted)
    else:  # without a vector there is no dimension that an engine could compare
        call.engine.count(collection.id)
        hits = Hits([], [])
    return answers.nearest(hits, call.body.include, call.wants_exact)


def delete(call: Call) -> bodies.Deleted:
    collection, wanted = call.collection, requests.delete(call.body, call.exact)
    _refuse_unindexed(call, wanted.where, collection)
    return answers.deleted(call.engine.delete(collection.id, wanted), wanted, call.wants_exact)


def count(call: Call) -> int:
    return call.engine.count(call.collection.id)


# What only Chroma's cloud does


def search(call: Call) -> Any:
    raise _not_here("Search is unsupported for local chroma", call)


def fork(call: Call) -> Any:
    raise _not_here("Collection forking is unsupported for local chroma", call)


def fork_count(call: Call) -> Any:
    raise _not_here("Count forks is unsupported for local chroma", call)


def indexing_status(call: Call) -> Any:
    raise _not_here("Indexing status is unsupported for local chroma", call)


def attach_function(call: Call) -> Any:
    raise _not_here("Attached functions are unsupported for local chroma", call)


def get_attached_function(call: Call) -> Any:
    call.engine.count(call.collection.id)
    raise NotFoundError("Attached function not found")


def detach_function(call: Call) -> Any:
    raise _not_here("Attached functions are unsupported for local chroma", call)


# Steps


def _write(call: Call, mode: Mode) -> bodies.Nothing:
    collection = call.collection
    writes = requests.writes(mode, call.body, call.exact)
    if not writes:
        call.engine.count(collection.id)
    for write in writes:
        call.engine.write(collection.id, write)
    return bodies.Nothing()


def _page(call: Call) -> tuple[int | None, int]:
    page = call.parameters
    return check.bound(page.limit, "limit"), check.bound(page.offset, "offset") or 0


def _refuse_unindexed(call: Call, where: Where | None, collection: Entry) -> None:
    if not call.exact:  # our own client has looked at the schema
        refuse_unindexed(where, collection.schema)


def _not_here(text: str, call: Call | None = None) -> NotSupported:
    if call is not None:
        call.engine.count(call.collection.id)
    return NotSupported(f"{text}: this server is Ochre's, and only Chroma's cloud does it")


VERBS: dict[str, Callable[[Call], Any]] = {name: heartbeat if name == "root" else globals()[name] for name in BY_NAME}
"""By the operation's name; the root is the heartbeat's other address."""
