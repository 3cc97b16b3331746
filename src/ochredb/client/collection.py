"""A collection as its user sees it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from ochredb.chroma import attributes, check, config, matrix
from ochredb.chroma.check import saying
from ochredb.chroma.schema import described, refuse_unindexed
from ochredb.chroma.shape import GetResult, QueryResult, get_result, query_result
from ochredb.chroma.types import (
    ID,
    URI,
    CollectionConfiguration,
    CollectionMetadata,
    CollectionModel,
    DeleteResult,
    IDs,
    Include,
    OneOrMany,
    ReadLevel,
    UpdateCollectionConfiguration,
    Vectors,
    Where,
    WhereDocument,
)
from ochredb.chroma.types import Metadata as AnyMetadata
from ochredb.client import functions
from ochredb.client.cloud import CloudOnly
from ochredb.client.schema import Schema
from ochredb.core.engine import Engine
from ochredb.core.errors import BadType, BadValue, InvalidArgumentError
from ochredb.core.model import Change, CollectionInfo, Delete, Floats, Get, Metadata, Mode, Query, Records, Write
from ochredb.core.where import Where as Filter
from ochredb.embed.protocol import Image, check_signature, normalize_embeddings
from ochredb.embed.registry import persisted_form, rebuild

GET_FIELDS: Include = ["metadatas", "documents"]
QUERY_FIELDS: Include = ["metadatas", "documents", "distances"]


class Collection(CloudOnly):
    """Records of one name: ids with embeddings, documents and metadata.

    Clients make collections; they are not made by hand. `id`, `name`, `metadata`, `tenant` and `database` are what they
    were when this object was made, or when its `modify` was last called. An object of a collection that was deleted
    raises `NotFoundError`.
    """

    def __init__(self, client: "Any", info: CollectionInfo, embedding_function: Any, data_loader: Any = None) -> None:
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
        """The configuration as JSON: `hnsw`, `spann`, `embedding_function`."""
        return self._info.configuration

    @property
    def configuration(self) -> CollectionConfiguration:
        """The configuration with the embedding function rebuilt.

        Raises:
            ValueError: The function's class is not registered in this process.
        """
        stored = self._info.configuration
        configuration: Any = {**stored, "embedding_function": rebuild(stored.get("embedding_function"))}
        found: CollectionConfiguration = configuration
        return found

    @property
    def schema(self) -> Schema:
        """The indexes, and how embeddings are made and compared."""
        return Schema.deserialize_from_json(described(self._info.configuration, self._info.schema))

    @property
    def tenant(self) -> str:
        """The tenant that it belongs to."""
        return self._info.scope.tenant

    @property
    def database(self) -> str:
        """The database that it belongs to."""
        return self._info.scope.database

    def __repr__(self) -> str:
        return f"Collection(name={self.name})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Collection):
            return False
        return replace(self._info, dimension=None) == replace(other._info, dimension=None)

    def __hash__(self) -> int:
        return hash(self._info.id)

    def count(self, read_level: ReadLevel = ReadLevel.INDEX_AND_WAL) -> int:
        """Count the records; every answer knows all that was written, whatever the read level."""
        del read_level
        return self._engine.count(self._info.id)

    def add(
        self,
        ids: OneOrMany[ID],
        embeddings: Vectors | None = None,
        metadatas: AnyMetadata | Sequence[AnyMetadata | None] | None = None,
        documents: str | Sequence[str | None] | None = None,
        images: Image | list[Image] | None = None,
        uris: URI | Sequence[URI | None] | None = None,
    ) -> None:
        """Add records, all or none, in one transaction of any size; ids that exist are left as they are.

        Args:
            ids: Unique within the call; 1 to 65,536 bytes of UTF-8 each.
            embeddings: (n, dimension): a list of lists, or an array of float16, float32, float64, int32 or int64;
                stored as
                float32. Without it, documents or images are embedded.
            metadatas: One dict a record, or None: str keys; str, int, float, bool, a non-empty list of one of these,
                or a `SparseVector`.
            documents: One text a record.
            images: One array a record, for an embedding function that takes images.
            uris: One a record.

        Raises:
            ValueError: Lengths that differ, or a value of a wrong kind; the text names the place.
            DuplicateIDError: An id twice.
            InvalidArgumentError: A dimension other than the collection's, NaN or infinity.
            NotFoundError: The collection was deleted.
        """
        self._write("add", ids, embeddings, metadatas, documents, images, uris)

    def upsert(
        self,
        ids: OneOrMany[ID],
        embeddings: Vectors | None = None,
        metadatas: AnyMetadata | Sequence[AnyMetadata | None] | None = None,
        documents: str | Sequence[str | None] | None = None,
        images: Image | list[Image] | None = None,
        uris: URI | Sequence[URI | None] | None = None,
    ) -> None:
        """Add records, and change those that exist: metadata is merged, what is not given stays.

        Arguments and errors are those of `add`.
        """
        self._write("upsert", ids, embeddings, metadatas, documents, images, uris)

    def update(
        self,
        ids: OneOrMany[ID],
        embeddings: Vectors | None = None,
        metadatas: AnyMetadata | Sequence[AnyMetadata | None] | None = None,
        documents: str | Sequence[str | None] | None = None,
        images: Image | list[Image] | None = None,
        uris: URI | Sequence[URI | None] | None = None,
    ) -> None:
        """Change records that exist: metadata is merged, a value of None removes its key, what is not given stays.

        New documents without embeddings are embedded; unknown ids are passed over. Arguments and errors are those of
        `add`.
        """
        self._write("update", ids, embeddings, metadatas, documents, images, uris)

    def get(
        self,
        ids: OneOrMany[ID] | None = None,
        where: Where | None = None,
        limit: int | None = None,
        offset: int | None = None,
        where_document: WhereDocument | None = None,
        include: Include = GET_FIELDS,
    ) -> GetResult:
        """Give records in the order in which they were added.

        Args:
            ids: Only these; unknown ones drop out.
            where: Only those whose metadata match, e.g. `{"year": {"$gte": 2015}}`.
            limit: At most so many.
            offset: After passing over so many.
            where_document: Only those whose document matches, e.g. `{"$contains": "text"}`.
            include: Of "documents", "embeddings", "metadatas", "uris", "data"; documents and metadatas if not given.

        Raises:
            ValueError: A filter or another argument that means nothing; the text names the place.
            NotFoundError: The collection was deleted.
        """
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
        found = self._engine.get(self._info.id, wanted)
        result = get_result(found, include)
        if "data" in include:
            result["data"] = self._load(found, include)
            links: Any = found.uris
            result["uris"] = links
        return result

    def peek(self, limit: int = 10) -> GetResult:
        """Give the first records, embeddings included."""
        return self.get(limit=limit, include=["metadatas", "documents", "embeddings"])

    def query(
        self,
        query_embeddings: Vectors | None = None,
        query_texts: OneOrMany[str] | None = None,
        query_images: Image | list[Image] | None = None,
        query_uris: OneOrMany[URI] | None = None,
        ids: OneOrMany[ID] | None = None,
        n_results: int = 10,
        where: Where | None = None,
        where_document: WhereDocument | None = None,
        include: Include = QUERY_FIELDS,
    ) -> QueryResult:
        """Give the records nearest to each query, nearest first.

        Args:
            query_embeddings: (q, dimension), as `embeddings` of `add`; or one of the following, which is embedded.
            query_texts: Texts.
            query_images: Arrays.
            query_uris: URIs that the data loader turns into images.
            ids: Only among these; unknown ones are passed over.
            n_results: At most so many a query; at least 1.
            where: As in `get`.
            where_document: As in `get`.
            include: As in `get`, and "distances": metadatas, documents and distances if not given. Distances are in the
                collection's space: l2 = sum (x - y)^2, cosine = 1 - cos, ip = 1 - dot.

        Raises:
            ValueError: An argument that means nothing; the text names the place.
            InvalidArgumentError: A dimension other than the collection's.
            NotFoundError: The collection was deleted.
        """
        include = list(QUERY_FIELDS) if include is QUERY_FIELDS else include
        with saying("query"):
            k = check.count_wanted(n_results)
            filters = self._filters(where, where_document)
            fields = check.fields(check.include(include, distances=True))
            self._needs_loader(include)
            nobody = isinstance(ids, list) and not ids
            among = [] if nobody else None if ids is None else check.record_ids(ids, unique=False)
            queries = self._queries(query_embeddings, query_texts, query_images, query_uris)
        hits = self._engine.query(self._info.id, Query(queries, k, among, filters, fields))
        result = query_result(hits, include)
        if "data" in include:
            result["data"] = [self._load(records, include) for records in hits.records]
            links: Any = [records.uris for records in hits.records]
            result["uris"] = links
        return result

    def delete(
        self,
        ids: IDs | None = None,
        where: Where | None = None,
        where_document: WhereDocument | None = None,
        limit: int | None = None,
    ) -> DeleteResult:
        """Remove the records that have one of the ids, if given, and match the filters, if given.

        Returns:
            `{"deleted": n}`: how many matched the filters, or without any how many ids there were, known or not.

        Raises:
            ValueError: Neither ids nor a filter, or a limit without a filter.
            NotFoundError: The collection was deleted.
        """
        with saying("delete"):
            if ids is None and where is None and where_document is None:
                raise BadValue("At least one of ids, where, or where_document must be provided")
            if limit is not None:
                self._check_limit(limit, where, where_document)
            wanted = Delete(None if ids is None else check.record_ids(ids), self._filters(where, where_document), limit)
        removed = self._engine.delete(self._info.id, wanted)
        return {"deleted": len(wanted.ids) if wanted.ids is not None and wanted.where is None else removed}

    def modify(
        self,
        name: str | None = None,
        metadata: CollectionMetadata | None = None,
        configuration: UpdateCollectionConfiguration | None = None,
    ) -> None:
        """Rename the collection, replace its metadata, or change its configuration; what is None stays.

        Raises:
            ValueError: Metadata that would change the space, or a configuration that cannot be changed so.
            UniqueConstraintError: The name is taken.
        """
        if isinstance(metadata, dict) and "hnsw:space" in metadata:
            raise BadValue(
                "Changing the distance function of a collection once it is created is not supported currently."
            )
        settled = None if configuration is None else self._changed(configuration)
        change = Change(
            name=None if name is None else check.collection_name(name, "new_name"),
            metadata=attributes.collection_metadata(metadata, changing=True),
            configuration=None if settled is None else settled.json,
            effort=None if settled is None else settled.effort,
        )
        self._info = self._engine.modify_collection(self._info.id, change)

    def get_model(self) -> CollectionModel:
        """Give all that is known of the collection, under Chroma's names."""
        return CollectionModel(
            id=self.id,
            name=self.name,
            configuration_json=self.configuration_json,
            serialized_schema=described(self._info.configuration, self._info.schema),
            metadata=self.metadata,
            dimension=self._info.dimension,
            tenant=self.tenant,
            database=self.database,
        )

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

    def _filters(self, where: object, where_document: object) -> Filter | None:
        found = check.filters(where, where_document)
        refuse_unindexed(found, self._info.schema)
        return found

    @property
    def _engine(self) -> Engine:
        engine: Engine = self._client._engine
        return engine

    def _write(
        self,
        mode: Mode,
        ids: object,
        embeddings: object,
        metadatas: object,
        documents: object,
        images: object,
        uris: object,
    ) -> None:
        with saying(mode):
            columns = check.columns(
                {
                    "ids": ids,
                    "metadatas": metadatas,
                    "embeddings": embeddings,
                    "documents": documents,
                    "images": images,
                    "uris": uris,
                }
            )
            rows = None if embeddings is None else matrix.numbers(columns["embeddings"])
            texts = check.documents(columns["documents"], optional=rows is not None)
            pictures = check.images(columns["images"])
            read = check.record_ids(columns["ids"])
            metadata, set_uris = attributes.record_metadatas(columns["metadatas"])
            source = None if rows is not None else self._source(mode, texts, pictures, columns["uris"])
            links = check.uris(columns["uris"])
            check.refuse_empty_ids(read)
        vectors = matrix.floats(rows) if rows is not None else None if source is None else self._vectors(source)
        if set_uris:
            links = [set_uris.get(row, link) for row, link in enumerate(links or [None] * len(read))]
        self._engine.write(self._info.id, Write(mode, Records(read, vectors, texts, metadata, links)))

    def _source(self, verb: str, texts: Any, images: Any, links: Any) -> Any:
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
        return self._loaded(value) if kind == "uris" else value

    def _queries(self, vectors: object, texts: object, images: Any, links: object) -> Floats:
        columns = check.columns(
            {"embeddings": vectors, "documents": texts, "images": images, "uris": links}, "query_embeddings"
        )
        rows = None if vectors is None else matrix.numbers(columns["embeddings"], "query_embeddings")
        asked = check.documents(columns["documents"], optional=rows is not None)
        pictures = check.images(columns["images"])
        if rows is not None:
            return matrix.floats(rows, "query_embeddings")
        return self._vectors(self._source("query", asked, pictures, columns["uris"]), is_query=True)

    def _vectors(self, source: Any, is_query: bool = False) -> Floats:
        vectors = matrix.embeddings(self._embed(source, is_query))
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

    def _loaded(self, links: Sequence[str | None] | None) -> Any:
        if self._data_loader is None:
            raise BadValue("You must set a data loader on the collection if loading from URIs.")
        return self._data_loader(links)

    def _needs_loader(self, included: Include) -> None:
        if "data" in included and self._data_loader is None:
            raise BadValue("You must set a data loader on the collection if loading from URIs.")

    def _load(self, records: Records, included: Include) -> Any:
        if "uris" not in included:
            included.append("uris")  # Chroma adds it to the caller's own list, and its callers rely on it
        return self._loaded(records.uris)

    def _check_limit(self, limit: object, where: object, where_document: object) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise BadType(f"limit must be a non-negative integer, got {limit!r}")
        if limit < 0:
            raise BadValue(f"limit must be a non-negative integer, got {limit}")
        if where is None and where_document is None:
            raise BadValue("limit can only be specified when a where or where_document clause is provided")
