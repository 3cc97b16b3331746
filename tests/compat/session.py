"""Calls on clients of Chroma's API, asked and answered in JSON: the same code drives the real package and ours.

Run as a program it is the real package in a process of its own: one call a line comes in, one answer a line goes out.
It imports nothing of Ochre, which the interpreter of the real package does not have.

JSON has no word for most of what a caller gives and gets, so None, bool, int, float and str stand for themselves, and
everything else is a list of its kind and what it holds.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any
from uuid import UUID

import numpy as np

SEQUENCES: dict[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "set": set}
SHOWN = ("name", "metadata", "configuration_json", "tenant", "database")

Open = Callable[[], tuple[Any, Any, Callable[[], None]]]
"""Opens a client and an admin client, and gives what closes both."""


class Session:
    """Holds a client, an admin client and collections, and does with them what it is told.

    Args:
        module: The package: the embedding function of the calls derives from its `EmbeddingFunction`.
        open_clients: Opens what the calls go to.
    """

    def __init__(self, module: ModuleType, open_clients: Open) -> None:
        self._open_clients = open_clients
        self._function = letters(module)
        self._kept: dict[str, Any] = {}
        self._client, self._admin, self.close = open_clients()

    def answer(self, call: dict[str, Any]) -> list[Any]:
        """Do a call and give `["answer", value]`, or `["error", names of the class and its bases, text]`.

        Args:
            call: `on` is "client", "admin", "session" or the name of a kept collection; `verb` a method or an attribute
                of it; `args` encoded keyword arguments; `keep`, if there, the name under which to keep what is given.
        """
        try:
            found = getattr(self._target(call["on"]), call["verb"])
            value = found(**decode(call["args"], self._function)) if callable(found) else found
        except BaseException as error:  # a panic of the real package is no Exception
            return ["error", [kind.__name__ for kind in type(error).__mro__], str(error)]
        if "keep" in call:
            self._kept[call["keep"]] = value
        return ["answer", encode(value)]

    def restart(self) -> None:
        """Close the clients, open what they left, and take up again what is still there of kept collections."""
        tenant, database = self._client.tenant, self._client.database
        self.close()
        self._client, self._admin, self.close = self._open_clients()
        kept, self._kept = self._kept, {}
        for name, collection in kept.items():
            with suppress(Exception):  # it, or its database, was deleted
                self._client.set_tenant(collection.tenant, collection.database)
                again = self._client.get_collection_by_id(collection.id, embedding_function=self._function)
                self._kept[name] = again
        self._client.set_tenant("default_tenant")
        with suppress(Exception):
            self._client.set_tenant(tenant, database)

    def _target(self, name: str) -> Any:
        return {"client": self._client, "admin": self._admin, "session": self, **self._kept}[name]


def letters(module: ModuleType) -> Any:
    """Give an embedding function of three dimensions: how many letters, vowels and words a text has, in halves.

    An image, which is an array, is its own embedding.
    """

    class Letters(module.EmbeddingFunction):  # type: ignore[misc,name-defined] # the base is either package's
        def __init__(self) -> None:
            pass

        def __call__(self, input: Any) -> Any:  # noqa: A002 - Chroma's word
            return [one if isinstance(one, np.ndarray) else _counted(one) for one in input]

        @staticmethod
        def name() -> str:
            return "letters"

        def get_config(self) -> dict[str, Any]:
            return {}

        @staticmethod
        def build_from_config(config: dict[str, Any]) -> "Letters":
            del config
            return Letters()

    return Letters()


def _counted(text: str) -> np.ndarray:
    counts = len(text), sum(letter in "aeiou" for letter in text), len(text.split())
    return np.array(counts, dtype=np.float32) / 2


def encode(value: Any) -> Any:
    """Give a value as JSON can hold it."""
    if isinstance(value, np.generic):
        return ["numpy", value.dtype.str, value.item()]
    if isinstance(value, np.ndarray):
        return ["ndarray", value.dtype.str, list(value.shape), value.tolist()]
    if isinstance(value, dict):
        return ["dict", [[encode(key), encode(value[key])] for key in value]]
    if isinstance(value, list | tuple | set):
        return [type(value).__name__, [encode(item) for item in value]]
    if hasattr(value, "configuration_json"):
        return ["collection", {name: encode(getattr(value, name)) for name in SHOWN}]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return ["uuid"] if isinstance(value, UUID) else [type(value).__name__]


def decode(value: Any, function: Any = None) -> Any:
    """Give the value that was encoded; `["function"]` is the embedding function, any other unknown kind an object()."""
    match value:
        case ["numpy", kind, item]:
            return np.dtype(kind).type(item)
        case ["ndarray", kind, shape, items]:
            return np.array(items, dtype=kind).reshape(shape)
        case ["dict", items]:
            return {decode(key, function): decode(item, function) for key, item in items}
        case ["list" | "tuple" | "set" as kind, items]:
            return SEQUENCES[kind](decode(item, function) for item in items)
        case ["function"]:
            return function
        case [_]:
            return object()
        case _:
            return value


def _open_chroma(folder: str) -> Open:
    import chromadb
    from chromadb.config import Settings

    def open_clients() -> tuple[Any, Any, Callable[[], None]]:
        client = chromadb.PersistentClient(folder, Settings(allow_reset=True))
        admin = chromadb.AdminClient(Settings(allow_reset=True, is_persistent=True, persist_directory=folder))

        def close() -> None:
            client._system.stop()  # an AdminClient has no `close`, and what it shares with the client would stay open
            client.clear_system_cache()

        return client, admin, close

    return open_clients


def _open_server(port: int) -> Open:
    import chromadb
    from chromadb.config import Settings

    def open_clients() -> tuple[Any, Any, Callable[[], None]]:
        client = chromadb.HttpClient("localhost", port)
        admin = chromadb.AdminClient(
            Settings(
                chroma_api_impl="chromadb.api.fastapi.FastAPI",
                chroma_server_host="localhost",
                chroma_server_http_port=port,
            )
        )
        return client, admin, client.clear_system_cache

    client, _, _ = open_clients()
    client.reset()
    return open_clients


def main() -> None:
    """Answer the calls that come in; `{"folder": ...}` begins anew in a folder, `{"server": port}` on a server."""
    import chromadb

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the package itself prints is no answer
    session = None
    for line in sys.stdin:
        call = json.loads(line)
        if "folder" in call or "server" in call:
            if session is not None:
                session.close()
            place = _open_chroma(call["folder"]) if "folder" in call else _open_server(call["server"])
            session, answer = Session(chromadb, place), None
        else:
            answer = session.answer(call)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
