"""Run the tests that a new Python could break on the newest one that this machine has: `python tests/newest.py`.

The environment is `.venv-<version>`, with the packages of the lock.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["core", "chroma", "index", "client", "embed"]
FILES = [f"local/test_{name}.py" for name in ("contract", "store", "views", "columns", "text", "checksum")]
TESTS = [*FOLDERS, *FILES, "test_import.py", "test_alias.py"]


def pythons() -> Iterator[Path]:
    """Give what is called python3.N in a directory of the search path, or in the versions that pyenv keeps."""
    for directory in map(Path, os.environ["PATH"].split(os.pathsep)):
        places = [directory, *directory.parent.glob("versions/*/bin")] if directory.name == "shims" else [directory]
        for place in places:
            yield from (path for path in place.glob("python3.*") if re.fullmatch(r"python3\.\d+", path.name))


def version(python: Path) -> tuple[int, int] | None:
    """Ask a Python for its version; None if it does not run."""
    ask = "import ensurepip, sys; print(*sys.version_info[:2])"
    ran = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    major, _, minor = ran.stdout.strip().partition(" ")
    return (int(major), int(minor)) if ran.returncode == 0 and minor else None


def main() -> int:
    """Make the environment where absent, and run the tests in it."""
    found = {at: python for python in pythons() if (at := version(python)) is not None}
    newest = max(found, default=(0, 0))
    if newest <= sys.version_info[:2]:
        print(f"no newer Python than {sys.version.split()[0]} is here: nothing to run")
        return 0
    home = ROOT / f".venv-{newest[0]}.{newest[1]}"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([found[newest], "-m", "venv", home], check=True)
        subprocess.run([*install, "--require-hashes", "--requirement", ROOT / "requirements.lock"], check=True)
        subprocess.run([*install, "--no-deps", "--no-build-isolation", "--editable", ROOT], check=True)
        (home / "ready").touch()
    print(f"Python {newest[0]}.{newest[1]}", flush=True)
    return subprocess.run(
        [python, "-m", "pytest", *(f"tests/{name}" for name in TESTS)], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
