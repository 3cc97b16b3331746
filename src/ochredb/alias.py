"""Ochre under Chroma's import name, for programs and libraries that say `import chromadb`."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import ochredb

CHROMA = "chromadb"
OCHRE = "ochredb"


def install_as_chromadb() -> None:
    """Let `chromadb` and all below it be imported as the modules of the same names in `ochredb`, for this process.

    Call it before anything imports chromadb; calling it again changes nothing. Whether the real package is installed
    does not matter.

    Raises:
        ImportError: The real chromadb is already imported.
    """
    loaded = sys.modules.get(CHROMA)
    if loaded is not None and loaded is not ochredb:
        where = getattr(loaded, "__file__", None) or "an unknown place"
        raise ImportError(
            f"chromadb is already imported from {where}: call ochredb.alias.install_as_chromadb() "
            "before the first import of chromadb or of a library that imports it",
            name=CHROMA,
        )
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Answer for `chromadb` and the names below it that `ochredb` has."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give a spec that ends in our module; None, so that the error names what was asked for, if we have none."""
        del path, target
        package, _, rest = fullname.partition(".")
        if package != CHROMA:
            return None
        name = f"{OCHRE}.{rest}" if rest else OCHRE
        return ModuleSpec(fullname, _Loader(name)) if find_spec(name) else None


class _Loader(Loader):
    """Put an existing module in the place of the one being imported."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the default: were our module given here, the import system would overwrite its `__spec__`."""
        del spec

    def exec_module(self, module: ModuleType) -> None:
        """Replace the empty module; the import system takes what stands in `sys.modules` afterwards."""
        sys.modules[module.__name__] = import_module(self._name)
