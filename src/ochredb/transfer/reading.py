"""Rows that come from outside: they become `Records`, or are refused with their place."""

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import BadValue
from ochredb.core.model import Fields, Floats, Metadata, MetadataValue, Records
from ochredb.core.where import INT64
from ochredb.transfer.feed import Fault
from ochredb.transfer.source import Loss

LARGEST = float(np.finfo(np.float32).max)


class Row(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One record; what it does not have is left out."""

    id: str
    document: str | None = None
    metadata: dict[str, MetadataValue] | None = None
    uri: str | None = None
    embedding: list[float] | None = None


def checked_metadata(metadata: dict[str, Any] | None) -> Metadata | None:
    """Give metadata as an engine takes it: a key with the value None is one that is not there.

    Raises:
        BadValue: An empty or mixed list, an int beyond 64 bits, or a float that is not finite.
    """
    if not metadata:
        return None
    for key, value in metadata.items():
        if type(value) is int and value not in INT64:
            raise BadValue(f"metadata[{key!r}] is {value}, which is beyond 64 bits")
        if type(value) is float and not isfinite(value):
            raise BadValue(f"metadata[{key!r}] is {value}, which is no finite number")
        if type(value) is list:
            _check_list(key, value)
    if None in metadata.values():
        return {key: value for key, value in metadata.items() if value is not None} or None
    return metadata


def checked_id(id_: str | None) -> str:
    """Give an id back, unless it is empty or missing."""
    if not id_:
        raise BadValue("there is no id")
    return id_


class Widths:
    """Sees to it that all embeddings of a collection have one dimension, or that there are none."""

    def __init__(self) -> None:
        self._known: list[int | None] = []

    def admit(self, embedding: list[float] | None) -> None:
        """Take an embedding, or None, if it is as the first one that was taken.

        Raises:
            BadValue: It has another dimension, or no number at all.
        """
        came = None if embedding is None else len(embedding)
        if came == 0:
            raise BadValue("the embedding has no number")
        if self._known and came != self._known[0]:
            known = self._known[0]
            raise BadValue(
                f"the embedding {_MISSING if came is None else f'has dimension {came}'}, and that of the first row "
                f"{_MISSING if known is None else f'has dimension {known}'}"
            )
        self._known = [came]


_MISSING = "is missing"


def matrix(rows: list[list[float]]) -> Floats:
    """Give embeddings of one length as float32 (n, dimension).

    Raises:
        BadValue: A number is not finite as float32.
    """
    wide = np.array(rows, np.float64)
    if wide.size and not np.abs(wide).max() <= LARGEST:  # NaN is not either
        raise BadValue("an embedding holds a number that is not finite as float32")
    return wide.astype(np.float32)


def gathered(rows: list[Row], fields: Fields) -> Records:
    """Make one batch of rows that were checked, with the columns that are asked for."""
    given: dict[str, Any] = {}
    if "embeddings" in fields and rows and rows[0].embedding is not None:
        given["embeddings"] = matrix([row.embedding or [] for row in rows])
    if "documents" in fields:
        given["documents"] = [row.document for row in rows]
    if "metadatas" in fields:
        given["metadatas"] = [row.metadata or None for row in rows]
    if "uris" in fields:
        given["uris"] = [row.uri for row in rows]
    return Records([row.id for row in rows], **given)


def sifted(
    whole: Records, metadata: Callable[[int], dict[str, Any] | None], place: Callable[[int], str], fault: Fault
) -> Iterator[Records]:
    """Give the rows of a batch that can be records, if there are any.

    Args:
        whole: As it was read, but for the metadata.
        metadata: Reads that of a row; it is asked for every row in turn, if `whole` has metadata.
        place: Names a row in errors.
        fault: Is told of the rows that cannot.
    """
    rows = np.zeros((len(whole), 1)) if whole.embeddings is None else whole.embeddings
    finite = np.isfinite(rows).all(axis=1).reshape(-1)
    good: list[int] = []
    kept: list[Metadata | None] = []
    for row, id_ in enumerate(whole.ids):
        try:
            kept.append(None if whole.metadatas is None else checked_metadata(metadata(row)))
            checked_id(id_)
            if not finite[row]:
                raise BadValue("the embedding is missing, or holds a number that is not finite as float32")
        except (msgspec.MsgspecError, BadValue) as error:
            fault(Loss(place(row), told(error), 1))
            kept[row:] = [None]
            continue
        good.append(row)
    found = whole if whole.metadatas is None else replace(whole, metadatas=kept)
    if good:
        yield found if len(good) == len(whole) else found.take(good)


def joined(batches: Sequence[Records]) -> Records:
    """Make one batch of several that have the same columns."""
    if len(batches) == 1:
        return batches[0]

    def column(name: str) -> list[Any] | None:
        parts = [getattr(batch, name) for batch in batches]
        return None if parts[0] is None else [one for part in parts for one in part]

    parts = [batch.embeddings for batch in batches if batch.embeddings is not None]
    return Records(
        column("ids") or [],
        np.concatenate(parts) if parts else None,
        column("documents"),
        column("metadatas"),
        column("uris"),
    )


def size(records: Records) -> int:
    """Give about how many bytes records hold: embeddings and texts."""
    texts = (records.ids, records.documents or (), records.uris or ())
    length = sum(len(text) for column in texts for text in column if text is not None)
    return length + (0 if records.embeddings is None else records.embeddings.nbytes)


def told(error: msgspec.MsgspecError | UnicodeDecodeError | BadValue) -> str:
    """Say what is wrong in one line, without the class."""
    return error.message() if isinstance(error, BadValue) else str(error)


def _check_list(key: str, value: list[Any]) -> None:
    kinds = {type(item) for item in value}
    if len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        raise BadValue(f"metadata[{key!r}] is {str(value)[:80]}; a list holds values of one type, and at least one")
    if kinds == {int} and any(item not in INT64 for item in value):
        raise BadValue(f"metadata[{key!r}] holds a number beyond 64 bits")
    if kinds == {float} and not all(map(isfinite, value)):
        raise BadValue(f"metadata[{key!r}] holds a number that is not finite")
