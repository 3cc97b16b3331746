"""The log: a line for each request and each fault, as text or as JSON, without texts that may hold a secret."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from ochredb.core.errors import BadValue
from ochredb.server.settings import Settings

LOGGERS = ("ochredb.access", "ochredb.server", "ochredb", "uvicorn.error")


class Lines(logging.Formatter):
    """Writes a record as a line of text, or of JSON; never the traceback that comes with it, or texts of errors."""

    def __init__(self, log_format: str) -> None:
        super().__init__()
        self._write = _json if log_format == "json" else _text

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {"time": time, "level": record.levelname, "logger": record.name}
        fields = getattr(record, "fields", None)
        return self._write(told | ({"message": _message(record)} if fields is None else fields))


def open_journal(settings: Settings) -> logging.Handler:
    """Let the server's loggers write where the settings say; to be given to `close_journal`.

    Raises:
        BadValue: The file cannot be written.
    """
    try:
        handler = (
            logging.StreamHandler()
            if settings.log_path is None
            else logging.FileHandler(settings.log_path, encoding="utf-8")
        )
    except OSError as error:
        raise BadValue(f"cannot write the log to {settings.log_path}: {error.strerror}") from error
    handler.setFormatter(Lines(settings.log_format))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING if name == "uvicorn.error" else logging.INFO)
    logging.getLogger("ochredb.access").disabled = not settings.access_log
    return handler


def close_journal(handler: logging.Handler) -> None:
    """Take it back."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate, logger.disabled = [], True, False
    handler.close()


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    error = record.exc_info[1] if record.exc_info else None
    return text if error is None else f"{text.strip()}: {type(error).__name__}"


def _json(told: dict[str, Any]) -> str:
    return msgspec.json.encode(told).decode()


def _text(told: dict[str, Any]) -> str:
    head = f"{told.pop('time')} {told.pop('level'):<7} {told.pop('logger')}"
    if "message" in told:
        return f"{head} {told['message']}"
    return f"{head} " + " ".join(f"{name}={'-' if value is None else value}" for name, value in told.items())
