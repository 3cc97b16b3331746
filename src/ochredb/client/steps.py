"""What happens between the arguments of a collection's verbs and its engine: checked once, embedded where needed.

Steps that may take long, an embedding function or a data loader, are asked for through the client, which knows whether
its thread may wait for them.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ochredb.chroma import attributes, check, config, matrix, table
from ochredb.chroma.check import saying
from ochredb.chroma.schema import refuse_unindexed
from ochredb.chroma.shape import GetResult, get_result
from ochredb.chroma.types import Include
from ochredb.client import functions
from ochredb.client.asking import Ask
from ochredb.client.description import Described
from ochredb.core.engine import Engine
from ochredb.core.errors import BadType, BadValue, InvalidArgumentError
from ochredb.core.model import Floats, Get, Mode, Records, Write
from ochredb.core.where import Where
from ochredb.embed.protocol import check_signature, normalize_embeddings
from ochredb.embed.registry import persisted_form

GET_FIELDS: Include = ["metadatas", "documents"]


class Steps(Described):
    """The steps that the verbs of a blocking and of an asynchronous collection have in common."""

    @property
    def _engine(self) -> Engine:
        engine: Engine = self._client._engine
        return engine

    @property
    def _ask(self) -> Ask:
        ask: Ask = self._client._ask
        return ask

    @property
    def _aside(self) -> Ask:
        aside: Ask = self._client._aside
        return aside

    async def _write(
        self,
        mode: Mode,
        ids: object,
        embeddings: object,
        metadatas: object,
        documents: object,
        images: object,
        uris: object,
    ) -> None:
        records, source = await self._read(
            mode,
            {
                "ids": ids,
                "metadatas": metadatas,
                "embeddings": embeddings,
                "documents": documents,
                "images": images,
                "uris": uris,
            },
        )
        if source is not None:
            records = replace(records, embeddings=await self._vectors(source))
        await self._ask(self._engine.write, self._info.id, Write(mode, records))

    async def _read(self, mode: Mode, given: dict[str, Any]) -> tuple[Records, Any]:
        """Check the arguments of a write, in Chroma's order; give the records, and what they are to be embedded of."""
        with saying(mode):
            columns = check.columns(table.spread(given))
            rows = None if columns["embeddings"] is None else matrix.numbers(columns["embeddings"])
            texts = check.documents(columns["documents"], optional=rows is not None)
            pictures = check.images(columns["images"])
            read = check.record_ids(columns["ids"])
            metadata, set_uris = attributes.record_metadatas(columns["metadatas"])
            source = None if rows is not None else await self._source(mode, texts, pictures, columns["uris"])
            links = check.uris(columns["uris"])
            check.refuse_empty_ids(read)
        if set_uris:
            links = [set_uris.get(row, link) for row, link in enumerate(links or [None] * len(read))]
        return Records(read, None if rows is None else matrix.floats(rows), texts, metadata, links), source

    async def _get(
        self,
        ids: object = None,
        where: object = None,
        limit: object = None,
        offset: object = None,
        where_document: object = None,
        include: Include = GET_FIELDS,
    ) -> GetResult:
        include = list(GET_FIELDS) if include is GET_FIELDS else include  # the answer has the caller's own list
        with saying("get"):
            wanted = Get(
                ids=None if ids is None else check.record_ids(ids),
                where=self._filters(where, where_document),
                limit=check.bound(limit, "limit"),
                offset=check.bound(offset, "offset") or 0,
                fields=check.fields(check.include(include, distances=False)),
            )
            self._needs_loader(include)
        found = await self._ask(self._engine.get, self._info.id, wanted)
        result = get_result(found, include)
        if "data" in include:
            result["data"] = await self._load(found, include)
            links: Any = found.uris
            result["uris"] = links
        return result

    async def _queries(self, vectors: object, texts: object, images: Any, links: object) -> Floats:
        columns = check.columns(
            {"embeddings": vectors, "documents": texts, "images": images, "uris": links}, "query_embeddings"
        )
        rows = None if vectors is None else matrix.numbers(columns["embeddings"], "query_embeddings")
        asked = check.documents(columns["documents"], optional=rows is not None)
        pictures = check.images(columns["images"])
        if rows is not None:
            return matrix.floats(rows, "query_embeddings")
        return await self._vectors(await self._source("query", asked, pictures, columns["uris"]), is_query=True)

    async def _source(self, verb: str, texts: Any, images: Any, links: Any) -> Any:
        """Choose what embeddings are to be made of; an update may make none."""
        kinds = {"documents": texts, "images": images}
        if verb in ("add", "query"):
            kinds["uris"] = links
        given = {kind: value for kind, value in kinds.items() if value is not None}
        if verb == "update" and not given:
            return None
        if len(given) != 1:
            raise BadValue(f"Exactly one of {', '.join(kinds)} must be provided")
        ((kind, value),) = given.items()
        return await self._loaded(value) if kind == "uris" else value

    async def _vectors(self, source: Any, is_query: bool = False) -> Floats:
        vectors = matrix.embeddings(await self._aside(self._embed, source, is_query))
        if len(vectors) != len(source):
            raise InvalidArgumentError(
                "Inconsistent number of IDs, embeddings, documents, URIs and metadatas: "
                f"the embedding function gave {len(vectors)} vectors for {len(source)} inputs"
            )
        return vectors

    def _embed(self, input: Any, is_query: bool = False) -> Any:  # noqa: A002 - other packages call it so
        """Embed with the function that was given, else the one that the collection remembers, else the default."""
        function = functions.effective(self._embedding_function, self._info.configuration.get("embedding_function"))
        ask = getattr(function, "embed_query", function) if is_query else function
        return normalize_embeddings(ask(input=input))

    async def _loaded(self, links: Sequence[str | None] | None) -> Any:
        if self._data_loader is None:
            raise BadValue("You must set a data loader on the collection if loading from URIs.")
        return await self._aside(self._data_loader, links)

    async def _load(self, records: Records, included: Include) -> Any:
        if "uris" not in included:
            included.append("uris")  # Chroma adds it to the caller's own list, and its callers rely on it
        return await self._loaded(records.uris)

    def _needs_loader(self, included: Include) -> None:
        if "data" in included and self._data_loader is None:
            raise BadValue("You must set a data loader on the collection if loading from URIs.")

    def _filters(self, where: object, where_document: object) -> Where | None:
        found = check.filters(where, where_document)
        refuse_unindexed(found, self._info.schema)
        return found

    def _changed(self, configuration: Any) -> config.Settled:
        function = functions.configured(None, configuration)
        if function is not None:
            check_signature(function)
        stored, form = self._info.configuration, persisted_form(function)
        settled = config.change(stored, configuration, form)
        if form is not None and form["type"] == "known" and stored.get("embedding_function"):
            function.validate_config_update(stored["embedding_function"].get("config", {}), form["config"])
        functions.warn_of_space(function, settled.space)
        return settled

    def _check_limit(self, limit: object, where: object, where_document: object) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise BadType(f"limit must be a non-negative integer, got {limit!r}")
        if limit < 0:
            raise BadValue(f"limit must be a non-negative integer, got {limit}")
        if where is None and where_document is None:
            raise BadValue("limit can only be specified when a where or where_document clause is provided")
