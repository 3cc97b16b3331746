"""The pages in `docs/reference/` say what the docstrings and the command line say."""

import subprocess
import sys
from pathlib import Path

import pytest

import ochredb

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"


def test_the_pages_are_those_of_the_code() -> None:
    """Whoever changes a docstring, a signature or an option runs `make docs`."""
    ran = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_an_old_page_is_named(tmp_path: Path) -> None:
    """The check fails for a page that is changed, missing or left over, and says which."""
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    program = tmp_path / "docs" / "generate.py"
    program.write_text((ROOT / "docs" / "generate.py").read_text(encoding="utf-8"), encoding="utf-8")
    for page in REFERENCE.glob("*.md"):
        (tmp_path / "docs" / "reference" / page.name).write_bytes(page.read_bytes())
    (tmp_path / "docs" / "reference" / "cli.md").write_text("old")
    (tmp_path / "docs" / "reference" / "errors.md").unlink()
    (tmp_path / "docs" / "reference" / "gone.md").write_text("left over")
    ran = subprocess.run([sys.executable, str(program), "--check"], capture_output=True, text=True, timeout=100)
    assert ran.returncode == 1
    for page in ("cli.md", "errors.md", "gone.md"):
        assert f"docs/reference/{page} is not what the code says: run `make docs`\n" in ran.stderr


@pytest.mark.parametrize("name", [name for name in ochredb.__all__ if name.endswith("Client")])
def test_every_way_to_open_a_database_is_told(name: str) -> None:
    """The page about clients has an entry for each."""
    assert f"\n## {name}\n" in (REFERENCE / "client.md").read_text(encoding="utf-8")
