"""The catalog: tenants, databases and collections."""

from collections.abc import Callable
from uuid import UUID

import pytest

from ochredb.core.engine import Engine
from ochredb.core.errors import NotFoundError, UniqueConstraintError
from ochredb.core.model import (
    DEFAULT_DATABASE,
    DEFAULT_TENANT,
    Change,
    Database,
    Delete,
    Get,
    NewCollection,
    Query,
    Records,
    Scope,
    Write,
)
from ochredb.testing.compare import same_info, typed
from ochredb.testing.contract.stage import DEFAULT, NOWHERE, ids, make, put, vectors

RECORD_VERBS: dict[str, Callable[[Engine, str], object]] = {
    "write": lambda engine, id_: engine.write(id_, Write("add", Records(["a"], vectors([0, 0])))),
    "get": lambda engine, id_: engine.get(id_, Get()),
    "query": lambda engine, id_: engine.query(id_, Query(vectors([0, 0]))),
    "count": lambda engine, id_: engine.count(id_),
    "delete": lambda engine, id_: engine.delete(id_, Delete(ids=["a"])),
    "scan": lambda engine, id_: list(engine.scan(id_)),
    "modify": lambda engine, id_: engine.modify_collection(id_, Change(name="other")),
    "describe": lambda engine, id_: engine.get_collection_by_id(id_),
}


class CatalogContract:
    """The catalog: tenants, databases and collections."""

    def test_defaults_exist(self, engine: Engine) -> None:
        """A new engine has the default tenant and database, and nothing in them."""
        assert engine.get_tenant(DEFAULT_TENANT) == DEFAULT_TENANT
        assert engine.get_database(DEFAULT).name == DEFAULT_DATABASE
        assert engine.list_collections(DEFAULT) == []
        assert engine.count_collections(DEFAULT) == 0

    def test_tenants(self, engine: Engine) -> None:
        """A tenant is created once, and found by its name only."""
        engine.create_tenant("acme")
        assert engine.get_tenant("acme") == "acme"
        with pytest.raises(UniqueConstraintError, match=r"Tenant \[acme\] already exists"):
            engine.create_tenant("acme")
        with pytest.raises(NotFoundError, match=r"Tenant \[other\] not found"):
            engine.get_tenant("other")

    def test_tenants_are_listed(self, engine: Engine) -> None:
        """All tenants come by name, those without a database among them."""
        for name in ("b", "é", "a"):
            engine.create_tenant(name)
        assert engine.list_tenants() == ["a", "b", DEFAULT_TENANT, "é"]
        engine.reset()
        assert engine.list_tenants() == [DEFAULT_TENANT]

    def test_databases(self, engine: Engine) -> None:
        """A database belongs to one tenant, has a UUID, and is created once."""
        engine.create_tenant("acme")
        made = engine.create_database(Scope("acme", "logs"))
        assert made == Database(str(UUID(made.id)), "logs", "acme")
        assert engine.get_database(Scope("acme", "logs")) == made
        with pytest.raises(UniqueConstraintError, match=r"Database \[logs\] already exists"):
            engine.create_database(Scope("acme", "logs"))
        with pytest.raises(NotFoundError, match=r"Database \[logs\] not found"):
            engine.get_database(Scope(DEFAULT_TENANT, "logs"))

    def test_database_needs_its_tenant(self, engine: Engine) -> None:
        """A database cannot be added to a tenant that there is not."""
        with pytest.raises(NotFoundError, match=r"Tenant \[nobody\] not found"):
            engine.create_database(Scope("nobody", "logs"))
        assert engine.list_databases("nobody") == []

    def test_databases_are_listed_by_name(self, engine: Engine) -> None:
        """A listing of databases is in the order of names, by pages, one tenant's only."""
        engine.create_tenant("acme")
        for name in ("mid", "zoo", "Abc", "abc"):
            engine.create_database(Scope("acme", name))
        assert [found.name for found in engine.list_databases("acme")] == ["Abc", "abc", "mid", "zoo"]
        assert [found.name for found in engine.list_databases("acme", limit=2, offset=1)] == ["abc", "mid"]
        assert [found.name for found in engine.list_databases("acme", limit=0)] == []
        assert [found.name for found in engine.list_databases("acme", offset=3)] == ["zoo"]

    def test_delete_database_takes_its_collections(self, engine: Engine) -> None:
        """With a database go its collections and their records, and no others."""
        scope = Scope(DEFAULT_TENANT, "logs")
        engine.create_database(scope)
        gone, kept = engine.create_collection(scope, NewCollection("same")).id, make(engine, name="same")
        engine.delete_database(scope)
        with pytest.raises(NotFoundError, match=r"Database \[logs\] not found"):
            engine.get_database(scope)
        with pytest.raises(NotFoundError):
            engine.count(gone)
        assert engine.count(kept) == 0
        with pytest.raises(NotFoundError, match=r"Database \[logs\] not found"):
            engine.delete_database(scope)
        engine.create_database(scope)
        assert engine.list_collections(scope) == []

    def test_create_collection(self, engine: Engine) -> None:
        """A collection is given back as it was asked for, with a UUID and no dimension, however it is found."""
        new = NewCollection("café", "cosine", 77, {"x": 1, "y": 1.0, "z": True, "s": "ä"}, {"a": {"b": [1]}}, {"k": {}})
        made = engine.create_collection(DEFAULT, new)
        assert str(UUID(made.id)) == made.id
        assert (made.name, made.space, made.effort, made.scope) == ("café", "cosine", 77, DEFAULT)
        assert typed(made.metadata) == typed(new.metadata)
        assert (made.configuration, made.schema, made.dimension) == (new.configuration, new.schema, None)
        for found in (engine.get_collection(DEFAULT, "café"), engine.get_collection_by_id(made.id)):
            assert found.id == made.id
            same_info(found, made)

    def test_collection_names_are_unique_in_a_database(self, engine: Engine) -> None:
        """A name is taken once a database, and `exist_ok` gives the one that is there, unchanged."""
        made = engine.create_collection(DEFAULT, NewCollection("c", "ip", metadata={"x": 1}))
        with pytest.raises(UniqueConstraintError, match=r"Collection \[c\] already exists"):
            engine.create_collection(DEFAULT, NewCollection("c"))
        found = engine.create_collection(DEFAULT, NewCollection("c", "l2", metadata={"y": 2}), exist_ok=True)
        assert found.id == made.id
        same_info(found, made)
        engine.create_database(Scope(DEFAULT_TENANT, "logs"))
        other = engine.create_collection(Scope(DEFAULT_TENANT, "logs"), NewCollection("c"))
        assert other.id != made.id
        assert engine.count_collections(DEFAULT) == 1

    def test_names_are_exact(self, engine: Engine) -> None:
        """Names that differ in case or in Unicode normalisation are different names."""
        made = {name: make(engine, name=name) for name in ("name", "Name", "é", "e\u0301")}
        assert len(set(made.values())) == 4
        assert all(engine.get_collection(DEFAULT, name).id == id_ for name, id_ in made.items())

    def test_collection_needs_its_database(self, engine: Engine) -> None:
        """Nothing is created or found in a database that there is not, and it lists nothing."""
        nowhere = Scope(DEFAULT_TENANT, "nowhere")
        with pytest.raises(NotFoundError, match=r"Database \[nowhere\] not found"):
            engine.create_collection(nowhere, NewCollection("c"))
        for verb in (engine.get_collection, engine.delete_collection):
            with pytest.raises(NotFoundError):
                verb(nowhere, "c")
        assert engine.list_collections(nowhere) == []
        assert engine.count_collections(nowhere) == 0

    def test_collections_are_listed_by_name(self, engine: Engine) -> None:
        """A listing of collections is in the order of names, by pages."""
        for name in ("mid", "zoo", "Abc", "abc"):
            make(engine, name=name)
        assert [found.name for found in engine.list_collections(DEFAULT)] == ["Abc", "abc", "mid", "zoo"]
        assert [found.name for found in engine.list_collections(DEFAULT, limit=2, offset=1)] == ["abc", "mid"]
        assert engine.list_collections(DEFAULT, limit=0) == []
        assert [found.name for found in engine.list_collections(DEFAULT, offset=3)] == ["zoo"]
        assert engine.count_collections(DEFAULT) == 4

    def test_many_small_collections(self, engine: Engine) -> None:
        """Two hundred collections keep their records apart."""
        made = [make(engine, name=f"c{n:03}") for n in range(200)]
        for n, collection in enumerate(made):
            put(engine, collection, ["a", f"only {n}"], documents=[f"document {n}", None])
        assert engine.count_collections(DEFAULT) == 200
        for n, collection in enumerate(made):
            assert ids(engine, collection) == ["a", f"only {n}"]
            assert engine.get(collection, Get(ids=["a"])).documents == [f"document {n}"]

    def test_modify_renames(self, engine: Engine) -> None:
        """A collection is found by its new name, with its records, and the old name is free."""
        collection = make(engine, name="old")
        put(engine, collection, ["a"])
        assert engine.modify_collection(collection, Change(name="new")).name == "new"
        assert engine.get_collection(DEFAULT, "new").id == collection
        with pytest.raises(NotFoundError, match=r"Collection \[old\] does not exist"):
            engine.get_collection(DEFAULT, "old")
        assert engine.count(collection) == 1
        assert make(engine, name="old") != collection

    def test_modify_refuses_a_name_that_is_taken(self, engine: Engine) -> None:
        """A rename to another collection's name changes nothing; to the own name it is harmless."""
        collection, _ = make(engine, name="one"), make(engine, name="two")
        before = engine.get_collection_by_id(collection)
        with pytest.raises(UniqueConstraintError, match=r"Collection \[two\] already exists"):
            engine.modify_collection(collection, Change(name="two", metadata={"x": 1}, effort=7))
        same_info(engine.get_collection_by_id(collection), before)
        same_info(engine.modify_collection(collection, Change(name="one")), before)

    def test_modify_replaces_metadata(self, engine: Engine) -> None:
        """Metadata is replaced as a whole, removed by an empty one, and kept when not given."""
        new = NewCollection("c", "ip", 50, {"x": 1, "y": 2}, {"a": 1})
        made = engine.create_collection(DEFAULT, new)
        assert engine.modify_collection(made.id, Change(metadata={"z": 1.0})).metadata == {"z": 1.0}
        changed = engine.modify_collection(made.id, Change(configuration={"b": 2}, effort=60))
        assert (changed.metadata, changed.configuration, changed.effort) == ({"z": 1.0}, {"b": 2}, 60)
        assert engine.modify_collection(made.id, Change(metadata={})).metadata is None
        found = engine.get_collection_by_id(made.id)
        assert (found.name, found.space, found.configuration, found.effort) == ("c", "ip", {"b": 2}, 60)

    def test_modify_changes_all_at_once(self, engine: Engine) -> None:
        """One call may change everything that can be changed, and the space and the records are not among it."""
        made = engine.create_collection(DEFAULT, NewCollection("old", "ip", 50, {"x": 1}, {"a": 1}, {"s": 1}))
        put(engine, made.id, ["a"])
        changed = engine.modify_collection(made.id, Change("new", {}, {"b": 2}, 60))
        assert (changed.name, changed.metadata, changed.configuration, changed.effort) == ("new", None, {"b": 2}, 60)
        assert (changed.id, changed.space, changed.schema, changed.dimension) == (made.id, "ip", {"s": 1}, 3)
        same_info(engine.get_collection_by_id(made.id), changed)

    @pytest.mark.parametrize("verb", RECORD_VERBS)
    def test_unknown_collections(self, engine: Engine, verb: str) -> None:
        """Every verb refuses an id that never was a collection's, or is no longer."""
        collection = make(engine, name="c")
        put(engine, collection, ["a"], embeddings=vectors([0, 0]))
        engine.delete_collection(DEFAULT, "c")
        for gone in (collection, NOWHERE):
            with pytest.raises(NotFoundError, match=rf"Collection \[{gone}\] does not exist"):
                RECORD_VERBS[verb](engine, gone)

    def test_delete_collection(self, engine: Engine) -> None:
        """A removed collection's name is free, and a new one of it is empty and takes any dimension."""
        collection = make(engine, name="c")
        put(engine, collection, ["a"])
        engine.delete_collection(DEFAULT, "c")
        with pytest.raises(NotFoundError, match=r"Collection \[c\] does not exist"):
            engine.delete_collection(DEFAULT, "c")
        with pytest.raises(NotFoundError, match=r"Collection \[c\] does not exist"):
            engine.get_collection(DEFAULT, "c")
        again = make(engine, name="c")
        assert engine.count(again) == 0
        put(engine, again, ["a"], embeddings=vectors([0, 0]))
        assert ids(engine, again) == ["a"]

    def test_reset(self, engine: Engine) -> None:
        """A reset leaves the default tenant and database, empty."""
        engine.create_tenant("acme")
        collection = make(engine)
        put(engine, collection, ["a"])
        engine.reset()
        with pytest.raises(NotFoundError):
            engine.get_tenant("acme")
        with pytest.raises(NotFoundError):
            engine.count(collection)
        assert engine.list_collections(DEFAULT) == []
        put(engine, make(engine), ["a"])

    def test_close_twice(self, engine: Engine) -> None:
        """Closing twice is harmless."""
        engine.close()
        engine.close()
