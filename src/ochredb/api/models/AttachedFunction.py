"""Chroma's address of the class `AttachedFunction`."""  # noqa: N999 # the module is called as in Chroma

from ochredb.chroma.types import AttachedFunction

__all__ = ["AttachedFunction"]
