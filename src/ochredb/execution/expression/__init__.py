"""Chroma's home for the classes that a search is written with."""

from ochredb.execution.expression import operator, plan
from ochredb.execution.expression.operator import *  # noqa: F403 # every name that `operator` lists is one of these
from ochredb.execution.expression.operator import Where as SearchWhere
from ochredb.execution.expression.plan import Search

__all__ = ["Search", "SearchWhere", "operator", "plan", *operator.__all__]
