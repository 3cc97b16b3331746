"""Chroma's address of the class `Collection`."""  # noqa: N999 # the module is called as in Chroma

from ochredb.client.sync import Collection

__all__ = ["Collection"]
