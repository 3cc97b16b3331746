"""Names of Chroma's whose work Ochre does not do: here for imports, type hints and `isinstance`."""

from typing import ClassVar

from ochredb.core.errors import NotSupported


class Absent:
    """A class that can be named and inherited from, but of which no object can be made."""

    instead: ClassVar[str]
    """What to do instead, or why there is nothing to do."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        del args, kwargs
        raise NotSupported(f"{type(self).__name__}: {self.instead}")
