"""A collection as its user sees it."""

from collections.abc import Sequence
from typing import Any

from ochredb.chroma import attributes, check
from ochredb.chroma.check import saying
from ochredb.chroma.shape import GetResult, QueryResult, query_result
from ochredb.chroma.types import (
    ID,
    URI,
    CollectionMetadata,
    Column,
    DeleteResult,
    IDs,
    Include,
    OneOrMany,
    ReadLevel,
    Table,
    UpdateCollectionConfiguration,
    Vectors,
    Where,
    WhereDocument,
)
from ochredb.chroma.types import Metadata as AnyMetadata
from ochredb.client.cloud import CloudOnly
from ochredb.client.steps import GET_FIELDS
from ochredb.core.blocking import blocking
from ochredb.core.errors import BadValue
from ochredb.core.model import Change, Delete, Query
from ochredb.embed.protocol import Image

QUERY_FIELDS: Include = ["metadatas", "documents", "distances"]


class Collection(CloudOnly):
    """Records of one name: ids with embeddings, documents and metadata.

    Clients make collections; they are not made by hand. `id`, `name`, `metadata`, `tenant` and `database` are what they
    were when this object was made, or when its `modify` was last called. An object of a collection that was deleted
    raises `NotFoundError`.
    """

    @blocking
    async def count(self, read_level: ReadLevel = ReadLevel.INDEX_AND_WAL) -> int:
        """Count the records; every answer knows all that was written, whatever the read level."""
        del read_level
        return await self._ask(self._engine.count, self._info.id)

    @blocking
    async def add(
        self,
        ids: OneOrMany[ID] | Table,
        embeddings: Vectors | Column | None = None,
        metadatas: AnyMetadata | Sequence[AnyMetadata | None] | Column | None = None,
        documents: str | Sequence[str | None] | Column | None = None,
        images: Image | list[Image] | None = None,
        uris: URI | Sequence[URI | None] | Column | None = None,
    ) -> None:
        """Add records, all or none, in one transaction of any size; ids that exist are left as they are.

        Args:
            ids: Unique within the call; 1 to 65,536 bytes of UTF-8 each. Or a table that holds all of the following,
                with columns as `ochredb.ingest` reads them: Arrow's, a frame, a `Path` of a Parquet file, an iterator.
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
        await self._write("add", ids, embeddings, metadatas, documents, images, uris)

    @blocking
    async def upsert(
        self,
        ids: OneOrMany[ID] | Table,
        embeddings: Vectors | Column | None = None,
        metadatas: AnyMetadata | Sequence[AnyMetadata | None] | Column | None = None,
        documents: str | Sequence[str | None] | Column | None = None,
        images: Image | list[Image] | None = None,
        uris: URI | Sequence[URI | None] | Column | None = None,
    ) -> None:
        """Add records, and change those that exist: metadata is merged, what is not given stays.

        Arguments and errors are those of `add`.
        """
        await self._write("upsert", ids, embeddings, metadatas, documents, images, uris)

    @blocking
    async def update(
        self,
        ids: OneOrMany[ID] | Table,
        embeddings: Vectors | Column | None = None,
        metadatas: AnyMetadata | Sequence[AnyMetadata | None] | Column | None = None,
        documents: str | Sequence[str | None] | Column | None = None,
        images: Image | list[Image] | None = None,
        uris: URI | Sequence[URI | None] | Column | None = None,
    ) -> None:
        """Change records that exist: metadata is merged, a value of None removes its key, what is not given stays.

        New documents without embeddings are embedded; unknown ids are passed over. Arguments and errors are those of
        `add`.
        """
        await self._write("update", ids, embeddings, metadatas, documents, images, uris)

    @blocking
    async def get(
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
        return await self._get(ids, where, limit, offset, where_document, include)

    @blocking
    async def peek(self, limit: int = 10) -> GetResult:
        """Give the first records, embeddings included."""
        return await self._get(limit=limit, include=["metadatas", "documents", "embeddings"])

    @blocking
    async def query(
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
            queries = await self._queries(query_embeddings, query_texts, query_images, query_uris)
        wanted = Query(queries, k, among, filters, fields)
        hits = await self._ask(self._engine.query, self._info.id, wanted)
        result = query_result(hits, include)
        if "data" in include:
            result["data"] = [await self._load(records, include) for records in hits.records]
            links: Any = [records.uris for records in hits.records]
            result["uris"] = links
        return result

    @blocking
    async def delete(
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
            wanted = Delete(
                None if ids is None else check.record_ids(ids),
                self._filters(where, where_document),
                check.bound(limit, "limit"),
            )
        removed = await self._ask(self._engine.delete, self._info.id, wanted)
        return {"deleted": len(wanted.ids) if wanted.ids is not None and wanted.where is None else removed}

    @blocking
    async def modify(
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
        self._info = await self._ask(self._engine.modify_collection, self._info.id, change)

    @blocking
    async def fork(self, new_name: str) -> "Collection":
        """Copy the collection within Chroma's cloud, and give the copy.

        Raises:
            NotSupported: In a process, as in Chroma; and by a server that does not do it.
        """
        copy: Collection = await self._fork(new_name)
        return copy
