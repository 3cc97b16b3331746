"""Several servers on one Milvus, and copies there and back: what a user does who outgrows one machine."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ochredb
from ochredb.core.engine import Engine
from ochredb.core.model import Records, Scope, SparseVector, Write
from ochredb.local.engine import LocalEngine
from ochredb.testing.compare import same_info, same_records
from ochredb.testing.contract.stage import EVERYTHING
from tests.serving import MAIN, environment, serving

pytestmark = pytest.mark.timeout(600)
ROWS = 3000


def fill(folder: Path) -> None:
    """Make a database of two collections, with all that a record can have."""
    database = ochredb.PersistentClient(folder)
    docs = database.create_collection("docs", metadata={"a": 1, "b": 1.0, "c": True}, embedding_function=None)
    vectors = np.random.default_rng(1).standard_normal((ROWS, 24)).astype(np.float32)
    for start in range(0, ROWS, 500):
        rows = range(start, start + 500)
        docs.add(
            ids=[f"{n:05}" for n in reversed(rows)],
            embeddings=vectors[rows.start : rows.stop],
            documents=[f"document {n}" * (1 + 9000 * (n % 1000 == 1)) for n in rows],
            metadatas=[{"n": n, "f": float(n), "b": n % 2 == 0, "l": [n, 2], "s": f"é'\"{n}"} for n in rows],
        )
    database.create_collection("empty", metadata={"hnsw:space": "cosine"}, embedding_function=None)
    database.close()
    engine = LocalEngine(folder)
    sparse = SparseVector([1, 7], [0.5, 2.0], ["fox", "dog"])
    records = Records(["x", "y"], np.zeros((2, 24), np.float32), None, [{"v": sparse}, None], ["file:x", None])
    engine.write(engine.get_collection(Scope(), "docs").id, Write("add", records))
    engine.close()


def copy(source: str | Path, target: str | Path, *flags: str) -> None:
    """Run `ochre copy`."""
    command = [sys.executable, "-c", MAIN, "copy", str(source), str(target), *flags]
    ran = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, ran


def same_collections(one: Engine, other: Engine) -> None:
    """Assert that two engines hold the same collections with the same records in the same order."""
    found, wanted = one.list_collections(Scope()), other.list_collections(Scope())
    for left, right in zip(found, wanted, strict=True):
        same_info(left, right)
        records, truth = one.get(left.id, EVERYTHING), other.get(right.id, EVERYTHING)
        same_records(records, truth)
        if truth.embeddings is not None and len(truth):
            np.testing.assert_array_equal(records.embeddings, truth.embeddings)


def test_there_and_back(tmp_path: Path, milvus: Engine, milvus_url: str) -> None:
    """A folder copied to Milvus and back is what it was: types, order, long documents, and embeddings to the bit."""
    fill(tmp_path / "here")
    copy(tmp_path / "here", milvus_url)
    copy(milvus_url, tmp_path / "back")
    here, back = LocalEngine(tmp_path / "here"), LocalEngine(tmp_path / "back")
    same_collections(milvus, here)
    same_collections(back, here)
    here.close()
    back.close()


def test_a_copy_that_is_killed(tmp_path: Path, milvus: Engine, milvus_url: str) -> None:
    """With --resume it is finished, and everything is there once, in its order."""
    fill(tmp_path / "here")
    command = [sys.executable, "-c", MAIN, "copy", str(tmp_path / "here"), milvus_url]
    copying = subprocess.Popen(command, env=environment({}), stdout=subprocess.DEVNULL)
    while copying.poll() is None and not _rows(milvus):
        time.sleep(0.02)
    copying.kill()
    copying.wait()
    copy(tmp_path / "here", milvus_url, "--resume")
    here = LocalEngine(tmp_path / "here")
    same_collections(milvus, here)
    here.close()


def _rows(engine: Engine) -> int:
    return sum(engine.count(info.id) for info in engine.list_collections(Scope()))


def test_two_servers(tmp_path: Path, milvus: Engine, milvus_url: str) -> None:
    """Two servers on one Milvus serve the same data at once, while a third process copies into it."""
    fill(tmp_path / "here")
    with (
        serving(tmp_path / "1", "--engine", milvus_url) as one,
        serving(tmp_path / "2", "--engine", milvus_url) as two,
    ):
        clients = [ochredb.HttpClient("localhost", server.port) for server in (one, two)]
        shared = clients[0].create_collection("shared", embedding_function=None)
        again = clients[1].get_collection("shared", embedding_function=None)
        command = [sys.executable, "-c", MAIN, "copy", str(tmp_path / "here"), milvus_url]
        copying = subprocess.Popen(command, env=environment({}), stdout=subprocess.DEVNULL)
        for n in range(20):
            writer, reader = (shared, again) if n % 2 else (again, shared)
            writer.add(ids=[str(n)], embeddings=[[n, 0.0]], metadatas=[{"n": n}])
            assert reader.get(where={"n": n})["ids"] == [str(n)], "what one acknowledged, the other one finds"
            assert reader.query(query_embeddings=[[n, 0.0]], n_results=1)["ids"] == [[str(n)]]
            assert reader.count() == n + 1
        assert shared.get()["ids"] == again.get()["ids"] == [str(n) for n in range(20)]
        assert copying.wait(500) == 0
        docs = [client.get_collection("docs", embedding_function=None) for client in clients]
        assert [one.count() for one in docs] == [ROWS + 2, ROWS + 2]
        clients[0].delete_collection("shared")
        with pytest.raises(ochredb.errors.NotFoundError):
            again.count()
        for client in clients:
            client.close()
    here = LocalEngine(tmp_path / "here")
    same_collections(milvus, here)
    here.close()
