"""Chroma's names for the errors, and ours beside them; the classes are those of `ochredb.core.errors`."""

from ochredb.core.errors import (
    AuthorizationError,
    BatchSizeExceededError,
    BusyError,
    ChromaAuthError,
    ClosedError,
    CorruptError,
    DuplicateIDError,
    FormatError,
    IDAlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    InvalidDimensionException,
    InvalidHTTPVersion,
    InvalidUUIDError,
    NotFoundError,
    NotSupported,
    OchreError,
    QuotaError,
    RateLimitError,
    ServiceError,
    UniqueConstraintError,
    VersionMismatchError,
)

ChromaError = OchreError

error_types: dict[str, type[OchreError]] = {
    error.wire: error
    for error in (
        ChromaError,
        InvalidDimensionException,
        IDAlreadyExistsError,
        ChromaAuthError,
        DuplicateIDError,
        InvalidArgumentError,
        InvalidUUIDError,
        InvalidHTTPVersion,
        AuthorizationError,
        NotFoundError,
        UniqueConstraintError,
        BatchSizeExceededError,
        VersionMismatchError,
        InternalError,
        RateLimitError,
        QuotaError,
    )
}
"""The class that the `error` field of a server's answer stands for."""

__all__ = [
    "AuthorizationError",
    "BatchSizeExceededError",
    "BusyError",
    "ChromaAuthError",
    "ChromaError",
    "ClosedError",
    "CorruptError",
    "DuplicateIDError",
    "FormatError",
    "IDAlreadyExistsError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidDimensionException",
    "InvalidHTTPVersion",
    "InvalidUUIDError",
    "NotFoundError",
    "NotSupported",
    "OchreError",
    "QuotaError",
    "RateLimitError",
    "ServiceError",
    "UniqueConstraintError",
    "VersionMismatchError",
    "error_types",
]
