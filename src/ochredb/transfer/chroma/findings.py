"""What is missing or doubtful in a collection, gathered while it is read."""

from collections.abc import Iterable

from ochredb.transfer.source import Loss

_NAMED = 5
"""So many ids are named; the others are counted."""


class Findings:
    """Losses by place and kind; an id that is noted twice counts once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, bool], dict[str, None]] = {}

    def tell(self, place: object, what: str, ids: Iterable[str] = ()) -> None:
        """Note something by which no record is lost; `ids` are those that it concerns."""
        self._found.setdefault((str(place), what, False), {}).update(dict.fromkeys(ids))

    def lose(self, place: object, what: str, ids: Iterable[str]) -> None:
        """Note records that are lost."""
        self._found.setdefault((str(place), what, True), {}).update(dict.fromkeys(ids))

    def take(self, other: "Findings") -> None:
        """Note all that another has noted."""
        for kind, ids in other._found.items():
            self._found.setdefault(kind, {}).update(ids)

    def losses(self) -> tuple[Loss, ...]:
        """Give all that was noted, in the order of its first note."""
        return tuple(
            Loss(place, f"{what}{_named(list(ids))}", len(ids) if lost else 0)
            for (place, what, lost), ids in self._found.items()
        )


def _named(ids: list[str]) -> str:
    if not ids:
        return ""
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return f": {', '.join(repr(one[:80]) for one in ids[:_NAMED])}{more}"
