"""What of a collection only Chroma's cloud does; a local Chroma refuses it, and so do we, in words that begin alike."""

from typing import Any, NoReturn, Self

from ochredb.chroma.search import Search, SearchResult
from ochredb.chroma.types import AttachedFunction, Function, IndexingStatus, OneOrMany, ReadLevel
from ochredb.core.errors import NotSupported

ATTACHED = "Attached functions are only supported when connecting to a Chroma server via HttpClient."
COPY = "add the records of get(include=[...]) to a new collection"


class CloudOnly:
    """The methods of a collection that ask for a server."""

    def search(self, searches: OneOrMany[Search], read_level: ReadLevel = ReadLevel.INDEX_AND_WAL) -> SearchResult:
        """Refuse, as Chroma does in a process: `query` is what there is.

        Raises:
            NotSupported: Always.
        """
        del searches, read_level
        _refuse("Search is not implemented for Local Chroma", "search", "use query()")

    def fork(self, new_name: str) -> Self:
        """Refuse, as Chroma does in a process.

        Raises:
            NotSupported: Always.
        """
        del new_name
        _refuse("Collection forking is not implemented for Local Chroma", "fork", COPY)

    def fork_count(self) -> int:
        """Refuse, as Chroma does in a process.

        Raises:
            NotSupported: Always.
        """
        _refuse("Fork count is not implemented for Local Chroma", "fork", COPY)

    def get_indexing_status(self) -> IndexingStatus:
        """Refuse, as Chroma does in a process; what is written is found by the next query.

        Raises:
            NotSupported: Always.
        """
        _refuse("Indexing status is not implemented for Local Chroma", "get_indexing_status", "see `ochre stats`")

    def attach_function(
        self, function: Function, name: str, output_collection: str, params: dict[str, Any] | None = None
    ) -> tuple[AttachedFunction, bool]:
        """Refuse, as Chroma does in a process: functions run in its cloud.

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
