"""Random values for every verb, drawn from small pools so that ids collide, filters hit and distances tie.

Embeddings have three dimensions and lie on a grid of halves, so that l2 and ip distances are exact in float32.
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ochredb.core.model import (
    ALL_FIELDS,
    Change,
    Delete,
    Fields,
    Floats,
    Get,
    Metadata,
    Mode,
    Query,
    Records,
    SparseVector,
    Write,
)
from ochredb.core.where import (
    INT64,
    ORDER,
    Among,
    And,
    Contains,
    Equal,
    Holds,
    Not,
    Or,
    Order,
    OrderOp,
    Regex,
    Scalar,
    Where,
)

DIMENSION = 3
KEYS = ("n", "tags", "год", "'\"; -- a.b $#")
STRINGS = ("", "1", "apple", "Äpfel", "東京", "a\x00b", "'\"%_\\", "🦆", "e\u0301")
INTS = (0, 1, -1, 2, 7, 2**53, 2**53 + 1, INT64[0], INT64[-1])
FLOATS = (0.0, -0.0, 1.0, 2.5, -1.0, 1e300, float(2**53), float(2**63), 5e-324)
PARTS = ("the", "The", "quick", "fox", "ÄPFEL", "Äpfel", "東京", "٣", "2015", "a*b", "%", "_", "\n", " ", "\x00", "é")
PATTERNS = ("quick|The", "(?i)äpfel", r"\d+", r"^the\b", r"\s", "", "x*", "[a-c]", r"\w$", "20(1|2)5", "東.")
NAMES = ("a", "b", "B", "é", "e\u0301", "'\"; -- %", "x\x00y", "x")
CONFUSABLE = (1, 1.0, True, "1", 0, -0.0, False, "", 2**53, 2**53 + 1, float(2**53))
"""What an engine may take for one another, and must not."""


def text(max_size: int = 12) -> st.SearchStrategy[str]:
    """Draw any text that UTF-8 can carry, NUL included."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=max_size)


def ids() -> st.SearchStrategy[str]:
    """Draw an id, nearly always one of a dozen."""
    return _mostly(NAMES, text().filter(bool))


def keys() -> st.SearchStrategy[str]:
    """Draw a metadata key that Chroma takes, nearly always one of a few."""
    usual = text().filter(lambda key: key and key[0] not in "#$" and not key.startswith("chroma:"))
    return _mostly(KEYS, usual)


def strings() -> st.SearchStrategy[str]:
    """Draw a metadata string."""
    return _mostly(STRINGS, text())


def ints() -> st.SearchStrategy[int]:
    """Draw an int of 64 bits, its edges and those of float64 included."""
    return _mostly(INTS, st.integers(INT64[0], INT64[-1]))


def floats() -> st.SearchStrategy[float]:
    """Draw a finite float, some of them equal to ints."""
    return _mostly(FLOATS, st.floats(allow_nan=False, allow_infinity=False))


def scalars() -> st.SearchStrategy[Scalar]:
    """Draw a metadata scalar of any type."""
    return st.one_of(st.sampled_from(CONFUSABLE), *_kinds())


def arrays() -> st.SearchStrategy[list[Any]]:
    """Draw a metadata array: not empty, of one type, duplicates allowed."""
    return st.one_of([st.lists(kind, min_size=1, max_size=3) for kind in _kinds()])


@st.composite
def sparse_vectors(draw: st.DrawFn) -> SparseVector:
    """Draw a sparse vector of up to four dimensions, labelled or not, none at all included."""
    indices = sorted(draw(st.sets(_mostly((0, 1, 7, 2**31, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=4)))
    n = len(indices)
    values = draw(_column(st.floats(width=32, allow_nan=False, allow_infinity=False), n))
    return SparseVector(indices, values, draw(st.none() | _column(text(4), n)))


def metadatas(*, removing: bool = False, sparse: bool = True) -> st.SearchStrategy[Metadata | None]:
    """Draw a record's metadata, or None; with `removing`, some keys have the value None."""
    plain: st.SearchStrategy[Any] = st.one_of(scalars(), arrays())
    values = plain | sparse_vectors() if sparse else plain
    found = values | st.none() if removing else values
    return st.none() | st.dictionaries(keys(), found, min_size=1, max_size=4)


def documents() -> st.SearchStrategy[str]:
    """Draw a document of a few known parts, or any text."""
    return st.one_of(st.lists(st.sampled_from(PARTS), max_size=5).map("".join), text(30))


def embeddings(n: int, dimension: int = DIMENSION) -> st.SearchStrategy[Floats]:
    """Draw embeddings (n, dimension) of halves from -2 to 2."""
    row = st.lists(st.integers(-4, 4), min_size=dimension, max_size=dimension)
    rows = st.lists(row, min_size=n, max_size=n)
    return rows.map(lambda drawn: np.array(drawn, dtype=np.float32).reshape(n, dimension) / np.float32(2))


def fields() -> st.SearchStrategy[Fields]:
    """Draw the columns to ask for, all and none among them."""
    return st.frozensets(st.sampled_from(sorted(ALL_FIELDS)))


def wheres() -> st.SearchStrategy[Where]:
    """Draw a tree of every node, nested, that Chroma's dialect can write: `Not` only over leaves with a negative."""
    return st.recursive(_leaves(), _joined, max_leaves=6)


def _leaves() -> st.SearchStrategy[Where]:
    among = st.one_of([st.lists(kind, min_size=1, max_size=3).map(tuple) for kind in _kinds()])
    negatable: st.SearchStrategy[Where] = st.one_of(
        st.builds(Equal, keys(), scalars()),
        st.builds(Among, keys(), among),
        st.builds(Holds, keys(), scalars()),
        st.builds(Contains, _mostly(PARTS, text(3))),
        st.builds(Regex, st.sampled_from(PATTERNS)),
    )
    operators: st.SearchStrategy[OrderOp] = st.sampled_from(list(ORDER))
    order = st.builds(Order, keys(), operators, st.one_of(ints(), floats()))
    return st.one_of(negatable, order, st.builds(Not, negatable))


def _joined(nodes: st.SearchStrategy[Where]) -> st.SearchStrategy[Where]:
    several = st.lists(nodes, max_size=3).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several))


@st.composite
def records(draw: st.DrawFn, *, min_size: int = 1, max_size: int = 8) -> Records:
    """Draw whole records, each id once, as a scan would give them."""
    names = draw(st.lists(ids(), min_size=min_size, max_size=max_size, unique=True))
    n = len(names)
    return Records(
        names,
        draw(embeddings(n)),
        draw(_column(st.none() | documents(), n)),
        draw(_column(metadatas(), n)),
        draw(_column(st.none() | text(), n)),
    )


@st.composite
def writes(draw: st.DrawFn, mode: Mode) -> Write:
    """Draw a write, often to known ids, sometimes with an id twice, without a column, or with a fault to be refused.

    In an `add` no metadata value is None: engines may differ in whether they look at it when the id is known.
    """
    names = draw(st.lists(ids(), min_size=1, max_size=5))
    n = len(names)
    dimension = DIMENSION - draw(_seldom(8))
    removing = mode == "update" or (mode == "upsert" and draw(st.booleans()))
    return Write(
        mode,
        Records(
            names,
            None if draw(_seldom(2 if mode == "update" else 8)) else draw(embeddings(n, dimension)),
            None if draw(_seldom(3)) else draw(_column(st.none() | documents(), n)),
            None if draw(_seldom(3)) else draw(_column(metadatas(removing=removing), n)),
            None if draw(_seldom(3)) else draw(_column(st.none() | text(), n)),
        ),
    )


def gets() -> st.SearchStrategy[Get]:
    """Draw a get: by ids, by filter, by page, in any mixture."""
    return st.builds(
        Get,
        ids=_chosen(),
        where=_filter(),
        limit=st.none() | st.integers(0, 6),
        offset=st.integers(0, 3),
        fields=fields(),
    )


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Draw a query of up to three vectors, seldom of a wrong dimension."""
    vectors = draw(embeddings(draw(st.integers(1, 3)), DIMENSION - draw(_seldom())))
    return Query(vectors, draw(st.integers(1, 8)), draw(_chosen()), draw(_filter()), draw(fields()))


def deletes() -> st.SearchStrategy[Delete]:
    """Draw a delete: of a few records, or of all."""
    by_ids = st.builds(Delete, ids=st.lists(ids(), max_size=3), where=_filter())
    by_where = st.builds(Delete, where=wheres(), limit=st.integers(0, 3))
    return st.one_of(by_ids, by_where, st.just(Delete(where=And(()))))


def changes(names: st.SearchStrategy[str]) -> st.SearchStrategy[Change]:
    """Draw what `modify` changes of a collection.

    Args:
        names: What it may be renamed to.
    """
    values = st.dictionaries(keys(), scalars(), max_size=2)
    return st.builds(
        Change,
        name=st.none() | names,
        metadata=st.none() | values,
        configuration=st.none() | st.dictionaries(st.sampled_from(("hnsw", "x")), st.integers(0, 9), max_size=2),
        effort=st.none() | st.integers(1, 500),
    )


@st.composite
def _mostly(draw: st.DrawFn, pool: tuple[Any, ...], rare: st.SearchStrategy[Any]) -> Any:
    # Not one_of with a branch given several times: it takes equal branches as one.
    return draw(rare if draw(_seldom(8)) else st.sampled_from(pool))


def _seldom(n: int = 16) -> st.SearchStrategy[bool]:
    # True once in n; a value from within the range, because the ends are drawn more often.
    return st.integers(1, n).map(lambda drawn: drawn == (n + 1) // 2)


def _column(values: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=n, max_size=n)


def _kinds() -> tuple[st.SearchStrategy[Any], ...]:
    return strings(), ints(), floats(), st.booleans()


def _chosen() -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(ids(), max_size=6)


def _filter() -> st.SearchStrategy[Where | None]:
    return st.none() | wheres()
