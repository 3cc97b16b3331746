"""Chroma's address of the class `AsyncCollection`."""  # noqa: N999 # the module is called as in Chroma

from ochredb.client.aio import AsyncCollection

__all__ = ["AsyncCollection"]
