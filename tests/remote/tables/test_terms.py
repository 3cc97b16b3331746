"""Terms mean what the values mean that they were made of."""

from hypothesis import given
from hypothesis import strategies as st

from ochredb.core.model import Metadata, SparseVector
from ochredb.core.where import ORDER, And, Contains, Equal, Not, Or, Regex, Where, is_number, matches, same
from ochredb.remote.tables.terms import ABOVE_NUMBERS, BELOW_NUMBERS, array, code, element, halves, scalar, split, terms
from ochredb.testing import strategies
from tests.remote.tables.memory import fits


@given(strategies.scalars(), strategies.scalars())
def test_codes_are_equal_as_the_values_are(one: object, other: object) -> None:
    """Two scalars have one code if a filter takes them for equal, and only then."""
    assert (code(one) == code(other)) == same(one, other)  # type: ignore[arg-type] # drawn as scalars


@given(st.one_of(strategies.ints(), strategies.floats()), st.one_of(strategies.ints(), strategies.floats()))
def test_codes_of_numbers_are_in_their_order(one: float, other: float) -> None:
    """Codes, and the halves of them, compare as the numbers do, in exact arithmetic, and no text is among them."""
    for compare in ORDER.values():
        assert compare(code(one), code(other)) == compare(one, other)
        assert compare(halves(code(one)), halves(code(other))) == compare(one, other)
    assert BELOW_NUMBERS < code(one) < ABOVE_NUMBERS


@given(strategies.scalars())
def test_codes_of_numbers_stand_apart(value: object) -> None:
    """What is no number has no code between the bounds of numbers."""
    found = code(value)  # type: ignore[arg-type] # drawn as a scalar
    assert (BELOW_NUMBERS <= found < ABOVE_NUMBERS) == is_number(value)


@given(strategies.scalars(), strategies.scalars())
def test_elements_have_their_type(one: object, other: object) -> None:
    """Elements of arrays are equal by type and value."""
    wanted = type(one) is type(other) and one == other
    assert (element(one) == element(other)) == wanted  # type: ignore[arg-type] # drawn as scalars


def test_what_has_no_term() -> None:
    """A sparse vector is found by no filter; a scalar and an array of one key are two fields."""
    assert terms({"v": SparseVector([1], [1.0])}) == terms(None) == {}
    assert terms({"k": [1, 1]}) == {array("k"): [element(1)]}
    assert terms({"k": 1}) == {scalar("k"): code(1)}


@given(strategies.wheres(), strategies.metadatas(), st.none() | strategies.documents())
def test_a_filter_is_parted_without_loss(where: Where, metadata: Metadata | None, document: str | None) -> None:
    """A match meets the native part, and of what meets that the rest tells; the native part has native nodes only."""
    native, rest = split(where, lambda node: not isinstance(node, Contains | Regex))
    met = native is None or fits(native, terms(metadata))
    checked = rest is None or matches(rest, metadata, document)
    assert (met and checked) == matches(where, metadata, document)


def test_what_a_filter_is_parted_into() -> None:
    """Of And, the native nodes go to the engine; of Or, only if every branch narrows; of Not, all or nothing."""
    equal, text = Equal("k", 1), Contains("x")
    cases: list[tuple[Where, Where | None, Where | None]] = [
        (equal, equal, None),
        (text, None, text),
        (And((equal, text)), equal, text),
        (Or((equal, text)), None, Or((equal, text))),
        (Or((And((equal, text)), equal)), Or((equal, equal)), Or((And((equal, text)), equal))),
        (Not(And((equal, text))), None, Not(And((equal, text)))),
    ]
    for where, native, rest in cases:
        assert split(where, lambda node: isinstance(node, Equal)) == (native, rest)
