"""The same verbs, awaited."""

from ochredb.core.blocking import awaiting
from ochredb.core.model import Scope
from ochredb.remote.http.address import Address
from ochredb.remote.http.engine import HttpEngine
from ochredb.remote.http.steps import Steps
from ochredb.remote.http.transport import AsyncTransport


class AsyncHttpEngine(Steps):
    """A server as an engine whose verbs are awaited, but for `scan`, which it has not.

    Args:
        address: Where it is.
        scope: Where collections are looked for first.
    """

    def __init__(self, address: Address, scope: Scope = Scope()) -> None:  # noqa: B008 - it is frozen
        super().__init__(AsyncTransport(address), scope)

    heartbeat = awaiting(HttpEngine.heartbeat)
    version = awaiting(HttpEngine.version)
    identity = awaiting(HttpEngine.identity)
    batch = awaiting(HttpEngine.batch)
    create_tenant = awaiting(HttpEngine.create_tenant)
    get_tenant = awaiting(HttpEngine.get_tenant)
    list_tenants = awaiting(HttpEngine.list_tenants)
    create_database = awaiting(HttpEngine.create_database)
    get_database = awaiting(HttpEngine.get_database)
    list_databases = awaiting(HttpEngine.list_databases)
    delete_database = awaiting(HttpEngine.delete_database)
    create_collection = awaiting(HttpEngine.create_collection)
    get_collection = awaiting(HttpEngine.get_collection)
    get_collection_by_id = awaiting(HttpEngine.get_collection_by_id)
    list_collections = awaiting(HttpEngine.list_collections)
    count_collections = awaiting(HttpEngine.count_collections)
    modify_collection = awaiting(HttpEngine.modify_collection)
    delete_collection = awaiting(HttpEngine.delete_collection)
    write = awaiting(HttpEngine.write)
    get = awaiting(HttpEngine.get)
    query = awaiting(HttpEngine.query)
    count = awaiting(HttpEngine.count)
    delete = awaiting(HttpEngine.delete)
    search = awaiting(HttpEngine.search)
    fork = awaiting(HttpEngine.fork)
    fork_count = awaiting(HttpEngine.fork_count)
    indexing_status = awaiting(HttpEngine.indexing_status)
    reset = awaiting(HttpEngine.reset)
    close = awaiting(HttpEngine.close)
