"""Engines whose views are indexed from a few hundred rows on, so that small collections go the way of large ones."""

import pytest

from ochredb.local import built, collection, engine, indexer, plan, text, vectors


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower every threshold that says from how many rows on something is indexed, approximate or kept apart."""
    for module in (vectors, engine):
        monkeypatch.setattr(module, "INDEXED_FROM", 400)
    for module in (vectors, engine, collection, indexer):
        monkeypatch.setattr(module, "TAIL", 300)
    monkeypatch.setattr(plan, "EXACT_ROWS", 50)
    monkeypatch.setattr(built, "EXACT_BYTES", 0)
    monkeypatch.setattr(text, "INDEXED_FROM", 400)
