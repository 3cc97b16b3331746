"""Network file systems are recognised by the system's list of mounts."""

from pathlib import Path

import pytest

from ochredb.core.errors import InternalError
from ochredb.local import store
from ochredb.local.engine import LocalEngine
from ochredb.local.mounts import network_mount

MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:50 / /net rw - nfs4 server:/export rw,vers=4.2
31 30 8:1 / /net/disk rw shared:1 master:2 - xfs /dev/sdb1 rw
32 27 0:51 / /with\040space rw - fuse.sshfs host:/ rw
33 27 0:52 / /over rw - nfs server:/old rw
34 27 0:53 / /over rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "mount"),
    [
        ("/data/db", None),
        ("/net/db", "nfs4 at /net"),
        ("/net", "nfs4 at /net"),
        ("/network/db", None),
        ("/net/disk/db", None),
        ("/with space/a/b", "fuse.sshfs at /with space"),
        ("/over/db", None),
    ],
)
def test_the_deepest_and_last_mount_decides(tmp_path: Path, folder: str, mount: str | None) -> None:
    """Whole path components count, and what is mounted over another hides it."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.lstrip())
    assert network_mount(Path(folder), mounts) == mount


def test_where_mounts_are_not_listed_nothing_is_refused(tmp_path: Path) -> None:
    """No list, no answer."""
    assert network_mount(tmp_path, tmp_path / "absent") is None


def test_a_network_folder_is_refused_unless_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal names the mount and the ways out, and comes before anything is made."""
    monkeypatch.setattr(store, "network_mount", lambda folder: f"nfs4 at {folder.parent}")
    with pytest.raises(InternalError, match=r"db lies on a network file system \(nfs4 at .*local disk.*network=True"):
        LocalEngine(tmp_path / "db")
    assert list(tmp_path.iterdir()) == []
    LocalEngine(tmp_path / "db", network=True).close()
    assert (tmp_path / "db" / "ochre.sqlite3").is_file()
