"""Out of Chroma, as a program does it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ochredb
from ochredb.client.chroma import import_chroma
from ochredb.client.transfer import Part
from ochredb.core.errors import BadValue, FormatError, IDAlreadyExistsError, NotFoundError
from ochredb.testing.compare import typed
from tests.transfer.chroma.folders import RELEASES, unpacked

INCLUDE = ["documents", "embeddings", "metadatas", "uris"]


@pytest.mark.parametrize("release", RELEASES)
def test_all_is_there_and_answers(release: str, tmp_path: Path) -> None:
    """Each collection is in its tenant and database, with its records, metadata and space, and finds what it holds."""
    old, said = unpacked(release, tmp_path)
    done = import_chroma(old, tmp_path / "new")
    assert done.transfer.whole
    for (tenant, database, name), truth in said.items():
        with ochredb.PersistentClient(tmp_path / "new", tenant=tenant, database=database) as client:
            one = client.get_collection(name, embedding_function=None)
            got = one.get(include=INCLUDE)
            assert sorted(got["ids"]) == sorted(truth.records.ids)
            assert typed(one.metadata) == typed(truth.metadata)
            if truth.configuration is not None:
                assert one.configuration_json == truth.configuration
            if name.startswith("by_"):
                query = truth.records.embeddings[:1].tolist()  # type: ignore[index] - it has embeddings
                nearest = one.query(query_embeddings=query, n_results=1, include=["distances"])
                assert name == "by_ip" or nearest["ids"] == [[truth.records.ids[0]]]


def test_one_collection_under_another_name(tmp_path: Path) -> None:
    """A part is taken as of any other source."""
    old, said = unpacked("1.5.9", tmp_path)
    import_chroma(old, tmp_path / "new", Part(["by_l2"]), name="mine")
    with ochredb.PersistentClient(tmp_path / "new") as client:
        (one,) = client.list_collections()
        assert (one.name, one.count()) == ("mine", len(said["default_tenant", "default_database", "by_l2"].records))


def test_a_second_time(tmp_path: Path) -> None:
    """What is there already is refused, or with `resume` passed over."""
    old, _ = unpacked("1.5.9", tmp_path)
    first = import_chroma(old / "chroma.sqlite3", tmp_path / "new").transfer
    with pytest.raises(IDAlreadyExistsError):
        import_chroma(old, tmp_path / "new")
    again = import_chroma(old, tmp_path / "new", resume=True).transfer
    assert sum(moved.present for moved in again.collections) == first.rows


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It reads everything, and tells of it."""
    old, said = unpacked("1.5.9", tmp_path)
    done = import_chroma(old, tmp_path / "new", dry_run=True)
    assert done.transfer.rows == sum(len(one.records) for one in said.values())
    assert not (tmp_path / "new").exists()


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    """The rest is there."""
    old, said = unpacked("1.5.9", tmp_path)
    for index in old.glob("*/index_metadata.pickle"):
        shutil.rmtree(index.parent)
    done = import_chroma(old, tmp_path / "new")
    assert not done.transfer.whole
    assert done.transfer.rows + done.transfer.lost == sum(len(one.records) for one in said.values())
    assert done.transfer.lost > 200


def test_the_old_folder_is_no_place_for_the_new_one(tmp_path: Path) -> None:
    """Nor is a folder within it; nothing is written."""
    old, _ = unpacked("1.5.9", tmp_path)
    before = sorted(old.rglob("*"))
    for new in (old, old / "new"):
        with pytest.raises(BadValue, match="stays as it is"):
            import_chroma(old, new)
    with pytest.raises(NotFoundError, match=r"no chroma\.sqlite3"):
        import_chroma(tmp_path / "absent", tmp_path / "new")
    assert sorted(old.rglob("*")) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_of_chromas_is_not_opened(read_only: bool, tmp_path: Path) -> None:
    """The error says what is there, and which command moves it; nothing is made there."""
    old, _ = unpacked("0.6.3", tmp_path)
    before = sorted(old.rglob("*"))
    with pytest.raises(FormatError) as raised:
        ochredb.PersistentClient(old, read_only=read_only)
    text = str(raised.value)
    assert "Chroma 0.5.6 to 0.6; collections: 6, records: 256" in text
    assert f"ochre import chroma {old} NEW_FOLDER" in text
    (old / "chroma.sqlite3").write_bytes(b"rubbish" * 1000)
    with pytest.raises(FormatError, match="cannot be read as it is"):
        ochredb.PersistentClient(old, read_only=read_only)
    assert sorted(old.rglob("*")) == before


def test_the_page_runs(tmp_path: Path) -> None:
    """What docs/how-to/migrate-from-chroma.md does in Python does what it says, beside a folder of Chroma's."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "migrate-from-chroma.md").read_text(encoding="utf-8")
    *_, block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "import_chroma" in block
    unpacked("1.5.9", tmp_path)[0].rename(tmp_path / "old_db")
    ran = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "by_l2 83 []" in ran.stdout
