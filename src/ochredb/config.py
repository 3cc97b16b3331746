"""Chroma's home for its settings, and for the parts of its machinery that other packages name."""

from enum import StrEnum
from typing import ClassVar

from ochredb.chroma.absent import Absent
from ochredb.chroma.settings import Settings
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT

__all__ = ["DEFAULT_DATABASE", "DEFAULT_TENANT", "APIVersion", "Component", "Settings", "System"]


class APIVersion(StrEnum):
    """Where the versions of Chroma's wire begin; the second is the one in use."""

    V1 = "/api/v1"
    V2 = "/api/v2"


class System(Absent):
    """Chroma's registry of components, which Ochre is not made of."""

    instead: ClassVar[str] = "Ochre has no components; make a client, or `Client(settings)`"


class Component(Absent):
    """A part of Chroma's machinery."""

    instead: ClassVar[str] = System.instead
