"""What a server never tells: keys, paths, tracebacks."""

import time
from pathlib import Path

from ochredb.server.keys import FILE, KeyFile
from tests.serving import DATABASE, serving

COLLECTIONS = f"{DATABASE}/collections"


def test_neither_keys_nor_paths_are_in_the_log(tmp_path: Path) -> None:
    """Of a whole run: good calls, refused ones, faults; the name of a key is, and no traceback."""
    folder = tmp_path / "place-of-the-data"
    token = KeyFile(folder / FILE).create("ci", "admin")
    answers = []
    with serving(folder) as server:
        mine = server.ask("POST", COLLECTIONS, {"name": "docs"}, key=token).json["id"]
        for key in (token, "ochre_tried", None):
            answers += [
                server.ask(method, path, body, key=key)
                for method, path, body in (
                    ("GET", f"/api/v2/version?token={token}", None),
                    ("POST", f"{COLLECTIONS}/{mine}/add", {"ids": ["a"], "embeddings": [[1.0]]}),
                    ("POST", f"{COLLECTIONS}/{mine}/add", {"ids": ["b"], "embeddings": [[1.0, 2.0]]}),
                    ("POST", f"{COLLECTIONS}/{mine}/get", b"{broken"),
                    ("GET", "/readyz", None),
                    ("GET", "/stats", None),
                    ("GET", "/metrics", None),
                )
            ]
        (folder / "ochre.sqlite3").rename(folder / "gone")
        time.sleep(1.1)  # what is known of being ready is a second old at most
        answers += [
            server.ask("POST", f"{COLLECTIONS}/{mine}/add", {"ids": ["c"], "embeddings": [[1.0]]}, key=token),
            server.ask("GET", "/readyz"),
            server.ask("GET", "/stats", key=token),
        ]
    told = [str(answer) for answer in answers]
    log = server.log.read_text()
    assert [answer.status for answer in answers[-3:]] == [500, 503, 500]
    assert "key=ci" in log
    for text in (*told, log):
        for secret in (token, "ochre_tried", str(folder), folder.name, "Traceback", 'File "'):
            assert secret not in text, text
