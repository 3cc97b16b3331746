"""A damaged SQLite file with its write-ahead log: its pages, and which of them are in use.

Pages that are free keep what was on them: records that were removed, and older versions of others. Three witnesses
tell them from pages in use, the trees, the list of free pages, and the map of pages that incremental vacuum needs;
damage makes one of them silent, or a liar, seldom two.
"""

from collections.abc import Callable, Iterator
from enum import IntEnum

import numpy as np

from ochredb.local.disk import RESERVED
from ochredb.local.pages import INDEX_LEAF, TABLE_LEAF, TREE, cells, children, kind
from ochredb.local.wal import PAGE_SIZE, Wal

_MAGIC = b"SQLite format 3\0"
_LOCK_BYTE = 1 << 30
_USES = frozenset((1, 2, 3, 4, 5))
_FREE = 2
_SANE = 0.9


class Use(IntEnum):
    """What the witnesses say of a page, the best first."""

    USED = 0
    UNKNOWN = 1
    """Nobody says anything."""
    DOUBTFUL = 2
    """They contradict each other, or a newer version of the page is damaged."""
    FREE = 3


_RESERVED_AT = 20
"""Where the header says how many bytes of each page are reserved: `RESERVED`, or none; a damaged one is not asked."""


class Wreck:
    """The pages of a file, the newest version of each that is whole.

    Args:
        read_bytes: Gives so many bytes of the file from an offset on, fewer at its end.
        length: Of the file.
        log: Its write-ahead log.
        page_size: Bytes a page; what the file says of it may be damaged.
    """

    def __init__(
        self, read_bytes: Callable[[int, int], bytes], length: int, log: Wal | None, page_size: int = PAGE_SIZE
    ) -> None:
        self._read_bytes = read_bytes
        self._length = length
        self.page_size = page_size
        header = read_bytes(0, _RESERVED_AT + 1)
        none = header.startswith(_MAGIC) and header[_RESERVED_AT:] == b"\0"
        self.usable = page_size - (0 if none else RESERVED)
        self._newer: dict[int, bytes] = {}
        self._stale: set[int] = set()
        self._maps: dict[int, dict[int, int]] = {}
        if log is not None and log.page_size == self.page_size:
            self._take(log)
        self.count = max(-(-length // self.page_size), max(self._newer, default=0))
        self._reached, self._all_reached = self._walk()
        self._free, self._all_free = self._free_pages(self.read(1))

    def read(self, number: int) -> bytes:
        """Give a page; empty where there is none, and shorter where the file breaks off."""
        if number in self._newer:
            return self._newer[number]
        if not 0 < number <= -(-self._length // self.page_size):
            return b""
        return self._read_bytes((number - 1) * self.page_size, self.page_size)

    def use(self, number: int) -> Use:
        """Say whether a page is in use, by the votes of the witnesses."""
        if number in self._stale:
            return Use.DOUBTFUL
        votes = []
        if number in self._reached:
            votes.append(1)
        elif self._all_reached:
            votes.append(-1)
        if number in self._free:
            votes.append(-1)
        elif self._all_free:
            votes.append(1)
        mapped = self._mapped(number)
        if mapped == _FREE:
            votes.append(-1)
        elif mapped in _USES:
            votes.append(1)
        if not votes:
            return Use.UNKNOWN
        return Use.DOUBTFUL if not sum(votes) else Use.USED if sum(votes) > 0 else Use.FREE

    def _take(self, log: Wal) -> None:
        for frame in range(log.committed):
            number = int(log.pages[frame])
            if log.whole[frame]:
                self._newer[number] = log.data[frame].tobytes()
                self._stale.discard(number)
            else:
                self._stale.add(number)

    def _walk(self) -> tuple[set[int], bool]:
        """Give the pages that the trees reach from their roots, and whether nothing is damaged that leads further."""
        schema = {1, *children(self.read(1), 1, self.usable)}
        reached: set[int] = set()
        waiting, whole = [1], self.read(1)[:16] == _MAGIC
        while waiting:
            number = waiting.pop()
            if number in reached or not 0 < number <= self.count:
                continue
            reached.add(number)
            below = list(children(self.read(number), number, self.usable))
            roots = list(self._roots(number)) if number in schema else []
            whole = whole and self._leads_on(below) and all(self._leads_on([root]) for root in roots)
            whole = whole and (number not in schema or bool(below or roots))
            waiting += below + roots
        return reached, whole

    def _leads_on(self, siblings: list[int]) -> bool:
        """Tell whether pages of one level are pages of trees, or, as some of them are leaves, lead nowhere anyway."""
        kinds = [kind(self.read(number), number) for number in siblings]
        return all(of in TREE for of in kinds) or any(of in (TABLE_LEAF, INDEX_LEAF) for of in kinds)

    def _roots(self, number: int) -> Iterator[int]:
        """Give the roots of the trees that a page of the schema names."""
        for _, values in cells(self.read, number, self.usable):
            if len(values) == 5 and values[0] in ("table", "index") and isinstance(values[3], int):
                yield values[3]

    def _free_pages(self, first: bytes) -> tuple[set[int], bool]:
        """Give the pages on the list of free ones, and whether the list is as long as the header says."""
        if first[:16] != _MAGIC:
            return set(), False
        trunk, wanted = (int.from_bytes(first[at : at + 4], "big") for at in (32, 36))
        free: set[int] = set()
        while 0 < trunk <= self.count and trunk not in free:
            free.add(trunk)
            page = self.read(trunk)
            leaves = min(int.from_bytes(page[4:8], "big"), self.usable // 4 - 2)
            free.update(np.frombuffer(page[8 : 8 + 4 * leaves].ljust(4 * leaves, b"\0"), ">u4").tolist())
            trunk = int.from_bytes(page[:4], "big")
        return free, trunk == 0 and len(free) == wanted

    def _mapped(self, number: int) -> int:
        """Give what the map of pages says of one; 0 where it says nothing."""
        every = self.usable // 5 + 1
        place = (number - 2) // every * every + 2
        place += place == _LOCK_BYTE // self.page_size + 1
        if number == place:
            return _FREE  # a page of the map is no page of a tree
        if number < place:
            return 0
        if place not in self._maps:
            self._maps[place] = self._map(place, min(every - 1, self.count - place))
        return self._maps[place].get(number, 0)

    def _map(self, place: int, entries: int) -> dict[int, int]:
        """Read a page of the map; of one that was overwritten, where many entries mean nothing, not one is believed."""
        page = self.read(place)[: 5 * entries]
        uses = {place + 1 + at: page[5 * at] for at in range(len(page) // 5)}
        sane = sum(use in _USES for use in uses.values())
        return uses if sane >= _SANE * entries else {}
