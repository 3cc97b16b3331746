"""A text -> chunks: paragraphs as far as they go, sentences and words where one is too long."""

import re
from collections.abc import Iterator

LIMIT = 800
"""Characters of a chunk, if nothing else is said: all of it is read by a model of 256 tokens."""

BOUNDARIES = (
    re.compile(r"[^\S\n]*\n[^\S\n]*\n"),  # of paragraphs
    re.compile("(?<=[.!?…])\\s|(?<=[.!?…][\"')\\]])\\s|(?<=[。\uff01\uff1f])"),  # of sentences, also of wide characters
    re.compile(r"\s"),  # of words
)
"""Where a text may be cut; the first that there is within the limit, as far on as possible."""
_BLACK = re.compile(r"\S")
_AHEAD = 64
"""Characters behind the limit that are looked at for the whole of a boundary that begins at it."""


def chunks(text: str, limit: int = LIMIT) -> Iterator[str]:
    r"""Cut a text into pieces of at most `limit` characters, without the white space between them.

    Neighbouring paragraphs stay together as long as they fit. A word that is longer than the limit is cut, too.

    >>> list(chunks("One. Two.\n\nThree is longer.", 10))
    ['One. Two.', 'Three is', 'longer.']
    """
    text = text.strip()
    start = 0
    while start < len(text):
        end = _end(text, start, limit)
        yield text[start:end].rstrip()
        found = _BLACK.search(text, end)
        start = found.start() if found else len(text)


def _end(text: str, start: int, limit: int) -> int:
    """Give where the chunk ends that begins with a character at `start`."""
    most = start + limit
    if len(text) <= most:
        return len(text)
    for boundary in BOUNDARIES:
        cuts = [found.start() for found in boundary.finditer(text, start + 1, most + _AHEAD)]
        within = [cut for cut in cuts if cut <= most]
        if within:
            return within[-1]
    return most
