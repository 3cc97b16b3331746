"""Regular expressions: Rust's Unicode classes on RE2, Python's `re` as the judge of the rest, and what is refused."""

import re

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from ochredb.core.errors import InvalidArgumentError
from ochredb.core.pattern import compile_pattern, literal_in


def found(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).search(text) is not None


UNICODE = [
    (r"^\d$", "7٣९", "a²½"),
    (r"^\D$", "a²½é", "7٣९"),
    (r"^\w$", "aZ7_é東ж٣\u0301", " -.²€"),
    (r"^\W$", " -.²€", "aZ7_é東ж٣\u0301"),
    (r"^\s$", " \t\n\r\x0b\x0c\x85\xa0\u2003\u2028\u3000", "a_\u200b"),
    (r"^\S$", "a_é\u200b", " \t\n\x0b\x85\xa0\u2003\u2028\u3000"),
    (r"^[\d]$", "7٣", "a"),
    (r"^[\w-]$", "é東-", " ."),
    (r"^[^\w-]$", " .", "é東-"),
    (r"^[a\s]$", "a\xa0\u3000", "b"),
    (r"^[\]\w]$", "]é", "[ "),
    (r"^[\[\w]$", "[é", "] "),
    (r"^[]\w]$", "]é", "[ "),
    (r"^[^]\w]$", "[ ", "]é"),
    (r"^[[:punct:]\w]$", "!é", " "),
    (r"^.$", "é🦆", ""),
    (r"^\p{Greek}$", "αΩ", "a"),
    (r"(?i)^äé$", ["Äé", "ÄÉ"], ["ae"]),
]


@pytest.mark.parametrize(("pattern", "yes", "no"), UNICODE)
def test_classes_are_those_of_unicode(pattern: str, yes: str | list[str], no: str | list[str]) -> None:
    """What Rust's engine takes for a digit, a word character or a space is one, alone and within brackets."""
    assert {text: found(pattern, text) for text in yes} == dict.fromkeys(yes, True)
    assert {text: found(pattern, text) for text in no} == dict.fromkeys(no, False)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"[(\[]\w+", "see [chapter"),
        (r"\w+[[]\w", "a[b"),
        (r"[\\]\w+", r"C:\Users"),
        (r"[^\]]\s\w", "a b"),
        (r"\\w", r"a \w b"),
        (r"[[:alpha:]]\d[[:^space:]]", "x٣!"),
    ],
)
def test_brackets_end_where_they_end(pattern: str, text: str) -> None:
    r"""An escape behind a bracketed class is not taken as within it, wherever the bracket holds a `[` or a `]`."""
    assert found(pattern, text)


def test_search_is_unanchored() -> None:
    """A match may stand anywhere, and an empty pattern is everywhere."""
    assert found("b", "abc")
    assert found("", "")
    assert found("x*", "abc")
    assert not found("^b", "abc")


def test_dot_and_newline() -> None:
    """A dot stops at a newline unless `(?s)` says otherwise; `^` is the start of the text unless `(?m)` does."""
    assert not found("a.b", "a\nb")
    assert found("(?s)a.b", "a\nb")
    assert not found("^b", "a\nb")
    assert found("(?m)^b", "a\nb")


BAD = ["(", ")", "[a", "*a", "a**", r"(?=a)", r"(?!a)", r"(?<=a)b", r"(a)\1", "a{2,1}", "\\", r"\p{Nowhere}", "[z-a]"]


@pytest.mark.parametrize("pattern", [*BAD, r"(?:\w{100}){100}"])
def test_bad_patterns(pattern: str) -> None:
    """What is no regular expression, or too large a one, is refused in Chroma's words, with the pattern."""
    with pytest.raises(InvalidArgumentError, match=r"^Regex syntax errror: ") as refused:
        compile_pattern(pattern)
    assert repr(pattern) in str(refused.value)


def test_time_is_linear() -> None:
    """A pattern that takes exponential time elsewhere answers at once."""
    assert not found("(a*)*b", "a" * 50_000)


ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "0",
        "_",
        " ",
        r"\.",
        ".",
        "[ab]",
        "[^a]",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        r"[\d_]",
        r"[^\w ]",
        "^",
        "$",
    ]
)
REPEATS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "*?"])


def composed(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(parts, parts).map("".join),
        st.tuples(parts, parts).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(parts, REPEATS).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    )


@given(st.recursive(ATOMS, composed, max_leaves=8), st.lists(st.text("ab01_ .\t-", max_size=8), min_size=1, max_size=6))
def test_ascii_agrees_with_python(pattern: str, texts: list[str]) -> None:
    """On ASCII text, what Python's `re` finds is found, and nothing else."""
    judge = re.compile(pattern, re.ASCII)
    assert [found(pattern, text) for text in texts] == [judge.search(text) is not None for text in texts]


LITERALS = [
    (r"foo\.bar\d+", "foo.bar"),
    ("abc", "abc"),
    ("", ""),
    ("ab|cd", ""),
    ("(?i)abc", ""),
    ("ab*cd", "cd"),
    ("ab+cd", "ab"),
    ("ab?c{2}def", "def"),
    ("(abcd)ef", "ef"),
    ("ab[cd]efgh", "ab"),
    (r"^\(東京\)$", "(東京)"),
]


@pytest.mark.parametrize(("pattern", "literal"), LITERALS)
def test_literal(pattern: str, literal: str) -> None:
    """The longest text that a pattern plainly asks for is found."""
    assert literal_in(pattern) == literal


ESCAPES = [r"\.", r"\d", r"\w", r"\x61", r"\x{61}", r"\pL", r"\p{L}", r"\141", r"\Qa*b\E"]
PIECES = st.sampled_from([*"ab01pL.^${}", "[ab]", "[]a]", "(ab)", "(a)?", "(0(1))", *ESCAPES])


@given(
    st.lists(st.tuples(PIECES, st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,1}", "+?"])), max_size=5),
    st.lists(st.text("ab01pL.*{", max_size=8), max_size=20),
)
def test_no_match_is_without_its_literal(pieces: list[tuple[str, str]], texts: list[str]) -> None:
    """Every text that a pattern matches has the literal in it, or a search that asks for it first would miss one."""
    pattern = "".join(piece + repeat for piece, repeat in pieces)
    try:
        compile_pattern(pattern)
    except InvalidArgumentError:
        reject()
    assert all(literal_in(pattern) in text for text in texts if found(pattern, text))


@pytest.mark.parametrize(("pattern", "text"), [(r"\x61bc", "abc"), (r"\pLbc", "abc"), (r"\141bc", "abc")])
def test_an_escape_of_several_characters_is_no_literal(pattern: str, text: str) -> None:
    """What follows a backslash and a letter may belong to the escape."""
    assert found(pattern, text)
    assert literal_in(pattern) in text
