"""Filters: what the grammar takes, what it refuses and in which words, and what matches."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from ochredb.core.errors import BadValue, InvalidArgumentError
from ochredb.core.where import (
    Among,
    And,
    Contains,
    Equal,
    Holds,
    Not,
    Or,
    Order,
    Regex,
    Where,
    both,
    matches,
    parse,
    parse_document,
    unparse,
)
from ochredb.testing import examples, strategies


def found(where: Where) -> str:
    return "".join(id_ for id_ in examples.ALL if matches(where, examples.METADATAS[id_], examples.DOCUMENTS[id_]))


@pytest.mark.parametrize(("where", "ids"), examples.WHERE)
def test_matches_what_chroma_was_seen_to_find(where: dict[str, Any], ids: str) -> None:
    assert found(parse(where, wire=True)) == ids


@pytest.mark.parametrize(("where", "ids"), examples.WHERE_DOCUMENT)
def test_documents_match_by_chromas_rules(where: dict[str, Any], ids: str) -> None:
    assert found(parse_document(where)) == ids


TREES: list[tuple[dict[str, Any], Where]] = [
    ({"a": 1}, Equal("a", 1)),
    ({"a": {"$eq": True}}, Equal("a", True)),
    ({"a": {"$ne": "x"}}, Not(Equal("a", "x"))),
    ({"a": {"$lte": 1.5}}, Order("a", "$lte", 1.5)),
    ({"a": {"$in": [1, 2]}}, Among("a", (1, 2))),
    ({"a": {"$nin": ["x"]}}, Not(Among("a", ("x",)))),
    ({"a": {"$contains": 1}}, Holds("a", 1)),
    ({"a": {"$not_contains": "x"}}, Not(Holds("a", "x"))),
    ({"#document": {"$contains": "x"}}, Contains("x")),
    ({"#document": {"$not_contains": "x"}}, Not(Contains("x"))),
    ({"$and": [{"a": 1}, {"$or": [{"b": 2}, {"c": 3}]}]}, And((Equal("a", 1), Or((Equal("b", 2), Equal("c", 3)))))),
]


@pytest.mark.parametrize(("where", "tree"), TREES)
def test_parse(where: dict[str, Any], tree: Where) -> None:
    """Each operator has its node, and a negative one is `Not` of its positive."""
    assert repr(parse(where)) == repr(tree)


def test_parse_document() -> None:
    """Document filters become nodes of the same tree."""
    tree = parse_document({"$or": [{"$contains": "x"}, {"$and": [{"$regex": "y"}, {"$not_regex": "z"}]}]})
    assert tree == Or((Contains("x"), And((Regex("y"), Not(Regex("z"))))))


def test_unparse_of_a_regex() -> None:
    """A regular expression is written under `#document`, as the wire has it."""
    assert unparse(And((Regex("x"), Not(Regex("y"))))) == {
        "$and": [{"#document": {"$regex": "x"}}, {"#document": {"$not_regex": "y"}}]
    }


@given(strategies.wheres())
def test_what_is_written_is_read_again(where: Where) -> None:
    """A tree comes back from its dictionary as it was, types of values included."""
    # By repr, because structs with 1, 1.0 and True are equal.
    assert repr(parse(unparse(where), wire=True)) == repr(where)


@pytest.mark.parametrize(
    "where", [Not(And(())), Not(Or(())), Not(Not(Equal("a", 1))), Not(Order("a", "$gt", 1)), And((Not(And(())),))]
)
def test_unparse_refuses_what_the_dialect_cannot_say(where: Where) -> None:
    """There is no `$not` in the dialect, so a `Not` of anything but a leaf with a negative operator is refused."""
    with pytest.raises(BadValue, match="in Chroma's dialect"):
        unparse(where)


def test_not_is_the_complement() -> None:
    """A `Not` matches exactly what its node does not, of any node."""
    for node in (And(()), Or(()), Order("i", "$gt", 1), Not(Equal("i", 1))):
        assert set(found(Not(node))) == set(examples.ALL) - set(found(node))


def test_both() -> None:
    """None is no filter, and two filters must both match."""
    one, other = Equal("a", 1), Contains("x")
    assert both() is None
    assert both(None, None) is None
    assert both(None, one) == one
    assert both(one, None, other) == And((one, other))


VALUE = "Expected where value to be a str, int, float, or operator expression, got "
OPERAND = "Expected where operand value to be a str, int, float, bool, or list of those type, got "
SAME_TYPE = "Expected where operand value to be a non-empty list, and all values to be of the same type got "
OPERATOR = (
    "Expected where operator to be one of $gt, $gte, $lt, $lte, $ne, $eq, $in, $nin, $contains, $not_contains, got "
)
KEY = "Expected where key to be a metadata field name or a logical operator ($and, $or), got "
UNINDEXED = "Cannot filter using metadata key '#document' with type 'Str' because indexing is disabled"

# What is refused, how the text begins, and the path that it ends with.
REFUSED: list[tuple[Any, str, str]] = [
    ({}, "Expected where to have exactly one operator, got {}", "where"),
    ({"a": 1, "b": 2}, "Expected where to have exactly one operator, got {'a': 1, 'b': 2}", "where"),
    ([], "Expected where to be a dict, got []", "where"),
    ("a", "Expected where to be a dict, got a", "where"),
    (
        {"i": {"$gt": 1, "$lt": 2}},
        "Expected operator expression to have exactly one operator, got {",
        "where['i']",
    ),
    ({"i": {}}, "Expected operator expression to have exactly one operator, got {}", "where['i']"),
    ({1: 1}, "Expected where key to be a str, got 1", "where"),
    ({"$contains": "x"}, KEY + "$contains", "where"),
    ({"$not": {"a": 1}}, OPERATOR + "a", "where['$not']"),
    ({"$not": {"$eq": 1}}, KEY + "$not", "where"),
    ({"i": None}, VALUE + "None", "where['i']"),
    ({"i": [1]}, VALUE + "[1]", "where['i']"),
    ({"i": {"$eq": None}}, OPERAND + "None", "where['i']['$eq']"),
    ({"i": {"$ne": {}}}, OPERAND + "{}", "where['i']['$ne']"),
    (
        {"i": {"$gt": "a"}},
        "Expected operand value to be an int or a float for operator $gt, got a",
        "where['i']['$gt']",
    ),
    (
        {"i": {"$lte": None}},
        "Expected operand value to be an int or a float for operator $lte, got None",
        "where['i']['$lte']",
    ),
    ({"i": {"$in": []}}, SAME_TYPE + "[]", "where['i']['$in']"),
    ({"i": {"$nin": [1, "a"]}}, SAME_TYPE + "[1, 'a']", "where['i']['$nin']"),
    ({"i": {"$in": [1, 1.0]}}, SAME_TYPE + "[1, 1.0]", "where['i']['$in']"),
    ({"i": {"$in": 1}}, "Expected operand value to be an list for operator $in, got 1", "where['i']['$in']"),
    (
        {"i": {"$nin": (1,)}},
        "Expected operand value to be an list for operator $nin, got (1,)",
        "where['i']['$nin']",
    ),
    ({"i": {"$foo": 1}}, OPERATOR + "$foo", "where['i']"),
    ({"i": {"$regex": "x"}}, OPERATOR + "$regex", "where['i']"),
    ({"i": {"$not": 1}}, OPERATOR + "$not", "where['i']"),
    ({"i": {"eq": 1}}, OPERATOR + "eq", "where['i']"),
    ({"i": {1: 1}}, OPERATOR + "1", "where['i']"),
    (
        {"$and": {"a": 1}},
        "Expected where value for $and or $or to be a list of where expressions, got {'a': 1}",
        "where['$and']",
    ),
    (
        {"$or": []},
        "Expected where value for $and or $or to be a list with at least two where expressions, got []",
        "where['$or']",
    ),
    (
        {"$and": [{"a": 1}]},
        "Expected where value for $and or $or to be a list with at least two where expressions, got [{'a': 1}]",
        "where['$and']",
    ),
    (
        {"tags": {"$contains": ["x"]}},
        "Expected operand value to be a str, int, float, or bool for operator $contains, got ['x']",
        "where['tags']['$contains']",
    ),
    (
        {"tags": {"$not_contains": None}},
        "Expected operand value to be a str, int, float, or bool for operator $not_contains, got None",
        "where['tags']['$not_contains']",
    ),
    (
        {"#document": {"$contains": 1}},
        "Expected operand value to be a str for operator $contains on #document, got 1",
        "where['#document']['$contains']",
    ),
    (
        {"$and": [{"a": 1}, {"$or": [{"b": 2}, {"c": {"$gt": "x"}}]}]},
        "Expected operand value to be an int or a float for operator $gt, got x",
        "where['$and'][1]['$or'][1]['c']['$gt']",
    ),
    ({"$and": [{"a": 1}, {}]}, "Expected where to have exactly one operator, got {}", "where['$and'][1]"),
    ({"$or": [{"a": 1}, 5]}, "Expected where to be a dict, got 5", "where['$or'][1]"),
    ({"a": "\ud800"}, "Expected text that can be encoded as UTF-8, got '\\ud800'", "where['a']"),
    ({"\ud800": 1}, "Expected text that can be encoded as UTF-8, got '\\ud800'", "where"),
]

# What the grammar takes and its meaning does not: not a ValueError, as with Chroma, where the server refuses it.
MEANINGLESS: list[tuple[Any, str]] = [
    ({"i": 2**63}, "Invalid where clause: where['i'] is 9223372036854775808, "),
    ({"i": {"$gt": -(2**63) - 1}}, "Invalid where clause: where['i']['$gt'] is -9223372036854775809, "),
    ({"i": {"$in": [1, True]}}, "Invalid where clause: where['i']['$in'] is [1, True]"),
    ({"i": {"$in": [None]}}, "Invalid where clause: where['i']['$in'] is [None]"),
    ({"i": {"$in": [[1]]}}, "Invalid where clause: where['i']['$in'] is [[1]]"),
    ({"i": {"$in": [1, 2**63]}}, "Invalid where clause: where['i']['$in'][1] is 9223372036854775808, "),
    ({"i": {"$contains": 2**63}}, "Invalid where clause: where['i']['$contains'] is 9223372036854775808, "),
    ({"i": math.inf}, "Invalid where clause: where['i'] is inf, "),
    ({"i": {"$in": [math.nan]}}, "Invalid where clause: where['i']['$in'][0] is nan, "),
    ({"i": {"$gt": True}}, "Invalid where clause: where['i']['$gt'] is True, "),
    ({"i": {"$eq": [1]}}, "Invalid where clause: where['i']['$eq'] is [1], "),
    ({"#document": "text"}, UNINDEXED),
    ({"#document": {"$ne": "text"}}, UNINDEXED),
]

DOCUMENT_VALUE = "Expected where document operand value for operator {} to be a {}"
DOCUMENT_OPERATOR = (
    "Expected where document operator to be one of $contains, $not_contains, $regex, $not_regex, $and, $or, got "
)
DOCUMENT_LIST = "Expected document value for $and or $or to be a list "

REFUSED_DOCUMENT: list[tuple[Any, str, str]] = [
    ({}, "Expected where document to have exactly one operator, got {}", "where_document"),
    (
        {"$contains": "a", "$regex": "b"},
        "Expected where document to have exactly one operator, got {",
        "where_document",
    ),
    ("x", "Expected where document to be a dictionary, got x", "where_document"),
    ({"$eq": "x"}, DOCUMENT_OPERATOR + "$eq", "where_document"),
    ({"text": "x"}, DOCUMENT_OPERATOR + "text", "where_document"),
    ({"$contains": 5}, DOCUMENT_VALUE.format("$contains", "str, got 5"), "where_document"),
    ({"$not_regex": None}, DOCUMENT_VALUE.format("$not_regex", "str, got None"), "where_document"),
    ({"$contains": ""}, DOCUMENT_VALUE.format("$contains", "non-empty str"), "where_document"),
    ({"$and": {"$contains": "x"}}, DOCUMENT_LIST + "of where document expressions, got {", "where_document['$and']"),
    (
        {"$or": [{"$contains": "x"}]},
        DOCUMENT_LIST + "with at least two where document expressions, got [",
        "where_document['$or']",
    ),
    (
        {"$or": [{"$contains": "x"}, {"$and": [{"$regex": "y"}, {"$foo": "z"}]}]},
        DOCUMENT_OPERATOR + "$foo",
        "where_document['$or'][1]['$and'][1]",
    ),
    ({"$contains": "\ud800"}, "Expected text that can be encoded as UTF-8", "where_document['$contains']"),
]


def ends_with_path(text: str, path: str) -> bool:
    """Tell whether an error names this path last, but for the operator that was perhaps meant."""
    return re.sub(r"; did you mean '[$a-z_]+'\?$", "", text).endswith(f" at {path}")


@pytest.mark.parametrize(("where", "text", "path"), REFUSED)
def test_parse_refuses(where: object, text: str, path: str) -> None:
    """What is outside the grammar is a ValueError in Chroma's words, and the path to it is named."""
    with pytest.raises(BadValue) as refused:
        parse(where)
    assert str(refused.value).startswith(text)
    assert ends_with_path(str(refused.value), path)


@pytest.mark.parametrize(("where", "text"), MEANINGLESS)
def test_parse_refuses_what_has_no_meaning(where: object, text: str) -> None:
    """What Chroma's server would refuse is an InvalidArgumentError and no ValueError."""
    with pytest.raises(InvalidArgumentError) as refused:
        parse(where)
    assert type(refused.value) is InvalidArgumentError
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize(("where", "text", "path"), REFUSED_DOCUMENT)
def test_parse_document_refuses(where: object, text: str, path: str) -> None:
    """What is outside the grammar of documents is a ValueError in Chroma's words, and the path to it is named."""
    with pytest.raises(BadValue) as refused:
        parse_document(where)
    assert str(refused.value).startswith(text)
    assert ends_with_path(str(refused.value), path)


def test_bad_regular_expressions_are_refused_when_read() -> None:
    """A pattern that does not compile is refused before any record is looked at."""
    with pytest.raises(InvalidArgumentError, match=r"^Regex syntax errror: "):
        parse_document({"$and": [{"$contains": "x"}, {"$not_regex": "("}]})


@pytest.mark.parametrize(
    ("operator", "meant"), [("$gr", "$gt"), ("gte", "$gte"), ("$contain", "$contains"), ("$neq", "$ne")]
)
def test_a_slip_is_answered_with_what_was_meant(operator: str, meant: str) -> None:
    """An operator that is nearly right is refused with the right one."""
    with pytest.raises(BadValue, match=re.escape(f"where['year']; did you mean '{meant}'?")):
        parse({"year": {operator: 1}})


def test_path_is_the_callers() -> None:
    """A path begins as the caller says, for filters that stand elsewhere."""
    with pytest.raises(BadValue, match=re.escape("at body.where['a']['$gt']")):
        parse({"a": {"$gt": "x"}}, "body.where")


def test_the_wire_takes_more_than_the_client() -> None:
    """Fewer than two conditions in a logical operator, and a regular expression beside metadata, are for the wire."""
    wheres: list[tuple[dict[str, Any], Where]] = [
        ({"$and": [{"a": 1}]}, And((Equal("a", 1),))),
        ({"$or": []}, Or(())),
        ({"#document": {"$not_regex": "x"}}, Not(Regex("x"))),
    ]
    for where, tree in wheres:
        assert parse(where, wire=True) == tree
        with pytest.raises(BadValue):
            parse(where)
    assert parse_document({"$or": [{"$contains": "x"}]}, wire=True) == Or((Contains("x"),))


@pytest.mark.parametrize("read", [parse, parse_document])
def test_depth_is_bounded(read: Callable[[object], Where]) -> None:
    """A filter nested without end is refused, not followed until the stack overflows."""
    where: dict[str, Any] = {"$contains": "x"} if read is parse_document else {"a": 1}
    for _ in range(5000):
        where = {"$and": [where, where]}
    with pytest.raises(InvalidArgumentError, match="nested more than 63 levels deep"):
        read(where)


@pytest.mark.parametrize("condition", [{"$eq": "x"}, {"$in": ["x"]}, {"$gt": 1}, "x"])
def test_documents_are_not_metadata(condition: object) -> None:
    """Only a substring is looked for under `#document`; the refusal names the place."""
    with pytest.raises(InvalidArgumentError, match=r"indexing is disabled, at where\['#document'\]"):
        parse({"#document": condition})


EXACT: list[tuple[dict[str, Any], Any, bool]] = [
    ({"n": 2**53 + 1}, 2**53, False),
    ({"n": 2**53 + 1}, float(2**53), False),
    ({"n": {"$gt": float(2**53)}}, 2**53 + 1, True),
    ({"n": {"$lt": 1e300}}, 2**63 - 1, True),
    ({"n": 0.0}, -0.0, True),
    ({"n": 0}, -0.0, True),
    ({"n": 0}, False, False),
    ({"n": {"$gte": 0}}, True, False),
    ({"n": {"$in": [True]}}, 1, False),
    ({"n": {"$contains": 0.0}}, [-0.0], True),
    ({"n": {"$contains": 1}}, [True], False),
    ({"n": {"$contains": True}}, [1], False),
    ({"n": "é"}, "e\u0301", False),
    ({"n": "a"}, "a\x00", False),
]


@pytest.mark.parametrize(("where", "value", "wanted"), EXACT)
def test_comparisons_are_exact(where: dict[str, Any], value: object, wanted: bool) -> None:
    """Numbers compare by value at any size, strings by code point, and bool with bool only."""
    assert matches(parse(where), {"n": value}, None) is wanted
