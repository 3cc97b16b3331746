"""The part of a vector segment that Chroma has written to its folder: the files of hnswlib, parsed by NumPy.

`data_level0.bin` has a row for each slot: links, the embedding, its label. Labels are not in the order of slots. Where
the space is cosine, embeddings are of length 1, and `length.bin` has what they were divided by.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from msgspec import Struct

from ochredb.core.model import Floats, Mask
from ochredb.core.model import Labels as Integers
from ochredb.transfer.chroma import labels
from ochredb.transfer.chroma.findings import Findings

HEADER, DATA, LENGTHS = "header.bin", "data_level0.bin", "length.bin"

_FIELDS = struct.Struct("<i6Qii3QdQ")
_BLOCK = 1 << 24
_SPREAD = 4
_UNIT = 1e-4
"""How far from 1 the length of a normalised embedding may be."""


class Shape(Struct, frozen=True):
    """What the catalogue says of a vector segment.

    Args:
        dimension: Of its embeddings; None if nobody knows.
        links: The setting `max_neighbors`, on which the layout of a row depends.
        cosine: Whether its embeddings are normalised.
    """

    dimension: int | None
    links: int
    cosine: bool


class Layout(Struct, frozen=True):
    """Where things are in a row of `data_level0.bin`, in bytes, and how many rows there are."""

    row: int
    vector_at: int
    label_at: int
    rows: int

    @property
    def dimension(self) -> int:
        """Give the number of floats in a row."""
        return (self.label_at - self.vector_at) // 4


class Persisted(Struct, frozen=True):
    """The embeddings that can be read from a folder.

    Args:
        folder: Of the segment.
        slots: For each id, its row.
        layout: Of the rows; None if there are none.
        lengths: Of the embeddings before they were normalised, by slot; None where they were not.
        last: As in `labels.Labels`.
        whole: Whether they are all that there ever were.
    """

    folder: Path
    slots: dict[str, int]
    layout: Layout | None
    lengths: Floats | None
    last: int | None
    whole: bool


def load(folder: Path, shape: Shape, written: bool, findings: Findings) -> Persisted:
    """Find what can be read.

    Args:
        folder: Of the segment; it need not exist.
        shape: Of what is in it.
        written: Whether Chroma says that it has written an index there; before that, all embeddings are in the queue.
        findings: Is told what is missing or damaged.
    """
    told = labels.read(folder, findings)
    if told is None:
        if written:
            findings.tell(folder / labels.FILE, "is missing, and nothing else tells which embedding is whose")
        return Persisted(folder, {}, None, None, None, whole=not written)
    layout, slots = _find(folder, shape, told.labels, findings)
    lengths = _lengths(folder, layout, findings) if shape.cosine and layout is not None else None
    whole = told.whole and len(slots) == len(told.labels)
    return Persisted(folder, slots, layout, lengths, told.last, whole)


def stamp(folder: Path) -> tuple[tuple[int, int, int], ...]:
    """Give what changes when Chroma writes the index anew."""
    found = []
    for name in (labels.FILE, HEADER, DATA, LENGTHS):
        try:
            stat = (folder / name).stat()
        except OSError:
            continue
        found.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def fetch(held: Persisted, ids: list[str], findings: Findings) -> Floats:
    """Give embeddings as they were given to Chroma: float32 (n, dimension), NaN where the file breaks off.

    Args:
        held: What the folder has.
        ids: Of those that have a slot.
        findings: Is told which of them are not as they were.
    """
    layout = held.layout
    assert layout is not None
    slots = [held.slots[one] for one in ids]
    with (held.folder / DATA).open("rb", buffering=0) as file:
        found = _vectors(file, layout, np.array(slots, np.int64))
    if held.lengths is not None:
        _restore_lengths(found, held.lengths[slots], held.folder, ids, findings)
    return found


def _vectors(file: BinaryIO, layout: Layout, slots: Integers) -> Floats:
    """Read the vectors of some rows: all that lies between them at once, or one by one if they are far apart."""
    first, last = int(slots.min()), int(slots.max())
    found = np.full((len(slots), layout.dimension), np.nan, np.float32)
    if last - first < _SPREAD * len(slots):
        file.seek(first * layout.row)
        content = file.read((last - first + 1) * layout.row)
        rows = np.frombuffer(content, np.uint8)[: len(content) // layout.row * layout.row].reshape(-1, layout.row)
        there = slots - first < len(rows)
        found[there] = rows[slots[there] - first, layout.vector_at : layout.label_at].copy().view("<f4")
        return found
    for place, slot in enumerate(slots.tolist()):
        file.seek(slot * layout.row + layout.vector_at)
        content = file.read(4 * layout.dimension)
        if len(content) == 4 * layout.dimension:
            found[place] = np.frombuffer(content, "<f4")
    return found


def _restore_lengths(found: Floats, lengths: Floats, folder: Path, ids: list[str], findings: Findings) -> None:
    norms = np.linalg.norm(found, axis=1)
    normalised, known = np.abs(norms - 1) < _UNIT, np.isfinite(lengths) & (lengths > 0)
    found[normalised & known] *= lengths[normalised & known, None]
    found[~normalised & known] = np.nan  # what was normalised, and is not, is damaged

    def tell(file: str, what: str, chosen: Mask) -> None:
        if chosen.any():
            findings.tell(folder / file, what, (ids[place] for place in np.flatnonzero(chosen)))

    tell(LENGTHS, "lengths are lost; embeddings stay at length 1, their cosines the same", normalised & ~known)
    # Chroma 1.x may take a collection's space for l2 after a change of its configuration: it then normalises no longer,
    # and knows no lengths. An embedding of zeros has none either.
    tell(DATA, "embeddings are not normalised, and are taken as they are", ~normalised & ~known & (norms > 0))


def _find(
    folder: Path, shape: Shape, wanted: dict[str, int], findings: Findings
) -> tuple[Layout | None, dict[str, int]]:
    """Give the layout of the rows, and the slots of the ids whose labels are in them."""
    try:
        size = (folder / DATA).stat().st_size
    except OSError as error:
        findings.tell(folder / DATA, f"cannot be read: {error.strerror}")
        return None, {}
    layout = _told(folder, size, findings)
    if layout is not None:
        return layout, _slots(wanted, _labels_of(folder, layout))
    layout = _computed(shape, size)
    slots = {} if layout is None else _slots(wanted, _labels_of(folder, layout))
    if len(slots) < len(wanted) or not slots:  # labels in all the right places are what shows that it is right
        findings.tell(folder / DATA, "cannot be read without its header")
        return None, {}
    return layout, slots


def _told(folder: Path, size: int, findings: Findings) -> Layout | None:
    """Give the layout that the header tells, if it is one that hnswlib makes."""
    file = folder / HEADER
    try:
        content = file.read_bytes()
    except OSError as error:
        findings.tell(file, f"cannot be read: {error.strerror}")
        return None
    if len(content) < _FIELDS.size:
        findings.tell(file, f"has {len(content)} bytes of {_FIELDS.size}")
        return None
    _, begin, most, used, row, label_at, vector_at, _, _, _, links, *_ = _FIELDS.unpack_from(content)
    layout = Layout(row, vector_at, label_at, used)
    sane = begin == 0 and used <= most and vector_at == 4 + 4 * links and label_at + 8 == row
    if not sane or layout.dimension < 1:
        findings.tell(
            file, f"is damaged: rows of {row} bytes with an embedding at {vector_at} and a label at {label_at}"
        )
        return None
    if size < row * used:
        findings.tell(folder / DATA, f"breaks off after {size:,} of {row * used:,} bytes")
    return Layout(row, vector_at, label_at, min(used, size // row))


def _computed(shape: Shape, size: int) -> Layout | None:
    """Give the layout that rows of this shape have, over the whole file."""
    if shape.dimension is None:
        return None
    vector_at = 4 + 8 * shape.links
    label_at = vector_at + 4 * shape.dimension
    return Layout(label_at + 8, vector_at, label_at, size // (label_at + 8))


def _labels_of(folder: Path, layout: Layout) -> Integers:
    """Read the label of every slot, in blocks, as the file may be larger than memory."""
    found = [block[:, layout.label_at :].copy().view("<u8")[:, 0] for block in _blocks(folder / DATA, layout)]
    return np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)


def _blocks(file: Path, layout: Layout) -> Iterator[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    at_once = max(1, _BLOCK // layout.row)
    with file.open("rb") as opened:
        for first in range(0, layout.rows, at_once):
            content = opened.read(min(at_once, layout.rows - first) * layout.row)
            yield np.frombuffer(content, np.uint8)[: len(content) // layout.row * layout.row].reshape(-1, layout.row)


def _slots(wanted: dict[str, int], found: Integers) -> dict[str, int]:
    """Give the slot of each id whose label is in exactly one."""
    distinct, slots, times = np.unique(found, return_index=True, return_counts=True)
    distinct, slots = distinct[times == 1], slots[times == 1]
    if not len(distinct):
        return {}
    given = np.fromiter(wanted.values(), np.int64, len(wanted))
    places = np.minimum(np.searchsorted(distinct, given), len(distinct) - 1)
    there = distinct[places] == given
    return {
        one: slot
        for one, slot, is_there in zip(wanted, slots[places].tolist(), there.tolist(), strict=True)
        if is_there
    }


def _lengths(folder: Path, layout: Layout, findings: Findings) -> Floats:
    """Read the lengths, NaN where the file breaks off or is missing."""
    file = folder / LENGTHS
    lengths = np.full(layout.rows, np.nan, np.float32)
    try:
        content = file.read_bytes()[: 4 * layout.rows]
    except OSError as error:
        findings.tell(file, f"cannot be read: {error.strerror}")
        return lengths
    found = np.frombuffer(content[: len(content) // 4 * 4], "<f4")
    if len(found) < layout.rows:
        findings.tell(file, f"breaks off after {len(found):,} of {layout.rows:,} lengths")
    lengths[: len(found)] = found
    return lengths
