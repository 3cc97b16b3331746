"""Which records there are, in slots: 0, 1, 2 ... in the order of their labels.

Labels are never reused, so they leave gaps; slots do not, and every view of a collection is an array over them. A
record that goes leaves its slot dead until the view is built anew; a record that changes keeps its slot.
"""

import numpy as np

from ochredb.core.model import Labels, Mask
from ochredb.index.base import Slots
from ochredb.index.growing import Growing


class Roster:
    """The slots of one collection; labels ascend with slots."""

    def __init__(self, labels: Labels, alive: Mask | None = None) -> None:
        self._labels = Growing(np.int64)
        self._alive = Growing(np.bool_)
        self._labels.extend(labels)
        self._alive.extend(np.ones(len(labels), np.bool_) if alive is None else alive)
        self.dead = len(labels) - int(np.count_nonzero(self.alive))

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self._labels.nbytes + self._alive.nbytes

    @property
    def labels(self) -> Labels:
        """The label of every slot, those of dead ones too."""
        return self._labels.view

    @property
    def alive(self) -> Mask:
        """True at the slots of records that there are."""
        return self._alive.view

    @property
    def last(self) -> int:
        """The highest label that has a slot, or -1."""
        return int(self.labels[-1]) if len(self) else -1

    def extend(self, labels: Labels) -> None:
        """Give slots to new labels, which are higher than all before."""
        self._labels.extend(labels)
        self._alive.extend(np.ones(len(labels), np.bool_))

    def remove(self, labels: Labels) -> Slots:
        """Mark records as gone and give their slots."""
        slots = self.slots(labels)
        slots = slots[self.alive[slots]]
        self.alive[slots] = False
        self.dead += len(slots)
        return slots

    def slots(self, labels: Labels) -> Slots:
        """Give the slots of those labels that have one."""
        if self.last == len(self) - 1:  # no gap, the usual case: a label is its slot
            return labels[labels < len(self)]
        places = np.searchsorted(self.labels, labels)
        places = np.minimum(places, max(len(self) - 1, 0))
        return places[self.labels[places] == labels] if len(self) else places[:0]

    def mask(self, labels: Labels) -> Mask:
        """Give True at the slots of these labels, as far as they are alive."""
        mask = np.zeros(len(self), np.bool_)
        mask[self.slots(labels)] = True
        mask &= self.alive
        return mask
