"""URLs of distributed engines."""

import pytest

from ochredb.core.errors import BadValue
from ochredb.remote.tables.address import address

KNOWN = {"shards": "", "replicas": "", "tls": ""}


def test_a_whole_url() -> None:
    """User, password, host, port, path and options are read, and percent signs with them."""
    found = address("milvus://me:p%40ss@there:1234/b%20c?shards=2&tls=true", 1, KNOWN)
    assert (found.user, found.password, found.host, found.port, found.path) == ("me", "p@ss", "there", 1234, "b c")
    assert (found.number("shards", 1), found.number("replicas", 3), found.flag("tls")) == (2, 3, True)
    assert "p%40ss" not in found.url


def test_a_short_url() -> None:
    """A host is enough."""
    found = address("milvus://there", 19530, KNOWN)
    assert (found.host, found.port, found.path, found.password, found.flag("tls")) == ("there", 19530, "", "", False)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("milvus://", "names no host; expected milvus://host:1"),
        ("milvus://a:b", "Port could not be cast"),
        ("milvus://a:99999", "Port out of range"),
        ("milvus://a?shard=1", "unknown option 'shard'; did you mean 'shards'?"),
        ("milvus://a?zzz=1", "unknown option 'zzz'; there are shards, replicas, tls"),
    ],
)
def test_urls_that_mean_nothing(url: str, text: str) -> None:
    """A URL that cannot be read is refused, with what was wanted."""
    with pytest.raises(BadValue) as refused:
        address(url, 1, KNOWN)
    assert text in str(refused.value)


def test_options_that_mean_nothing() -> None:
    """A number that is none, and a word that is not in the table, are refused by name; the password is not shown."""
    found = address("milvus://me:secret@a?shards=0&tls=maybe", 1, KNOWN)
    with pytest.raises(BadValue, match="option shards is '0', expected a whole number of at least 1"):
        found.number("shards", 1)
    with pytest.raises(BadValue, match="option tls is 'maybe', expected one of true, false") as refused:
        found.flag("tls")
    assert "secret" not in str(refused.value)
