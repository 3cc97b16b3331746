"""The suite that every engine passes.

An engine's tests subclass `EngineContract` and provide a fixture `engine`: a new engine, empty but for the default
tenant and database. Where an engine raises `NotSupported`, its subclass overrides the test by one that skips, with the
reason. Beside the suite stands `ochredb.testing.machine.engine_machine`: the same random calls on the engine and on the
reference.
"""

from ochredb.testing.contract.catalog import CatalogContract
from ochredb.testing.contract.querying import QueryingContract
from ochredb.testing.contract.reading import ReadingContract
from ochredb.testing.contract.removing import RemovingContract
from ochredb.testing.contract.writing import WritingContract


class EngineContract(CatalogContract, WritingContract, ReadingContract, QueryingContract, RemovingContract):
    """One behaviour a method; the fixture `engine` comes from the subclass or its conftest."""
