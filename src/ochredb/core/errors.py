"""One tree of errors; each class knows its HTTP status and its name on the wire.

Names and codes that Chroma's callers match on are Chroma's (its `chromadb.errors`); the rest are ours.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from ochredb.core.model import Records


class OchreError(Exception):
    """Anything that Ochre refuses or fails at; `chromadb.errors.ChromaError` is this class."""

    status: ClassVar[int] = 400
    wire: ClassVar[str] = "ChromaError"
    trace_id: str | None = None

    def code(self) -> int:
        """Give the HTTP status of this error."""
        return self.status

    def message(self) -> str:
        """Give the text without the class name."""
        return ", ".join(str(arg) for arg in self.args)

    @classmethod
    def name(cls) -> str:
        """Give the name that Chroma's own class answers with."""
        return _SHORT_NAMES.get(cls.__name__, cls.__name__)


class InvalidArgumentError(OchreError):
    """The caller's input cannot mean anything; nothing was changed."""

    wire = "InvalidArgumentError"


class BadValue(InvalidArgumentError, ValueError):
    """An argument of the right type with a value that is refused: Chroma's callers catch ValueError here."""


class BadType(InvalidArgumentError, TypeError):
    """An argument of the wrong type: Chroma's callers catch TypeError here."""


class InvalidDimensionException(OchreError):
    """An embedding of another dimension than the collection's (kept for Chroma's callers)."""

    wire = "InvalidDimension"


class InvalidUUIDError(OchreError):
    """A collection id that is no UUID."""

    wire = "InvalidUUID"


class InvalidHTTPVersion(OchreError):
    """A client that speaks another version of HTTP (kept for Chroma's callers)."""

    wire = "InvalidHTTPVersion"


class DuplicateIDError(OchreError):
    """The same id twice in one call."""

    wire = "DuplicateID"


class IDAlreadyExistsError(OchreError):
    """An id that is taken: `add` passes over it, and an import or a copy refuses it unless told otherwise."""

    status = 409
    wire = "IDAlreadyExists"


class UniqueConstraintError(OchreError):
    """A name that is taken: of a tenant, a database or a collection."""

    status = 409
    wire = "UniqueConstraintError"


class NotFoundError(OchreError):
    """A tenant, database or collection that does not exist."""

    status = 404
    wire = "NotFoundError"


class ChromaAuthError(OchreError):
    """A caller who did not say who they are."""

    status = 403
    wire = "AuthError"

    def message(self) -> str:
        """Say no more than that it is forbidden."""
        return "Forbidden"


class AuthorizationError(OchreError):
    """An action that this caller, or this configuration, does not allow."""

    status = 401
    wire = "AuthorizationError"


class BatchSizeExceededError(OchreError):
    """A call that is larger than the limit of the one who answers it."""

    status = 413
    wire = "BatchSizeExceededError"


class VersionMismatchError(OchreError):
    """Two sides that do not speak the same version."""

    status = 500
    wire = "VersionMismatchError"


class RateLimitError(OchreError):
    """Too many calls in too little time."""

    status = 429
    wire = "RateLimitError"


class QuotaError(OchreError):
    """More than the caller's share."""

    wire = "QuotaError"


class ForbiddenError(AuthorizationError):
    """An action that is not allowed to this caller, who is known, or to anybody."""

    status = 403


class BadBody(OchreError):
    """A request whose body is well formed, but not made of the parts that were wanted."""

    status = 422


class BadMediaType(OchreError):
    """A request whose body is of a content type that is not read here."""

    status = 415


class OverdueError(OchreError):
    """A call that took longer than the one who answers it, or the one who asked, would wait."""

    status = 504


class InternalError(OchreError):
    """A fault of ours, or of the machine below us."""

    status = 500
    wire = "InternalError"


class NotSupported(OchreError, NotImplementedError):
    """A feature that this engine cannot give; the text names engine and feature."""

    status = 501


class BusyError(OchreError):
    """Another process held the write lock for longer than the stated wait."""

    status = 503
    wire = "InternalError"


class CorruptError(InternalError):
    """The file of the truth is damaged or is no database of Ochre's."""


class FormatError(InternalError):
    """A folder that a newer Ochre wrote, or Chroma; the text names what can read it."""


class ServiceError(OchreError, RuntimeError):
    """A service that was asked for embeddings refused, failed or gave no answer; a RuntimeError, as in Chroma."""

    status = 502
    wire = "InternalError"


class UnreachableError(OchreError, ConnectionError):
    """A server that could not be reached, or that broke off; a ConnectionError, for who waits for networks."""

    status = 502
    wire = "InternalError"


class PartlyWrittenError(UnreachableError):
    """A write that went in parts, of which some failed after every attempt; written again, each record is there once.

    Args:
        text: What failed.
        written: The ids that are in.
        missing: The ids that were not acknowledged.
    """

    def __init__(self, text: str = "", written: "Sequence[str]" = (), missing: "Sequence[str]" = ()) -> None:
        super().__init__(text)
        self.written = written
        self.missing = missing


class UnwrittenError(InternalError):
    """Records that embeddings were made for, and that could not be written.

    Args:
        text: What failed.
        records: All of them, as batches of `Records` with embeddings.
    """

    def __init__(self, text: str = "", records: "Sequence[Records]" = ()) -> None:
        super().__init__(text)
        self.records = records


class ClosedError(InternalError):
    """A verb on an engine or client that was closed."""


_SHORT_NAMES = {
    "OchreError": "ChromaError",
    "InvalidArgumentError": "InvalidArgument",
    "BadValue": "InvalidArgument",
    "BadType": "InvalidArgument",
    "InvalidDimensionException": "InvalidDimension",
    "InvalidUUIDError": "InvalidUUID",
    "DuplicateIDError": "DuplicateID",
    "IDAlreadyExistsError": "IDAlreadyExists",
    "ChromaAuthError": "AuthError",
}
