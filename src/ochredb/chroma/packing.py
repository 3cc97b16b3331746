"""Embeddings as Chroma's clients send them: base64 of little-endian float32."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np


def optional_embeddings_to_base64_strings(embeddings: Sequence[Any] | None) -> list[str | None] | None:
    """Pack vectors; None, and None among them, stay as they are.

    >>> optional_embeddings_to_base64_strings([[1.0, 2.0]])
    ['AACAPwAAAEA=']
    """
    if embeddings is None:
        return None
    return [None if row is None else b64encode(np.asarray(row, "<f4").tobytes()).decode() for row in embeddings]


def optional_base64_strings_to_embeddings(b64_strings: Sequence[str | None] | None) -> list[list[float] | None] | None:
    """Unpack vectors; None, and None among them, stay as they are.

    >>> optional_base64_strings_to_embeddings(["AACAPwAAAEA="])
    [[1.0, 2.0]]
    """
    if b64_strings is None:
        return None
    return [None if text is None else np.frombuffer(b64decode(text), "<f4").tolist() for text in b64_strings]
