"""Start Ochre in a container: on the folder that was mounted, as the user that it belongs to, never as root.

Docker makes the folder of `-v` for root if it is not there, and a volume may have been filled by an image that ran as
root. So the container begins as root, unless it is told otherwise (`--user`), sees to it that the folder can be written
to, and gives up being root before anything else is done.
"""

import os
import sys

USER = 10001  # made by the Dockerfile
OURS, CHROMAS = "/data", "/chroma/chroma"
PLACES = "/opt/ochre/places"
"""Of each of the two a folder, in which `chroma`, the usual path of a database, is a link to it.

So the usual path is right, and one that a flag, a variable or a file of settings gives goes before it as anywhere.
"""


def main() -> None:
    """Become `ochre` with the same arguments."""
    folder = CHROMAS if os.path.isdir(CHROMAS) else OURS  # the image has no such folder: somebody mounted it
    os.chdir(PLACES + folder)
    if os.geteuid() == 0:
        become(owner(folder))
    refuse_unwritable(folder)
    os.execvp("ochre", ["ochre", *sys.argv[1:]])


def owner(folder: str) -> tuple[int, int]:
    """Give the user and the group that a folder belongs to; what belongs to root in it becomes ours."""
    found = os.stat(folder)
    if found.st_uid != 0:
        return found.st_uid, found.st_gid
    for place, _, names in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in names)):
            if os.lstat(path).st_uid == 0:
                os.lchown(path, USER, USER)
    return USER, USER


def become(user: tuple[int, int]) -> None:
    """Be another user, for good."""
    os.setgroups([])
    os.setgid(user[1])
    os.setuid(user[0])


def refuse_unwritable(folder: str) -> None:
    """Say what to do about a folder that this user cannot write to."""
    if not os.access(folder, os.W_OK):
        sys.exit(
            f"error: user {os.geteuid()} cannot write to {folder}, which belongs to user {os.stat(folder).st_uid}: "
            "run the container without --user, or with the owner's number, or give the folder to this user"
        )


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(
            f"error: cannot prepare the folder of the data: {error}; give it to the user of --user, and say --user"
        )
