"""What kind of file system a folder lies on: SQLite's locks hold between processes, but not between machines."""

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset((
    "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "pvfs2", "smb2", "smb3", "smbfs", "vboxsf",
    "fuse.ceph", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.juicefs", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs",
))  # fmt: skip


def network_mount(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Give type and place of the network file system that a folder lies on, or None; known on Linux only.

    Args:
        folder: Need not exist; links in what exists of it are followed.
        mounts: The system's list of mounts (proc_pid_mountinfo(5)).
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    path = folder.resolve()
    above = [mount for mount in map(_mount, reversed(lines)) if path.is_relative_to(mount[0])]
    if not above:
        return None
    place, kind = max(above, key=lambda mount: len(mount[0].parts))  # of mounts on one place the last is what is seen
    return f"{kind} at {place}" if kind in _NETWORK else None


def read_only_mount(folder: Path) -> bool:
    """Tell whether a folder cannot be written to, by anybody or by us."""
    flags = os.statvfs(folder).f_flag & os.ST_RDONLY if hasattr(os, "statvfs") else 0
    return bool(flags) or not os.access(folder, os.W_OK)


def _mount(line: str) -> tuple[Path, str]:
    """Read place and type out of `36 35 98:0 /root /place options - type source options`."""
    before, _, after = line.partition(" - ")
    place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4])
    return Path(place), after.split()[0]
