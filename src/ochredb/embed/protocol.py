"""What an embedding function promises, and what is made of its answer."""

import inspect
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ochredb.core.errors import BadValue
from ochredb.core.model import Space, SparseVector

Document: TypeAlias = str
Documents: TypeAlias = list[Document]
Image: TypeAlias = npt.NDArray[Any]
Images: TypeAlias = list[Image]
Embedding: TypeAlias = npt.NDArray[np.float32]
"""One vector, float32 (dimension,)."""
Embeddings: TypeAlias = list[Embedding]
SparseVectors: TypeAlias = list[SparseVector]
Embeddable: TypeAlias = Documents | Images

D = TypeVar("D", bound=Embeddable, contravariant=True)
R = TypeVar("R", covariant=True)

NUMBERS = frozenset(np.dtype(name) for name in ("float16", "float32", "float64", "int32", "int64"))
PARAMETERS = ["self", "input"]
MARK = "_checks"


class _Function(ABC, Generic[D, R]):
    """What dense and sparse embedding functions have in common."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for method in ("__call__", "embed_query"):
            # By getattr, because a mixin that is none of our functions may have brought the method.
            written = getattr(cls, method)
            unwritten = written is _Function.embed_query or getattr(written, "__isabstractmethod__", False)
            if not unwritten and not hasattr(written, MARK):
                setattr(cls, method, _checked(written, cls._check))

    @staticmethod
    @abstractmethod
    def _check(result: object) -> R:
        """Make of what a subclass returned what callers get."""

    @abstractmethod
    def __call__(self, input: D) -> R:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each item; the parameter is called `input` because `check_signature` holds functions to it."""

    def embed_query(self, input: D) -> R:  # noqa: A002 # as above
        """Embed search texts, for models that treat them apart from documents."""
        return self(input)

    def embed_with_retries(
        self,
        input: D,  # noqa: A002 # as above
        *,
        attempts: int = 3,
        wait: float = 1.0,
        longest: float = 60.0,
        retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> R:
        """Embed, and after a failure try again.

        Args:
            input: What to embed.
            attempts: How often to try in all.
            wait: Seconds before the second attempt; each further pause is twice the last.
            longest: Seconds that a pause never exceeds.
            retry_on: The errors that may pass by themselves.

        Raises:
            Exception: The last attempt's own error.
        """
        for attempt in range(attempts - 1):
            try:
                return self(input)
            except retry_on:
                time.sleep(min(wait * 2**attempt, longest))
        return self(input)

    @staticmethod
    def name() -> str:
        """Give the name that a collection stores and the class is registered under."""
        name: str = _missing("name")
        return name

    def get_config(self) -> dict[str, Any]:
        """Give the JSON from which `build_from_config` makes an equal function; never an API key."""
        config: dict[str, Any] = _missing("get_config")
        return config

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> Any:  # noqa: ARG004 # a contract for subclasses
        """Make a function from what `get_config` gave."""
        return _missing("build_from_config")

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Raise ValueError if vectors made under the new configuration could not be compared with the old ones."""

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Raise ValueError if `build_from_config` could make nothing of this."""

    def is_legacy(self) -> bool:
        """Tell whether a collection cannot remember this function."""
        # Told from the class, because calling the defaults would warn once more for each.
        written = (
            getattr(type(self), method) is not getattr(_Function, method)
            for method in ("name", "get_config", "build_from_config")
        )
        return not all(written) or not isinstance(self.name(), str)


class EmbeddingFunction(_Function[D, Embeddings]):
    """Something that turns documents or images into vectors.

    A subclass writes `__call__`; whatever lists or arrays it and `embed_query` return, callers get `Embeddings`. With
    `name`, `get_config` and `build_from_config` as well, a collection remembers the function; without them it is a
    legacy function, which the caller passes again whenever the collection is opened.
    """

    @abstractmethod
    def __call__(self, input: D) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each item; the parameter is called `input` because `check_signature` holds functions to it."""

    def default_space(self) -> Space:
        """Give the space of a collection that does not choose one."""
        return "l2"

    def supported_spaces(self) -> list[Space]:
        """Give the spaces in which these vectors can be compared."""
        return ["cosine", "l2", "ip"]

    @staticmethod
    def _check(result: object) -> Embeddings:
        return normalize_embeddings(result)


class SparseEmbeddingFunction(_Function[D, SparseVectors]):
    """Something that turns documents into sparse vectors; like an `EmbeddingFunction`, but that no space is chosen."""

    @abstractmethod
    def __call__(self, input: D) -> SparseVectors:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each item."""

    @staticmethod
    def _check(result: object) -> SparseVectors:
        return check_sparse_vectors(result)


def check_signature(function: object) -> None:
    """Refuse what cannot be called as an embedding function; to be asked before a collection is created for it.

    Raises:
        BadValue: The parameters of its class's `__call__` are not `(self, input)`; the text begins as Chroma's.
    """
    kind: Any = type(function)
    found = _parameters(kind)
    if found == PARAMETERS:
        return
    hint = "; pass an instance, not the class" if isinstance(function, type) else ""
    raise BadValue(
        f"Expected EmbeddingFunction.__call__ to have the following signature: odict_keys({PARAMETERS}), "
        f"got odict_keys({found})\nAn embedding function is an object of a class with "
        f"`def __call__(self, input: Documents) -> Embeddings`, got {function!r}{hint}"
    )


def normalize_embeddings(result: object) -> Embeddings:
    """Make a list of float32 vectors of what an embedding function returned.

    Args:
        result: One vector (a flat list of numbers, a 1-D array) or many (a 2-D array, a list of vectors).

    Raises:
        BadValue: No vectors at all, or something in them that is not a number.
    """
    if not isinstance(result, list | np.ndarray) or (isinstance(result, np.ndarray) and result.ndim not in (1, 2)):
        raise _unreadable(result)
    if len(result) == 0:
        raise BadValue(f"Expected Embeddings to be non-empty list or numpy array, got {result}")
    if isinstance(result, np.ndarray) and result.ndim == 2:
        return list(_floats(result))
    if isinstance(result[0], list | np.ndarray):
        return [_vector(row) for row in result]
    return [_vector(result)]


def check_sparse_vectors(result: object) -> SparseVectors:
    """Refuse what is no list of sparse vectors.

    Raises:
        BadValue: It is none, or empty; the text is Chroma's.
    """
    if not isinstance(result, list):
        raise BadValue(f"Expected sparse vectors to be a list, got {type(result).__name__}")
    if not result:
        raise BadValue("Expected sparse vectors to be a non-empty list, got 0 sparse vectors")
    for row, vector in enumerate(result):
        if not isinstance(vector, SparseVector):
            raise BadValue(f"Expected SparseVector instance at position {row}, got {type(vector).__name__}")
    return result


def _vector(row: object) -> Embedding:
    if isinstance(row, np.ndarray) and row.ndim == 1 and row.size:
        return _floats(row)
    if isinstance(row, list) and row:
        array = _array(row)
        if array.ndim == 1 and array.dtype in NUMBERS:
            return _floats(array)
    raise _unreadable(row)


def _array(row: list[Any]) -> npt.NDArray[Any]:
    try:
        return np.asarray(row)
    except ValueError as error:  # lists of different lengths within it
        raise _unreadable(row) from error


def _floats(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if array.dtype not in NUMBERS:
        raise BadValue(
            f"Expected each value in the embedding to be a int or float, got an embedding with {array.dtype} - "
            f"{_short(array.tolist())}"
        )
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and `add` refuses that by name
        return np.ascontiguousarray(array, dtype=np.float32)


def _unreadable(found: object) -> BadValue:
    return BadValue(
        "Expected embeddings to be a list of floats or ints, a list of lists, a numpy array, "
        f"or a list of numpy arrays, got {_short(found)}"
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _checked(call: Callable[..., object], check: Callable[[object], Any]) -> Callable[..., Any]:
    @wraps(call)
    def checked(self: object, *args: object, **kwargs: object) -> Any:
        return check(call(self, *args, **kwargs))

    setattr(checked, MARK, True)
    return checked


@lru_cache
def _parameters(cls: type) -> list[str]:
    # Kept, as it takes longer than all else that listing a collection does.
    try:
        return list(inspect.signature(cls.__call__).parameters)
    except (TypeError, ValueError):  # written in C, without a signature
        return []


def _missing(method: str) -> Any:
    warnings.warn(
        f"an embedding function without {method}() cannot be remembered by a collection; implement it",
        DeprecationWarning,
        stacklevel=3,
    )
    return NotImplemented
