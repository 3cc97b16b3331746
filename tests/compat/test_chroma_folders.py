"""Folders that the real releases make, on this machine and now, are read as they say."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ochredb.core.model import Records
from ochredb.transfer.chroma.folder import ChromaFolder
from tests.transfer.chroma import folders

PROGRAM = Path(__file__).with_name("chroma_folder.py")
MAKE = Path(__file__).parents[1] / "golden" / "chroma" / "make.py"
RELEASES = ("0.4.24", "0.5.23", "0.6.3", "1.5.9")
NEWEST = RELEASES[-1]

Run = Callable[..., None]

pytestmark = pytest.mark.timeout(600)  # each starts interpreters that import a whole Chroma


@pytest.fixture(scope="session")
def interpreters() -> dict[str, str]:
    """Give the interpreter of each release."""
    place = os.environ.get("CHROMA_RELEASES")
    if place is None:
        pytest.skip("needs releases of chromadb: make test-compat installs them and sets CHROMA_RELEASES")
    return {
        release: f"{place}/chroma/bin/python" if release == NEWEST else f"{place}/chroma-{release}/bin/python"
        for release in RELEASES
    }


@pytest.fixture
def run(interpreters: dict[str, str]) -> Run:
    """Run a program with a release, to its end."""

    def run(release: str, program: Path, *arguments: object) -> None:
        ran = subprocess.run(
            [interpreters[release], str(program), *map(str, arguments)], capture_output=True, text=True, timeout=280
        )
        assert ran.returncode == 0, ran.stderr

    return run


@pytest.mark.parametrize("release", RELEASES)
def test_every_kind_of_value(release: str, run: Run, tmp_path: Path) -> None:
    """What makes the golden folders makes one now, and all of it is read."""
    run(release, MAKE, tmp_path)
    truth = folders.said(tmp_path / "says.json")
    found = folders.read(tmp_path / "folder")
    assert found.keys() == truth.keys()
    for key, one in found.items():
        assert one.losses == ()
        assert sorted(one.records.ids) == sorted(truth[key].records.ids)
        assert folders.wrong(one.records, truth[key].records, one.described.new.space) == []


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("seed", range(3))
def test_random_calls(release: str, seed: int, run: Run, tmp_path: Path) -> None:
    """After hundreds of calls, an index that was written many times, and a process that died: as Chroma says."""
    run(release, PROGRAM, "random", tmp_path / "folder", seed)
    assert_as_said(tmp_path / "folder")


@pytest.mark.parametrize("first", RELEASES[:-1])
def test_a_folder_of_two_releases(first: str, run: Run, tmp_path: Path) -> None:
    """An old folder that the newest release has opened, changed and written on."""
    run(first, PROGRAM, "random", tmp_path / "folder", 10)
    run(NEWEST, PROGRAM, "random", tmp_path / "folder", 11)
    assert_as_said(tmp_path / "folder")


@pytest.mark.parametrize("release", RELEASES)
def test_while_chroma_writes(release: str, interpreters: dict[str, str], tmp_path: Path) -> None:
    """Each record is one that was written, with the embedding and the document of its id; Chroma is not disturbed."""
    folder = tmp_path / "folder"
    writer = subprocess.Popen(
        [interpreters[release], str(PROGRAM), "endless", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    try:
        for _ in range(15):
            assert int(writer.stdout.readline())
        for _ in range(5):
            assert writer.stdout.readline()
            with ChromaFolder(folder) as source:
                (one,) = source.collections()
                found = folders.joined(list(source.records(one)))
            assert_of_their_ids(found)
            assert len(found) > 100
        assert writer.poll() is None
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    with ChromaFolder(folder) as source:
        (one,) = source.collections()
        assert_of_their_ids(folders.joined(list(source.records(one))))


def assert_of_their_ids(found: Records) -> None:
    """Assert that each record has what its id says."""
    assert found.documents == [f"text {one}" for one in found.ids]
    np.testing.assert_array_equal(found.embeddings, np.array([embedding(int(one)) for one in found.ids], np.float32))


def embedding(number: int) -> list[float]:
    """Give the embedding of an id, as the program does."""
    return [number % 97 + 0.5, number % 89 - 40.0, number % 83 / 8, number / 1000]


def assert_as_said(folder: Path) -> None:
    """Compare what is read with what the program wrote down."""
    truth = json.loads(folder.with_suffix(".json").read_text())
    found = folders.read(folder)
    assert {key[2] for key in found} == set(truth)
    for (_, _, name), one in found.items():
        told = truth[name]
        nothing = [None] * len(told["ids"])
        embeddings = np.array(told["embeddings"], np.float32)
        records = Records(told["ids"], embeddings, told["documents"], told["metadatas"], nothing)
        assert one.losses == ()
        assert sorted(one.records.ids) == sorted(records.ids)
        assert one.described.new.space == name[3:]
        assert folders.wrong(one.records, records, name[3:]) == []
