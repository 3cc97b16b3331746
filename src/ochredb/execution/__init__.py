"""Chroma's home for the expressions of its search."""

from ochredb.execution import expression

__all__ = ["expression"]
