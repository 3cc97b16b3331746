"""Whether records are the same: a checksum of many of them, and a comparison of one batch with another."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec
import numpy as np
from msgspec import Struct

from ochredb.core.model import Records

NEAR = 1e-5
"""How far, relatively, an embedding may come back from an engine that keeps normalised ones."""

_encode = msgspec.json.Encoder(order="sorted").encode
_ALL = (1 << 64) - 1


class Stamp(Struct, frozen=True):
    """How many records there were, and their checksum: 16 hexadecimal digits."""

    rows: int
    digest: str


class Digest:
    """The checksum of records, which does not depend on their order, nor on the batches that they come in.

    It is the sum of the records' own, modulo 2 to the 64th: BLAKE2b over the JSON of id, document, metadata (its keys
    sorted) and URI, and over the little-endian float32s of the embedding. So it is the same for a file of any format
    and for an engine of any kind, and an id that comes twice is seen.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, records: Records) -> None:
        """Take a batch in."""
        for body, vector in zip(bodies(records), vectors(records), strict=True):
            one = blake2b(body, digest_size=8)
            one.update(vector)
            self._sum += int.from_bytes(one.digest(), "little")
        self.rows += len(records)

    def stamp(self) -> Stamp:
        """Give what has come so far."""
        return Stamp(self.rows, f"{self._sum & _ALL:016x}")


def bodies(records: Records) -> list[bytes]:
    """Write all of each record but its embedding in one way only: 1, 1.0 and True are three, absent and empty two."""
    nothing = [None] * len(records)
    rows = zip(
        records.ids,
        records.documents or nothing,
        [metadata or None for metadata in records.metadatas or nothing],
        records.uris or nothing,
        strict=True,
    )
    return [_encode(row) for row in rows]


def differing(wanted: Records, found: Records) -> tuple[list[int], int]:
    """Compare records with those of the same ids that an engine gave.

    Args:
        wanted: As they are to be; each id once. Columns that are None are not compared.
        found: With the columns that `wanted` has, in any order; some may be missing.

    Returns:
        The rows of `wanted` that are missing or other, and how many embeddings are the same but for rounding.
    """
    place = {id_: row for row, id_ in enumerate(found.ids)}
    there = [row for row, id_ in enumerate(wanted.ids) if id_ in place]
    ours, theirs = wanted.take(there), _narrowed(found.take([place[wanted.ids[row]] for row in there]), wanted)
    same = np.array([a == b for a, b in zip(bodies(ours), bodies(theirs), strict=True)], np.bool_)
    rounded = 0
    if ours.embeddings is not None and theirs.embeddings is not None and there:
        if ours.embeddings.shape != theirs.embeddings.shape:
            return list(range(len(wanted))), 0
        exact = (ours.embeddings == theirs.embeddings).all(axis=1)
        near = np.isclose(ours.embeddings, theirs.embeddings, rtol=NEAR, atol=NEAR).all(axis=1)
        same &= near
        rounded = int((same & ~exact).sum())
    good = {row for row, is_same in zip(there, same.tolist(), strict=True) if is_same}
    return [row for row in range(len(wanted)) if row not in good], rounded


def _narrowed(found: Records, wanted: Records) -> Records:
    """Leave out the columns that are not to be compared."""
    return Records(
        found.ids,
        found.embeddings,
        None if wanted.documents is None else found.documents,
        None if wanted.metadatas is None else found.metadatas,
        None if wanted.uris is None else found.uris,
    )


def vectors(records: Records) -> Sequence[bytes | memoryview]:
    """Give each embedding as its little-endian float32s; no bytes where there are no embeddings."""
    if records.embeddings is None:
        return [b""] * len(records)
    data = np.ascontiguousarray(records.embeddings, "<f4")
    view, width = memoryview(data.tobytes()), data.shape[1] * 4
    return [view[row * width : (row + 1) * width] for row in range(len(records))]
