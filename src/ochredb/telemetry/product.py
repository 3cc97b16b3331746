"""Names that programs inherit from to switch Chroma's telemetry off; Ochre has none, and calls none of them."""

from typing import ClassVar

from ochredb.chroma.absent import Absent

__all__ = ["ProductTelemetryClient", "ProductTelemetryEvent"]


class ProductTelemetryClient(Absent):
    """What sent events."""

    instead: ClassVar[str] = "Ochre has no telemetry, so there is nothing to switch off"


class ProductTelemetryEvent(Absent):
    """What was sent."""

    instead: ClassVar[str] = ProductTelemetryClient.instead
