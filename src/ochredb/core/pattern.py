r"""Regular expressions with a bound on their cost: RE2, read in the dialect of Rust's `regex`, which Chroma's users
write.

RE2 and Rust's engine share their syntax (no look-around, no back-references) and their linear time. RE2 takes `\d`,
`\w` and `\s` as ASCII where Rust takes them as Unicode; `_unicode_classes` writes them out. `\b` stays ASCII in RE2;
that difference is documented.
"""

from functools import lru_cache
from typing import Any

from ochredb.core.errors import InvalidArgumentError

_CLASSES = {
    "d": r"\p{Nd}",
    "w": r"\p{L}\p{M}\p{Nd}\p{Pc}",
    "s": r"\s\x{0b}\x{85}\p{Z}",
}
_MEMORY = 32 << 20


@lru_cache(maxsize=256)
def compile_pattern(pattern: str, memory: int = _MEMORY) -> Any:
    """Compile a pattern for an unanchored `search`.

    Args:
        pattern: In the dialect of Rust's `regex`.
        memory: Bytes that it may take when compiled.

    Raises:
        InvalidArgumentError: It is no regular expression, or one whose program would be larger.
    """
    import re2  # a C++ library of some megabytes: loaded by the first regular expression, not by `import ochredb`

    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    try:
        return re2.compile(_unicode_classes(pattern), options=options)
    except re2.error as error:
        detail = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        # "errror" is Chroma's own spelling, and callers match on it (contract 1.16).
        raise InvalidArgumentError(f"Regex syntax errror: {detail} in {pattern!r}") from error


def _unicode_classes(pattern: str) -> str:
    written, at, members = [], 0, -1  # members: where those of the class that is open begin, -1 outside of one
    while at < len(pattern):
        width = 1
        if pattern[at] == "\\" and at + 1 < len(pattern):
            written.append(_escape(pattern[at + 1], members >= 0))
            at += 2
            continue
        if members < 0 and pattern[at] == "[":
            members = at + (2 if pattern.startswith("[^", at) else 1)
        elif members >= 0 and pattern.startswith("[:", at):
            width = max(1, pattern.find(":]", at) + 2 - at)
        elif pattern[at] == "]" and at != members:
            members = -1
        written.append(pattern[at : at + width])
        at += width
    return "".join(written)


def _escape(letter: str, inside: bool) -> str:
    members = _CLASSES.get(letter.lower())
    if inside and letter == "D":
        return r"\P{Nd}"
    if members is None or (inside and letter.isupper()):
        return "\\" + letter
    if inside:
        return members
    return f"[{'^' if letter.isupper() else ''}{members}]"


def literal_in(pattern: str) -> str:
    r"""Give the longest text that every match of a pattern must contain, or "" where none is plain to see.

    It errs on the side of "": alternatives, groups and classes are passed over, and so is a letter that may be left
    out.

    >>> literal_in(r"foo\.bar\d+")
    'foo.bar'
    """
    if "|" in pattern or "(?" in pattern:
        return ""
    runs, run, depth, at = [], "", 0, 0
    while at < len(pattern):
        char, width = _plain(pattern, at)
        follows = pattern[at + width : at + width + 1]
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        if char and depth == 0 and follows not in ("*", "?", "{"):
            run += char
        else:
            char = ""
        if not char or follows == "+":
            runs.append(run)
            run = ""
        at += width
    return max([*runs, run], key=len)


def _plain(pattern: str, at: int) -> tuple[str, int]:
    """Give the character that stands for itself at this place, or "", and how much of the pattern says it."""
    char = pattern[at]
    if char == "\\":
        following = pattern[at + 1 : at + 2]
        if following and following in "pPxQ01234567":
            return "", len(pattern) - at  # an escape of several characters; where it ends is not worth knowing either
        return ("", 2 if following != "" else 1) if following.isalnum() or not following else (following, 2)
    if char == "[":
        return "", len(pattern) - at  # where a class ends is not worth knowing: what follows is given up
    if char == "{":
        end = pattern.find("}", at)
        return "", (end - at + 1) if end > at else len(pattern) - at
    return ("" if char in ".^$*+?(){}]" else char), 1
