"""Many records into a collection, from anything that gives them, embedded ahead of being written."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from ochredb.chroma import table
from ochredb.chroma.table import Columns
from ochredb.client import bar
from ochredb.client.bar import Progress
from ochredb.client.collection import Collection
from ochredb.client.intake import Intake
from ochredb.core.errors import BadValue
from ochredb.core.model import Mode

BATCH = 1000
"""How many rows are embedded together, and written in one transaction."""

_MODES = ("add", "upsert", "update")


class Ingested(Struct, frozen=True):
    """What became of the rows of a source.

    Args:
        rows: How many there were.
        known: How many were passed over before they were embedded, because their ids exist already.
    """

    rows: int
    known: int = 0


def ingest(
    collection: Collection,
    source: Any,
    *,
    mode: Mode = "add",
    columns: Columns | None = None,
    batch: int = BATCH,
    workers: int = 1,
    ahead: int = 4,
    progress: bool | Progress = False,
) -> Ingested:
    """Bring any number of records into a collection, in bounded memory; a second run goes on where one was cut off.

    Each batch is one call of `add`, `upsert` or `update`, and one transaction. Documents without embeddings are
    embedded in threads of their own, ahead of the writing. What fails in a way that may pass is tried again; then
    whatever was embedded is written, or given back.

    Args:
        collection: Of a client that blocks.
        source: An Arrow table, a pandas or polars frame; the path of a Parquet file; or an iterable, such as a
            generator, of dictionaries, of tables, or of `Records`. The columns, or keys, `id`, `document` (or `text`),
            `embedding` (or `vector`), `uri` and `metadata` are what they say; the others are keys of the metadata,
            except where they are null.
        mode: What is done with ids that exist: "add" leaves them as they are, and does not embed for them anew.
        columns: Which column is what, if its name does not say it: `{"id": "sku", "metadata": ["brand", "year"]}`.
        batch: Rows to embed and to write together.
        workers: Threads that embed; more than one helps with a service, if the function may be called by several.
        ahead: Batches that may be embedded before one is written.
        progress: True shows a bar on the terminal; a function is told the rows done, and those there are or None.

    Raises:
        ValueError: A row that cannot be read, or a table without ids; the text names rows. Those before it are written.
        InvalidArgumentError: A dimension other than the collection's.
        UnwrittenError: Records were embedded and could not be written; `records` of the error holds them, and
            `ingest` takes that as a source.
        NotSupported: A Parquet file or a stream of Arrow's, without pyarrow.
    """
    _refuse_strange(mode, batch=batch, workers=workers, ahead=ahead)
    place = Path(source) if isinstance(source, str) else source
    with bar.told(progress, table.rows(place)) as told:
        intake = Intake(collection, mode, told, workers, ahead)
        size = intake.most(batch)
        intake.take(intake.batches(table.arguments(part, columns) for part in table.parts(place, size)))
    return Ingested(intake.rows, intake.known)


def _refuse_strange(mode: object, **counts: int) -> None:
    if mode not in _MODES:
        raise BadValue(f"mode: expected one of {', '.join(_MODES)}, got {mode!r}")
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise BadValue(f"{name}: expected a whole number of at least 1, got {count!r}")
