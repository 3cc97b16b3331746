"""The image in use: what `docker run` would do with it, done by buildah. `make test-image` runs these."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import ochredb
from tests.image.building import IMAGE, Container, build, buildah, serving

pytestmark = [
    pytest.mark.timeout(3000),
    pytest.mark.skipif(os.environ.get("OCHRE_IMAGE") != "yes", reason="builds an image for minutes: make test-image"),
]

OCHRE = 10001


@pytest.fixture(scope="module")
def image() -> str:
    """Build the image."""
    build()
    return IMAGE


@pytest.fixture
def container(image: str) -> Iterator[Container]:
    """Give a new container: a folder that is mounted leaves its place behind in one."""
    name = buildah("from", image).stdout.strip()
    buildah(
        "config", "--volume=/data-", name
    )  # buildah mounts a volume of the image over one that is given, Docker does not
    yield Container(name)
    buildah("rm", name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the folder as Docker does where `-v` names none: for root."""
    found = tmp_path / "chroma_data"
    found.mkdir()
    return found


def key(container: Container, folder: Path, place: str = "/data") -> str:
    """Make a key in the container."""
    made = container.run(folder, place, "keys", "create", "--name", "me", "--role", "admin")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def client(port: int, token: str) -> ochredb.Client:
    """Connect as a user of the server does."""
    return ochredb.HttpClient(port=port, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("place", ["/data", "/chroma/chroma"])
def test_data_outlives_the_container(place: str, container: Container, folder: Path) -> None:
    """Where images of Chroma's 1.x and 0.x keep it, and under no other rights than those of a user of its own."""
    token = key(container, folder, place)
    with serving(container.command(folder, place, "run", OCHRE_PORT="0")) as server:
        assert server.users == {OCHRE}
        notes = client(server.port, token).create_collection("notes", embedding_function=None)
        notes.add(ids=["a", "b"], embeddings=[[1.0, 0.0], [0.0, 1.0]], documents=["one", "two"])
    assert (folder / "ochre.sqlite3").stat().st_uid == OCHRE
    with serving(container.command(folder, place, "run", OCHRE_PORT="0")) as server:
        notes = client(server.port, token).get_collection("notes", embedding_function=None)
        assert notes.query(query_embeddings=[[0.0, 1.0]], n_results=1)["documents"] == [["two"]]


def test_everybody_is_let_in_until_there_is_a_key(container: Container, folder: Path) -> None:
    """As by Chroma's image; a variable shuts it from the start."""
    with serving(container.command(folder, "/chroma/chroma", "run", OCHRE_PORT="0")) as server:
        assert ochredb.HttpClient(port=server.port).list_collections() == []
        key(container, folder, "/chroma/chroma")
        with pytest.raises(ochredb.errors.ChromaAuthError):
            ochredb.HttpClient(port=server.port)
    (folder / "ochre.keys.json").unlink()
    ran = container.run(folder, "/chroma/chroma", "run", OCHRE_ALLOW_ANONYMOUS="false")
    assert ran.returncode != 0
    assert "keys create" in ran.stderr


def test_the_credentials_of_chromas_image_are_keys(container: Container, folder: Path) -> None:
    """A token in the variables that its images of 0.5 read."""
    variables = {
        "CHROMA_SERVER_AUTHN_PROVIDER": "chromadb.auth.token_authn.TokenAuthenticationServerProvider",
        "CHROMA_SERVER_AUTHN_CREDENTIALS": "sk-1",
        "OCHRE_PORT": "0",
    }
    with serving(container.command(folder, "/chroma/chroma", "run", **variables)) as server:
        assert client(server.port, "sk-1").list_collections() == []
        with pytest.raises(ochredb.errors.ChromaAuthError):
            client(server.port, "sk-2")


def test_a_folder_stays_its_owners(container: Container, folder: Path) -> None:
    """Of a folder that belongs to a user of the host the server is that user, and nothing changes hands."""
    os.chown(folder, 4321, 4321)
    token = key(container, folder)
    with serving(container.command(folder, "/data", "run", OCHRE_PORT="0")) as server:
        assert server.users == {4321}
        client(server.port, token).create_collection("notes", embedding_function=None)
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == {4321}


def test_what_an_image_that_ran_as_root_has_left_is_taken_over(container: Container, folder: Path) -> None:
    """Also in folders below; links are not followed out of the folder."""
    outside = folder.with_name("outside")
    outside.write_text("")
    (folder / "below").mkdir()
    (folder / "below" / "file").write_text("")
    (folder / "link").symlink_to(outside)
    key(container, folder)
    assert {(folder / "below").stat().st_uid, (folder / "below" / "file").stat().st_uid} == {OCHRE}
    assert outside.stat().st_uid == 0


def test_health_is_asked_without_a_shell(container: Container, folder: Path) -> None:
    """By the command that the image names."""
    config = json.loads(buildah("inspect", IMAGE).stdout)["Docker"]["config"]
    assert config["Healthcheck"]["Test"] == ["CMD", "ochre", "health"]
    assert (config["Volumes"], config["ExposedPorts"]) == ({"/data": {}}, {"8000/tcp": {}})
    key(container, folder)
    with serving(container.command(folder, "/data", "run", OCHRE_PORT="0")) as server:
        asked = container.run(folder, "/data", "health", OCHRE_PORT=str(server.port))
        assert (asked.returncode, asked.stdout) == (0, "ready\n")
    assert container.run(folder, "/data", "health", OCHRE_PORT=str(server.port)).returncode != 0


READ_ONLY = """
mount --bind "$0" "$0" && mount --options remount,bind,ro "$0" && mount --bind "$1" "$0/data" \
&& mount --types proc proc "$0/proc" && ! touch "$0/tmp/file" 2>&1 \
&& exec chroot --userspec=10001:10001 "$0" /usr/bin/env --ignore-environment PATH=/opt/ochre/bin \
  OCHRE_LISTEN_ADDRESS=0.0.0.0 OCHRE_PORT=0 /opt/ochre/bin/python /opt/ochre/start.py run
"""


def test_a_read_only_root_and_no_rights_are_enough(container: Container, folder: Path) -> None:
    """As `compose.yaml` runs it: as its own user from the start, nothing but the volume can be written to."""
    token = key(container, folder)
    root = buildah("mount", container.name).stdout.strip()
    with serving(["unshare", "--mount", "sh", "-c", READ_ONLY, root, str(folder)]) as server:
        assert server.users == {OCHRE}
        client(server.port, token).create_collection("notes", embedding_function=None)
    buildah("umount", container.name)


def test_a_folder_of_somebody_else_is_told(container: Container) -> None:
    """With what to do about it."""
    root = buildah("mount", container.name).stdout.strip()
    command = ["chroot", "--userspec=4321:4321", root, "/opt/ochre/bin/python", "/opt/ochre/start.py", "run"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    buildah("umount", container.name)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"error: user 4321 cannot write to /data, which belongs to user {OCHRE}: ")


def test_nothing_of_the_tests_is_in_it(container: Container) -> None:
    """Its packages are those of the lock that Ochre needs."""
    root = Path(buildah("mount", container.name).stdout.strip())
    (site,) = (root / "opt" / "ochre" / "lib").glob("python*/site-packages")
    names = {path.name.partition("-")[0].lower() for path in site.glob("*.dist-info")}
    buildah("umount", container.name)
    assert {"ochredb", "apsw", "faiss_cpu", "uvicorn"} <= names
    assert not names & {"pytest", "ruff", "mypy", "hypothesis", "hatchling", "pip", "pandas", "polars"}
