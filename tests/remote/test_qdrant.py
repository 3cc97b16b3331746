"""What can be said of Qdrant where its client is not installed; the rest is in `tests/engines`."""

import sys

import pytest

from ochredb import remote
from ochredb.client import connect
from ochredb.core.errors import NotSupported


@pytest.mark.parametrize("url", ["qdrant://localhost:6333/books", "qdrant:memory"])
def test_without_its_client_the_refusal_names_the_extra(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Who asks for the engine is told what to install."""
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    for name in [name for name in sys.modules if name.startswith("ochredb.remote.qdrant")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(remote, "qdrant", raising=False)
    with pytest.raises(NotSupported, match=r"^engine 'qdrant' needs qdrant-client: pip install 'ochredb\[qdrant\]'$"):
        connect.engine(url)
