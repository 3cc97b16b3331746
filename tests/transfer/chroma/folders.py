"""Chroma's golden folders, what Chroma said of them, and how what is read of one compares with that."""

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from ochredb.core.model import Records
from ochredb.testing.compare import typed
from ochredb.transfer.chroma.folder import ChromaFolder
from ochredb.transfer.source import Description, Loss

GOLDEN = Path(__file__).parents[2] / "golden" / "chroma"
RELEASES = ("0.4.24", "0.5.23", "0.6.3", "1.0.20", "1.5.9")
ROUNDING = 1e-6
"""Chroma multiplies what it has normalised by the length that it had."""

Key = tuple[str, str, str]


class Said(Struct, frozen=True):
    """What Chroma says of a collection."""

    metadata: dict[str, Any] | None
    configuration: dict[str, Any] | None
    records: Records


class Found(Struct, frozen=True):
    """What we read of one."""

    described: Description
    records: Records
    losses: tuple[Loss, ...]

    @property
    def lost(self) -> int:
        """Give the number of records that the losses tell of."""
        return sum(loss.rows for loss in self.losses)


def unpacked(release: str, place: Path) -> tuple[Path, dict[Key, Said]]:
    """Unpack a golden folder, and give it with what Chroma said of it."""
    with tarfile.open(GOLDEN / f"{release}.tar.gz") as archive:
        archive.extractall(place, filter="data")
    return place / "folder", said(place / "says.json")


def said(file: Path) -> dict[Key, Said]:
    """Read what `tests/golden/chroma/make.py` wrote."""
    found = {}
    for one in json.loads(file.read_text())["collections"]:
        got = one["records"]
        embeddings = np.array(got["embeddings"] or np.empty((0, 0)), np.float32)
        # Chroma tells of a record without metadata that it has none, or an empty one if it has a URI.
        metadatas = [metadata or None for metadata in got["metadatas"]]
        records = Records(got["ids"], embeddings, got["documents"], metadatas, got["uris"])
        key = (one["tenant"], one["database"], one["name"])
        found[key] = Said(one["metadata"], one["configuration"], records)
    return found


def read(folder: Path) -> dict[Key, Found]:
    """Read all of a folder."""
    with ChromaFolder(folder) as source:
        return {
            (one.scope.tenant, one.scope.database, one.new.name): Found(
                one, joined(list(source.records(one))), tuple(source.losses(one))
            )
            for one in source.collections()
        }


def joined(pages: list[Records]) -> Records:
    """Put pages together."""
    ids = [one for page in pages for one in page.ids]
    columns: dict[str, Any] = {
        name: [one for page in pages for one in getattr(page, name)] for name in ("documents", "metadatas", "uris")
    }
    embeddings = np.concatenate([page.embeddings for page in pages]) if pages else np.empty((0, 0), np.float32)
    return Records(ids, embeddings, **columns)


def wrong(found: Records, truth: Records, space: str = "l2") -> list[str]:
    """Give the ids of records that are not what Chroma said."""
    place = {one: row for row, one in enumerate(truth.ids)}
    at = [place.get(one) for one in found.ids]
    same = [there is not None and _same(found, row, truth, there, space) for row, there in enumerate(at)]
    return [one for one, is_same in zip(found.ids, same, strict=True) if not is_same]


def contradicting(found: Records, truth: Records) -> list[str]:
    """Give the ids of records that have a value that Chroma did not give; that one is missing is no contradiction."""
    place = {one: row for row, one in enumerate(truth.ids)}
    return [one for row, one in enumerate(found.ids) if one not in place or not _within(found, row, truth, place[one])]


def _same(found: Records, row: int, truth: Records, at: int, space: str) -> bool:
    return _near(found, row, truth, at, space) and _rest(found, row) == _rest(truth, at)


def _within(found: Records, row: int, truth: Records, at: int) -> bool:
    document, metadata, uri = _rest(found, row)
    whole = _rest(truth, at)
    items = (metadata or {}).items() <= (whole[1] or {}).items()
    return items and document in (None, whole[0]) and uri in (None, whole[2]) and _near(found, row, truth, at, "cosine")


def _near(found: Records, row: int, truth: Records, at: int, space: str) -> bool:
    """Compare embeddings bit by bit; where they were normalised and given their length again, nearly."""
    assert found.embeddings is not None
    assert truth.embeddings is not None
    one, other = found.embeddings[row], truth.embeddings[at]
    if one.shape != other.shape:
        return False
    return np.allclose(one, other, rtol=ROUNDING, atol=0) if space == "cosine" else one.tobytes() == other.tobytes()


def _rest(records: Records, row: int) -> Any:
    assert records.documents is not None
    assert records.metadatas is not None
    assert records.uris is not None
    metadata = records.metadatas[row]
    # As text, so that 1, 1.0 and True are three, and lists can be put in a set.
    plain = None if metadata is None else {key: repr(typed(value)) for key, value in metadata.items()}
    return records.documents[row], plain, records.uris[row]
