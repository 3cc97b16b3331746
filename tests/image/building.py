"""The image, built for real without a Docker engine: buildah, over a base that debootstrap makes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".image"
BASE, IMAGE = "localhost/ochre-base", "localhost/ochre"
START = ("/opt/ochre/bin/python", "/opt/ochre/start.py")
CERTIFICATES = Path("/etc/ssl/certs")
_SUITE, _PACKAGES = "bookworm", "python3,python3-venv,ca-certificates"


def buildah(*arguments: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run buildah on a store of our own."""
    ran = subprocess.run([*_BUILDAH, *map(str, arguments)], capture_output=True, text=True)
    assert not check or ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    return ran


def build() -> None:
    """Build the image from the working tree; what was built before is taken where nothing has changed."""
    PLACE.mkdir(exist_ok=True)
    if BASE not in buildah("images", "--format", "{{.Name}}").stdout.split():
        _build_base()
    volumes = [f"--volume={_pip_configuration()}:/etc/pip.conf:ro", f"--volume={CERTIFICATES}:{CERTIFICATES}:ro"]
    options = ["--isolation=chroot", "--format=docker", "--layers", f"--build-arg=BASE={BASE}", f"--tag={IMAGE}"]
    buildah("bud", *options, *volumes, ROOT)


def _build_base() -> None:
    """Make a small Debian with Python, as the images that are called slim are."""
    folder, archive = PLACE / "base", PLACE / "base.tar"
    command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, ".")
    container = buildah("from", "scratch").stdout.strip()
    buildah("add", container, archive, "/")
    buildah("commit", container, BASE)
    buildah("rm", container)
    archive.unlink()
    shutil.rmtree(folder)


def _pip_configuration() -> Path:
    """Write down how pip is set up on this machine, to which the build is to reach out in the same way."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    found = dict(re.findall(r"^[^=]*\.([\w-]+)='(.*)'$", listed.stdout, flags=re.MULTILINE))
    file = PLACE / "pip.conf"
    file.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in found.items()))
    return file


class Container(NamedTuple):
    """A container of the image, in which commands run one after the other."""

    name: str

    def command(self, folder: Path, place: str, *arguments: str, **variables: str) -> list[str]:
        """Give the command that does what `docker run -v folder:place image arguments` would do."""
        given = [f"--env={name}={value}" for name, value in variables.items()]
        volume = f"--volume={folder}:{place}"
        return [*_BUILDAH, "run", "--isolation=chroot", volume, *given, self.name, "--", *START, *arguments]

    def run(self, folder: Path, place: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        command = self.command(folder, place, *arguments, **variables)
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


class Serving(NamedTuple):
    """A server in a container."""

    process: "subprocess.Popen[str]"
    port: int
    pid: int

    @property
    def users(self) -> set[int]:
        """Whom the server is: its real, effective, saved and file system user."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return {int(user) for user in status.partition("\nUid:")[2].splitlines()[0].split()}


@contextmanager
def serving(command: Sequence[str]) -> Iterator[Serving]:
    """Run a server until the end of the block, and stop it as Docker does."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said: list[str] = []
    try:
        while not said or not said[-1].startswith("Connect to it at "):
            said.append(process.stdout.readline())
            assert said[-1], "".join(said)
        server = Serving(process, int(said[-1].rpartition(":")[2]), _last_child(process.pid))
        yield server
        os.kill(server.pid, signal.SIGTERM)
        assert process.wait(60) == 0, process.stdout.read()
    finally:
        if process.poll() is None:
            os.kill(_last_child(process.pid), signal.SIGKILL)
            process.wait(60)
        process.stdout.close()


def _last_child(pid: int) -> int:
    """Give the process at the end of a chain of processes, each of which has started the next."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return _last_child(children[0]) if children else pid


_BUILDAH = ("buildah", "--root", str(PLACE / "store"), "--runroot", str(PLACE / "run"))
