"""Text that a caller gave: told in an error, and encoded."""

from ochredb.core.errors import BadValue


def utf8(text: str, path: str) -> bytes:
    """Encode text; raise BadValue for what is no Unicode, such as half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadValue(f"Expected text that can be encoded as UTF-8, got {short(text)} at {path}") from error


def short(value: object) -> str:
    """Show a value in an error, cut to 200 characters."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
