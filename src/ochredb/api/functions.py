"""Chroma's names for the functions that its cloud runs over collections."""

from ochredb.chroma.types import Function

__all__ = ["RECORD_COUNTER_FUNCTION", "STATISTICS_FUNCTION", "Function"]

STATISTICS_FUNCTION = Function.STATISTICS
RECORD_COUNTER_FUNCTION = Function.RECORD_COUNTER
