"""What a collection tells of itself without asking its engine."""

from copy import deepcopy
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from ochredb.chroma.schema import described
from ochredb.chroma.types import CollectionConfiguration, CollectionModel
from ochredb.client.schema import Schema
from ochredb.core.model import CollectionInfo, Metadata
from ochredb.embed.registry import rebuild


class Described:
    """A collection as it was when this object was made, or when its `modify` was last called."""

    def __init__(self, client: Any, info: CollectionInfo, embedding_function: Any, data_loader: Any = None) -> None:
        self._client = client
        self._info = info
        self._embedding_function = embedding_function
        self._data_loader = data_loader

    @property
    def id(self) -> UUID:
        """The collection's UUID, which stays when its name changes."""
        return UUID(self._info.id)

    @property
    def name(self) -> str:
        """The collection's name."""
        return self._info.name

    @property
    def metadata(self) -> Metadata | None:
        """The collection's own metadata."""
        return self._info.metadata

    @property
    def configuration_json(self) -> dict[str, Any]:
        """The configuration as JSON: `hnsw`, `spann`, `embedding_function`; a copy, the caller's own."""
        return deepcopy(self._info.configuration)

    @property
    def configuration(self) -> CollectionConfiguration:
        """The configuration with the embedding function rebuilt.

        Raises:
            ValueError: The function's class is not registered in this process.
        """
        stored = self.configuration_json
        configuration: Any = {**stored, "embedding_function": rebuild(stored.get("embedding_function"))}
        found: CollectionConfiguration = configuration
        return found

    @property
    def schema(self) -> Schema:
        """The indexes, and how embeddings are made and compared."""
        return Schema.deserialize_from_json(described(self.configuration_json, self._info.schema))

    @property
    def tenant(self) -> str:
        """The tenant that it belongs to."""
        return self._info.scope.tenant

    @property
    def database(self) -> str:
        """The database that it belongs to."""
        return self._info.scope.database

    def get_model(self) -> CollectionModel:
        """Give all that is known of the collection, under Chroma's names."""
        return CollectionModel(
            id=self.id,
            name=self.name,
            configuration_json=self.configuration_json,
            serialized_schema=described(self.configuration_json, self._info.schema),
            metadata=self.metadata,
            dimension=self._info.dimension,
            tenant=self.tenant,
            database=self.database,
        )

    def __repr__(self) -> str:
        return f"Collection(name={self.name})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Described):
            return False
        return replace(self._info, dimension=None) == replace(other._info, dimension=None)

    def __hash__(self) -> int:
        return hash(self._info.id)
