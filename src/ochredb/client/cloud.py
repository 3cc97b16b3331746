"""What of a collection only Chroma's cloud does: a server is asked for it, and everybody else refuses it, as a local
Chroma does and in words that begin alike.
"""

from typing import Any, NoReturn, Protocol, runtime_checkable

from ochredb.chroma.search import Search, SearchResult
from ochredb.chroma.types import AttachedFunction, Function, IndexingStatus, OneOrMany, ReadLevel
from ochredb.client.steps import Steps
from ochredb.core.blocking import blocking
from ochredb.core.errors import BadValue, NotSupported
from ochredb.core.model import CollectionInfo
from ochredb.embed.registry import rebuild_sparse

ATTACHED = "Attached functions are only supported when connecting to a Chroma server via HttpClient."
COPY = "add the records of get(include=[...]) to a new collection"
EMBEDDING = "#embedding"


@runtime_checkable
class Cloud(Protocol):
    """An engine that passes on to a server what only some servers do."""

    def search(self, collection: str, searches: list[dict[str, Any]]) -> dict[str, Any]:
        """Search, in and out as in contract 2.5."""
        ...

    def fork(self, collection: str, new_name: str) -> CollectionInfo:
        """Copy a collection."""
        ...

    def fork_count(self, collection: str) -> int:
        """Count the copies of a collection."""
        ...

    def indexing_status(self, collection: str) -> IndexingStatus:
        """Tell how far the index has come."""
        ...


class CloudSteps(Steps):
    """The steps that the verbs of the cloud have in common."""

    def _cloud(self, told: str, feature: str, instead: str) -> Cloud:
        engine = self._engine
        if not isinstance(engine, Cloud):
            _refuse(told, feature, instead)
        return engine

    async def _fork(self, new_name: str) -> Any:
        cloud = self._cloud("Collection forking is not implemented for Local Chroma", "fork", COPY)
        info = await self._ask(cloud.fork, self._info.id, new_name)
        return type(self)(self._client, info, self._embedding_function, self._data_loader)

    async def _embedded(self, node: Any) -> Any:
        """Give a search with vectors in the place of texts."""
        if isinstance(node, list):
            return [await self._embedded(item) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("query"), str):
            return {**node, "query": await self._search_vector(node["query"], node.get("key", EMBEDDING))}
        return {key: await self._embedded(item) for key, item in node.items()}

    async def _search_vector(self, text: str, key: str) -> Any:
        if key == EMBEDDING:
            return (await self._vectors([text], is_query=True))[0].tolist()
        index = ((self._info.schema or {}).get("keys", {}).get(key, {}).get("sparse_vector") or {}).get(
            "sparse_vector_index", {}
        )
        function = rebuild_sparse(index.get("config", {}).get("embedding_function"))
        if function is None:
            raise BadValue(
                f"Knn(key={key!r}): the schema has no embedding function for it; give a SparseVector as query"
            )
        (vector,) = await self._aside(function.embed_query, [text])
        return vector.to_dict()


class CloudOnly(CloudSteps):
    """The methods of a collection that ask for a server."""

    @blocking
    async def search(
        self, searches: OneOrMany[Search], read_level: ReadLevel = ReadLevel.INDEX_AND_WAL
    ) -> SearchResult:
        """Search by an expression; `query` is what every engine has.

        Raises:
            NotSupported: In a process, as in Chroma; and by a server that does not do it.
        """
        del read_level
        cloud = self._cloud("Search is not implemented for Local Chroma", "search", "use query()")
        several = searches if isinstance(searches, list) else [searches]
        wanted = [await self._embedded(search.to_dict()) for search in several]
        return SearchResult(await self._ask(cloud.search, self._info.id, wanted))

    @blocking
    async def fork_count(self) -> int:
        """Count the copies of the collection in Chroma's cloud.

        Raises:
            NotSupported: In a process, as in Chroma; and by a server that does not do it.
        """
        cloud = self._cloud("Fork count is not implemented for Local Chroma", "fork", COPY)
        return await self._ask(cloud.fork_count, self._info.id)

    @blocking
    async def get_indexing_status(self) -> IndexingStatus:
        """Tell how far Chroma's cloud has come with the index; here what is written is found by the next query.

        Raises:
            NotSupported: In a process, as in Chroma; and by a server that does not do it.
        """
        told = "Indexing status is not implemented for Local Chroma"
        cloud = self._cloud(told, "get_indexing_status", "see `ochre stats`")
        return await self._ask(cloud.indexing_status, self._info.id)

    def attach_function(
        self, function: Function, name: str, output_collection: str, params: dict[str, Any] | None = None
    ) -> tuple[AttachedFunction, bool]:
        """Refuse: functions run in Chroma's cloud, and Ochre's clients have no part in it.

        Raises:
            NotSupported: Always.
        """
        del function, name, output_collection, params
        _refuse(ATTACHED, "attach_function", "compute it in your own program")

    def get_attached_function(self, name: str) -> AttachedFunction:
        """Refuse, as `attach_function` does.

        Raises:
            NotSupported: Always.
        """
        del name
        _refuse(ATTACHED, "attach_function", "compute it in your own program")

    def detach_function(self, name: str, delete_output_collection: bool = False) -> bool:
        """Refuse, as `attach_function` does.

        Raises:
            NotSupported: Always.
        """
        del name, delete_output_collection
        _refuse(ATTACHED, "attach_function", "compute it in your own program")


def _refuse(told: str, feature: str, instead: str) -> NoReturn:
    """Refuse what the local engine does not do; the text begins as Chroma's."""
    raise NotSupported(f"{told}: engine 'local' does not support the feature '{feature}'; {instead}")
