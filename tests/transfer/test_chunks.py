"""Texts are cut into chunks that hold all of them and are never too long."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ochredb.transfer.chunks import chunks

PARTS = (
    "One",
    "a word.",
    "Is it?",
    'He said "no."',
    "\n\n",
    "\n",
    " ",
    "\t",
    "。",
    "長い文章。",
    "x" * 30,
    "\u2028",
    "...",
)


def texts() -> st.SearchStrategy[str]:
    """Draw prose of a few parts, or any text."""
    return st.lists(st.sampled_from(PARTS), max_size=40).map(" ".join) | st.text(max_size=200)


def black(text: str) -> str:
    """Give a text without its white space."""
    return "".join(text.split())


@given(texts(), st.integers(1, 60))
def test_chunks_hold_the_whole_text(text: str, limit: int) -> None:
    """Nothing but white space is lost, none is empty or longer than the limit, and each is a piece of the text."""
    found = list(chunks(text, limit))
    assert black("".join(found)) == black(text)
    assert all(0 < len(chunk) <= limit and chunk == chunk.strip() and chunk in text for chunk in found)


@given(texts(), st.integers(1, 60))
def test_chunks_are_stable(text: str, limit: int) -> None:
    """The same text is cut in the same way again, and a chunk is not cut further."""
    found = list(chunks(text, limit))
    assert list(chunks(text, limit)) == found
    assert [list(chunks(chunk, limit)) for chunk in found] == [[chunk] for chunk in found]


@given(
    st.lists(st.text("abc. ", min_size=1, max_size=20).map(str.strip).filter(bool), max_size=12), st.integers(20, 50)
)
def test_paragraphs_stay_whole(paragraphs: list[str], limit: int) -> None:
    """No paragraph that is within the limit is cut, and neighbours that fit into one chunk are in one."""
    found = list(chunks("\n\n".join(paragraphs), limit))
    assert [paragraph for chunk in found for paragraph in chunk.split("\n\n")] == paragraphs
    assert all(len(f"{one}\n\n{two.split(chr(10))[0]}") > limit for one, two in pairwise(found))


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    """Sentences stay whole where they can, with the quotation mark that ends one; else words do."""
    text = 'Say "no." It is late. And so on and on and on! Next'
    assert list(chunks(text, 22)) == ['Say "no." It is late.', "And so on and on and", "on! Next"]
    assert list(chunks("一つ。二つ。三つ。", 6)) == ["一つ。二つ。", "三つ。"]


def test_a_long_word_is_cut_at_the_limit() -> None:
    """There is no better place."""
    assert list(chunks("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]


def test_no_text_makes_no_chunk() -> None:
    """Nor does white space."""
    assert list(chunks("")) == list(chunks(" \n\t\n ")) == []
