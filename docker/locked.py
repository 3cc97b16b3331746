"""Print the part of requirements.lock that some packages need, with its checksums; without arguments, that Ochre needs.

What only the tests and the linters need stays out of the image.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

EXTRA = "htpasswd"  # users with passwords, as images of Chroma's 0.5 know them


def entries(lock: str) -> list[tuple[str, str]]:
    """Give each entry of a lock: its name, and its lines."""
    return [(entry.partition("==")[0], entry) for entry in re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]]


def needed(packages: list[str], lock: str) -> set[str]:
    """Ask pip which packages an installation in these versions consists of."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as versions:
        versions.writelines(entry.partition("\\")[0].rstrip() + "\n" for _, entry in entries(lock))
        versions.flush()
        command = ["install", "--dry-run", "--quiet", "--ignore-installed", "--constraint", versions.name, *packages]
        asked = [sys.executable, "-m", "pip", *command, "--report", "-"]
        report = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)
    return {re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower() for item in report["install"]}


def main() -> None:
    """Read the lock and the project's file in the working directory."""
    lock = Path("requirements.lock").read_text(encoding="utf-8")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    usual = [*project["dependencies"], *project["optional-dependencies"].get(EXTRA, [])]
    wanted = needed(sys.argv[1:] or usual, lock)
    print("".join(entry for name, entry in entries(lock) if name in wanted), end="")


if __name__ == "__main__":
    main()
