"""A URL -> the engine that it names, a server or Qdrant within this process, and how its tables are to be."""

import re
from collections.abc import Mapping

from qdrant_client import QdrantClient, models

from ochredb.core.errors import BadValue, BusyError
from ochredb.remote.qdrant.backend import Made, Qdrant
from ochredb.remote.tables.address import Address, address
from ochredb.remote.tables.engine import WAIT, TableEngine

PORT = 6333
OPTIONS = {
    "shards": "of each collection",
    "replicas": "of each shard, of which most have to acknowledge a write",
    "quantization": "none (the default), scalar, product or binary: what a search looks at first",
    "on_disk": "true or false: whether searches read vectors from disk",
    "on_disk_payload": "true or false: whether documents and metadata are read from disk",
    "consistency": "majority (the default), quorum, all or one: the replicas that a read asks",
    "timeout": "seconds for one call",
    "wait": "seconds that a call which fails is made again for",
    "tls": "true or false",
    "prefix": "of every path, as a proxy before Qdrant may want it",
}
QUANTIZATION: dict[str, models.QuantizationConfig | None] = {
    "none": None,
    "scalar": models.ScalarQuantization(
        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    ),
    "product": models.ProductQuantization(
        product=models.ProductQuantizationConfig(compression=models.CompressionRatio.X16, always_ram=True)
    ),
    "binary": models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True)),
}
CONSISTENCY: dict[str, models.ReadConsistency] = {
    "majority": models.ReadConsistencyType.MAJORITY,
    "quorum": models.ReadConsistencyType.QUORUM,
    "all": models.ReadConsistencyType.ALL,
    "one": 1,
}
SPACE = re.compile(r"[\w-]{0,100}", re.ASCII)


def engine(url: str) -> TableEngine:
    """Open `qdrant://:key@host:6333/name?option=value`, or Qdrant within this process: `qdrant:memory`, and
    `qdrant:./folder` or `qdrant:///folder`.

    The name keeps collections apart that several have on one server.

    Raises:
        BadValue: The URL says something that means nothing.
        BusyError: The folder is open, here or in another process.
        UnreachableError: The server does not answer.
    """
    rest = url.partition(":")[2]
    if rest.startswith("//") and not rest.startswith("///"):
        place = address(url, PORT, OPTIONS)
        return TableEngine(Qdrant(_connected(place), _made(place)), place.number("wait", WAIT))
    return TableEngine(Qdrant(_opened(url, rest.removeprefix("//")), None))


def _connected(place: Address) -> QdrantClient:
    if place.user:
        raise BadValue(f"qdrant: expected a key as qdrant://:key@{place.host}, got a user's name before the colon")
    return QdrantClient(
        host=f"[{place.host}]" if ":" in place.host else place.host,
        port=place.port,
        https=place.flag("tls"),
        api_key=place.password or None,
        prefix=place.options.get("prefix"),
        timeout=place.number("timeout", 30),
        check_compatibility=False,  # it would only warn, of a server that it did not reach too
    )


def _opened(url: str, path: str) -> QdrantClient:
    if "?" in path or not path:
        raise BadValue(f"{url}: expected qdrant:memory or qdrant:./folder, which have no options, or qdrant://host")
    if path == "memory":
        return QdrantClient(":memory:")
    try:
        return QdrantClient(path=path, force_disable_check_same_thread=True)  # `Qdrant` takes one call at a time
    except RuntimeError as error:
        raise BusyError(f"qdrant: {error}") from error


def _made(place: Address) -> Made:
    if not SPACE.fullmatch(place.path):
        raise BadValue(f"{place.url}: expected a name of up to 100 letters, digits, _ and -, got {place.path!r}")
    return Made(
        name=place.path,
        shards=place.number("shards", 1) if "shards" in place.options else None,
        replicas=place.number("replicas", 1),
        quantization=QUANTIZATION[_word(place, "quantization", QUANTIZATION, "none")],
        on_disk=_flag(place, "on_disk"),
        on_disk_payload=_flag(place, "on_disk_payload"),
        consistency=CONSISTENCY[_word(place, "consistency", CONSISTENCY, "majority")],
    )


def _word(place: Address, name: str, table: Mapping[str, object], default: str) -> str:
    return place.choice(name, {word: word for word in table}, default)


def _flag(place: Address, name: str) -> bool | None:
    """Give an option that is true or false, or None without it: then it is as the server is set up."""
    return place.flag(name) if name in place.options else None
