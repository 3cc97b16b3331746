"""Which id has which label in a vector index, as Chroma's pickle says it twice, in both directions."""

from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct

from ochredb.transfer.chroma import pickled
from ochredb.transfer.chroma.findings import Findings

FILE = "index_metadata.pickle"
_LABELS = range(2**63)


class Labels(Struct, frozen=True):
    """What the pickle says.

    Args:
        labels: Of each id, where both directions agree.
        last: The sequence number in the queue up to which the index was written; only 0.4 to 0.5.5 keep it here.
        whole: Whether nothing is missing from it.
    """

    labels: dict[str, int]
    last: int | None
    whole: bool


def read(folder: Path, findings: Findings) -> Labels | None:
    """Read the labels in the folder of a segment; None if there is no pickle.

    An id that has one label in one direction and another in the other has lost its embedding: it could be either.
    """
    file = folder / FILE
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        findings.tell(file, f"cannot be read: {error.strerror}")
        return Labels({}, None, whole=False)
    held, fault = pickled.read(content)
    if fault is not None:
        findings.tell(file, f"is damaged, and read as far as it goes: {fault}")
    there, back = (_dictionary(held.get(name)) for name in ("id_to_label", "label_to_id"))
    times = Counter(back.values())
    labels = {
        one: label
        for one, label in there.items()
        if label in _LABELS and back.get(label, one if fault else None) == one and times[one] < 2
    }
    if len(labels) < len(there):
        findings.tell(file, "ids with two labels", (str(one) for one in there if one not in labels))
    last = held.get("max_seq_id")
    return Labels(labels, last if isinstance(last, int) else None, fault is None and len(labels) == len(there))


def _dictionary(value: Any) -> dict[Any, Any]:
    """Give a dictionary of texts and integers, without whatever else a damaged pickle has in it."""
    items = value.items() if isinstance(value, dict) else ()
    return {key: item for key, item in items if {type(key), type(item)} == {str, int}}
