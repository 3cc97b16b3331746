"""A decoded body, looked at before it is carried out: the one place that all bodies pass."""

from collections.abc import Callable
from typing import Any

from starlette.types import Scope

from ochredb.chroma.operations import Operation
from ochredb.server.auth import CALLER, refuse_names
from ochredb.server.limits import Limits, check


def admission(limits: Limits) -> Callable[[Scope, Operation, Any], None]:
    """Give what refuses a body that asks for too much, or for a collection that is not the caller's."""

    def admit(scope: Scope, _: Operation, body: Any) -> None:
        check(limits, body)
        refuse_names(scope.get(CALLER), body)

    return admit
