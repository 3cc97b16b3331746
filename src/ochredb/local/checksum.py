"""Checksums of what the disk keeps: a value that comes back changed is refused, not believed.

SQLite notices damage to its own structure, but not to the values in it. So each row has a checksum that also covers its
rowid: 63 bits in `records`, the upper 31 over id and metadata, the lower 32 over document and URI, so that a scan of
metadata need not read documents; 64 bits in `vectors`.
"""

from zlib import crc32

import apsw
import numpy as np
import numpy.typing as npt

from ochredb.core.errors import CorruptError
from ochredb.core.model import Floats, Labels

_LOW = 0xFFFF_FFFF
_HIGH = 0x7FFF_FFFF
_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)


def of_record(rowid: int, id_: str, document: str | None, metadata: str | None, uri: str | None) -> int:
    """Compute the checksum of a row of `records`; metadata is its JSON text."""
    return of_head(rowid, id_, metadata) << 32 | of_body(rowid, document, uri)


def of_head(rowid: int, id_: str, metadata: str | None) -> int:
    """Compute the upper part, to be compared with `checksum >> 32`."""
    return crc32(f"{metadata is None}{id_}\0{metadata}".encode(), rowid & _LOW) & _HIGH


def of_body(rowid: int, document: str | None, uri: str | None) -> int:
    """Compute the lower part, to be compared with `checksum & 0xFFFFFFFF`."""
    # Writing the two flags takes as long as all the rest, and this is what they nearly always are.
    absent = "FalseTrue" if document is not None and uri is None else f"{document is None}{uri is None}"
    return crc32(f"{absent}{document}\0{uri}".encode(), rowid & _LOW)


def of_vectors(rowids: Labels, embeddings: Floats) -> npt.NDArray[np.int64]:
    """Compute the checksums of rows of `vectors`.

    The sum of the 32-bit words, each times an odd number of its own, modulo 2 to the 64th: no change to one word can
    leave it as it was. A CRC row by row in Python would take ten times as long.

    Args:
        rowids: int64 (n,).
        embeddings: float32 (n, dimension).
    """
    words = np.ascontiguousarray(embeddings, "<f4").view("<u4")
    weights = np.arange(1, 2 * words.shape[1], 2, dtype=np.uint64) * _GOLDEN
    products: npt.NDArray[np.uint64]
    products = np.einsum("nd,d->n", words, weights, dtype=np.uint64, casting="safe")  # makes no wider copy of the words
    return (products + rowids.astype(np.uint64) * _GOLDEN).view(np.int64)


def damaged(db: apsw.Connection, what: str) -> CorruptError:
    """Give the error for what is not as it was written."""
    return CorruptError(
        f"{db.filename or 'the database in memory'} is damaged: {what}; 'ochre check --deep' lists all damage, "
        "'ochre repair --salvage' saves the rest"
    )
