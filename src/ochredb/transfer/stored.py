"""An engine as a source: all its collections, or those of some tenants."""

from collections.abc import Iterator, Sequence

from ochredb.core.engine import Engine
from ochredb.core.model import ALL_FIELDS, Fields, NewCollection, Records, Scope
from ochredb.transfer.source import BATCH, Description, Loss


class Stored:
    """Collections in an engine.

    Args:
        engine: It; whoever opened it closes it.
        name: What errors call it.
        tenants: Whose collections; None is those of all tenants.

    Raises:
        NotSupported: `tenants` is None, and the engine cannot list them.
    """

    def __init__(self, engine: Engine, name: str, tenants: Sequence[str] | None = None) -> None:
        self._engine = engine
        self._name = name
        self._tenants = engine.list_tenants() if tenants is None else tenants

    @property
    def name(self) -> str:
        """Tell what it is."""
        return self._name

    def collections(self) -> Sequence[Description]:
        """Give the collections by tenant, database and name, with as many rows as they have now."""
        return [found for tenant in self._tenants for found in self._of_tenant(tenant)]

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream the records; what is written meanwhile may or may not come."""
        return self._engine.scan(collection.key, fields, BATCH)

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell nothing: what an engine cannot read it raises for."""
        del collection
        return ()

    def _of_tenant(self, tenant: str) -> Iterator[Description]:
        for database in self._engine.list_databases(tenant):
            for info in self._engine.list_collections(Scope(tenant, database.name)):
                given = {name: getattr(info, name) for name in NewCollection.__struct_fields__}
                rows = self._engine.count(info.id)
                yield Description(info.id, info.scope, NewCollection(**given), info.dimension, rows)
