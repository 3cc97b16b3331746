"""The write-ahead log as it lies on the disk: which of its frames are whole.

SQLite stops at the first frame that is not what was written, and passes over all later ones without a word, although
they may be transactions that had been acknowledged. Here each frame is looked at by itself.

Source: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_MAGIC = {0x377F0682: "<u4", 0x377F0683: ">u4"}
_OURS = "<u4"
PAGE_SIZE = 8192
"""Of every database of ours."""
_HEADER = 32
_FRAME_HEADER = 24
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))


class Wal(NamedTuple):
    """The frames of a write-ahead log that belong together.

    Args:
        page_size: Bytes a page.
        pages: The page that each frame is a new version of.
        commits: True at frames that end a transaction.
        whole: True at frames that are as they were written.
        data: The content of each frame, uint8 (n, page_size).
        sound: Whether the header is as it was written; if not, SQLite reads nothing.
    """

    page_size: int
    pages: npt.NDArray[np.int64]
    commits: npt.NDArray[np.bool_]
    whole: npt.NDArray[np.bool_]
    data: npt.NDArray[np.uint8]
    sound: bool

    @property
    def read(self) -> int:
        """How many frames SQLite reads: those before the first that is not whole, up to the last commit."""
        if not self.sound:
            return 0
        broken = np.flatnonzero(~self.whole)
        before = int(broken[0]) if len(broken) else len(self.whole)
        return _end(self.commits[:before])

    @property
    def committed(self) -> int:
        """How many frames there are up to the last commit, whole or not."""
        return _end(self.commits & self.whole)


def passed_over(file: Path) -> tuple[int, int] | None:
    """Tell whether SQLite passes over transactions because of a damaged frame before them.

    Returns:
        About the number of the damaged frame, and how many come after it; None if all is well.
    """
    before = None
    while True:
        try:
            log = parse(file.read_bytes())
        except FileNotFoundError:
            return None
        if log is None or log.committed <= log.read:
            return None
        if before == log.read:  # twice the same: no writer was in the middle of it
            return log.read + 1, log.committed - log.read - 1
        before = log.read


def parse(content: bytes) -> Wal | None:
    """Read a write-ahead log; None where there is none, or not one frame.

    Of a damaged header the frames need nothing but what Ochre's files have, and the salts that they carry themselves.
    """
    if len(content) < _HEADER:
        return None
    header = np.frombuffer(content[:_HEADER], ">u4").astype(np.uint64)
    order, page_size = _MAGIC.get(int(header[0]), ""), int(header[2])
    sound = bool(order) and page_size in _PAGE_SIZES and _sound(content[:_HEADER], order)
    order, page_size = (order, page_size) if sound else (_OURS, PAGE_SIZE)
    width = page_size + _FRAME_HEADER
    count = (len(content) - _HEADER) // width
    if count < 1:
        return None
    frames = np.frombuffer(content, np.uint8, count * width, _HEADER).reshape(count, width)
    words = frames[:, :_FRAME_HEADER].copy().view(">u4").astype(np.uint64)
    salts = header[4:6] if sound else np.sort(words[:3, 2:4], axis=0)[len(words[:3]) // 2]  # what two of three say
    own = (words[:, 2:4] == salts).all(axis=1)
    kept = int(np.flatnonzero(own).max(initial=-1)) + 1  # behind them lies what is left of an earlier log
    frames, words, own = frames[:kept], words[:kept], own[:kept]
    seeds = np.concatenate((header[None, 6:8], words[:, 4:6]))[:kept]
    summed = np.concatenate((frames[:, :8], frames[:, _FRAME_HEADER:]), axis=1)
    same = (_checksums(summed.view(order), seeds) == words[:, 4:6]).all(axis=1)
    return Wal(page_size, words[:, 0].astype(np.int64), words[:, 1] > 0, same & own, frames[:, _FRAME_HEADER:], sound)


def _sound(header: bytes, order: str) -> bool:
    words = np.frombuffer(header[:24], order)[None]
    return bool((_checksums(words, np.zeros((1, 2), np.uint64)) == np.frombuffer(header[24:], ">u4")).all())


def _end(commits: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(commits).max(initial=-1)) + 1


def _checksums(words: npt.NDArray[np.uint32], seeds: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Compute the checksums (n, 2) of frames of words (n, m), each from the checksum before it."""
    weights, of_seeds = _weights(words.shape[1])
    sums: npt.NDArray[np.uint64] = words.astype(np.uint64) @ weights + seeds @ of_seeds
    return sums & np.uint64(0xFFFF_FFFF)


@cache
def _weights(length: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Give how often each word, and each half of the seed, goes into each half of the checksum.

    SQLite's loop is `s0 += x + s1; s1 += y + s0`, a linear map: run backwards once, it says what each word counts.
    """
    weights = np.empty((length, 2), np.uint64)
    step, now = ((1, 1), (1, 2)), ((1, 0), (0, 1))  # rows: what s0 and s1 before count in (s0, s1) after
    for at in range(length - 2, -1, -2):
        of_s0, of_s1 = now
        weights[at] = [(a + b) & 0xFFFF_FFFF for a, b in zip(of_s0, of_s1, strict=True)]
        weights[at + 1] = of_s1
        now = tuple(  # type: ignore[assignment]
            tuple((p * a + q * b) & 0xFFFF_FFFF for a, b in zip(of_s0, of_s1, strict=True)) for p, q in step
        )
    return weights, np.array(now, np.uint64)
