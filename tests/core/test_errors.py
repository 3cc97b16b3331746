"""Each class of error says its HTTP status, its name on the wire and Chroma's own name."""

import inspect

import pytest

from ochredb.core import errors
from ochredb.core.errors import OchreError

# class: (status, name on the wire, name()), as Chroma 1.5.9 has them (contract 1.14).
CHROMA = {
    "InvalidDimensionException": (400, "InvalidDimension", "InvalidDimension"),
    "IDAlreadyExistsError": (409, "IDAlreadyExists", "IDAlreadyExists"),
    "ChromaAuthError": (403, "AuthError", "AuthError"),
    "DuplicateIDError": (400, "DuplicateID", "DuplicateID"),
    "InvalidArgumentError": (400, "InvalidArgumentError", "InvalidArgument"),
    "InvalidUUIDError": (400, "InvalidUUID", "InvalidUUID"),
    "InvalidHTTPVersion": (400, "InvalidHTTPVersion", "InvalidHTTPVersion"),
    "AuthorizationError": (401, "AuthorizationError", "AuthorizationError"),
    "NotFoundError": (404, "NotFoundError", "NotFoundError"),
    "UniqueConstraintError": (409, "UniqueConstraintError", "UniqueConstraintError"),
    "BatchSizeExceededError": (413, "BatchSizeExceededError", "BatchSizeExceededError"),
    "VersionMismatchError": (500, "VersionMismatchError", "VersionMismatchError"),
    "InternalError": (500, "InternalError", "InternalError"),
    "RateLimitError": (429, "RateLimitError", "RateLimitError"),
    "QuotaError": (400, "QuotaError", "QuotaError"),
}
# Ours travel under a name that Chroma's clients know.
OURS = {
    "OchreError": (400, "ChromaError", "ChromaError"),
    "BadValue": (400, "InvalidArgumentError", "InvalidArgument"),
    "BadType": (400, "InvalidArgumentError", "InvalidArgument"),
    "ForbiddenError": (403, "AuthorizationError", "ForbiddenError"),
    "BadMediaType": (415, "ChromaError", "BadMediaType"),
    "BadBody": (422, "ChromaError", "BadBody"),
    "OverdueError": (504, "ChromaError", "OverdueError"),
    "NotSupported": (501, "ChromaError", "NotSupported"),
    "BusyError": (503, "InternalError", "BusyError"),
    "CorruptError": (500, "InternalError", "CorruptError"),
    "FormatError": (500, "InternalError", "FormatError"),
    "ServiceError": (502, "InternalError", "ServiceError"),
    "UnreachableError": (502, "InternalError", "UnreachableError"),
    "ClosedError": (500, "InternalError", "ClosedError"),
    "PartlyWrittenError": (502, "InternalError", "PartlyWrittenError"),
    "UnwrittenError": (500, "InternalError", "UnwrittenError"),
}
CLASSES = {name: found for name, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, OchreError)}


def test_every_class_is_in_the_tables() -> None:
    """A new class of error is added to the tables above."""
    assert CLASSES.keys() == CHROMA.keys() | OURS.keys()


@pytest.mark.parametrize(("name", "wanted"), [*CHROMA.items(), *OURS.items()])
def test_status_and_names(name: str, wanted: tuple[int, str, str]) -> None:
    """The class alone knows status and names, and `code()` and `name()` tell them as Chroma's callers ask."""
    found = CLASSES[name]
    assert (found.status, found.wire, found.name()) == wanted
    assert found("text").code() == wanted[0]


def test_wire_names_are_chromas() -> None:
    """Whatever is raised arrives under a name that Chroma's client turns into a class."""
    known = {wire for _, wire, _ in CHROMA.values()} | {"ChromaError"}
    assert {found.wire for found in CLASSES.values()} <= known


def test_message() -> None:
    """The message is the text, but for an authentication that failed."""
    assert errors.NotFoundError("no such thing").message() == "no such thing"
    assert errors.NotFoundError("a", 1).message() == "a, 1"
    assert errors.ChromaAuthError("the token is older than the key").message() == "Forbidden"


def test_trace_id_is_none_until_a_wire_gives_one() -> None:
    """An error of this process has no trace id."""
    assert OchreError().trace_id is None


@pytest.mark.parametrize(
    ("found", "builtin"),
    [
        (errors.BadValue, ValueError),
        (errors.BadType, TypeError),
        (errors.NotSupported, NotImplementedError),
        (errors.UnreachableError, ConnectionError),
    ],
)
def test_builtin_classes(found: type[OchreError], builtin: type[Exception]) -> None:
    """Callers who catch Python's own class, as Chroma makes them, catch ours."""
    assert issubclass(found, builtin)
