"""Every ```python block of the README and of the pages in `docs/` runs.

The blocks of a page are one program, run in an empty folder in a fresh process. A block that cannot run has a line
`<!-- not run: REASON -->` above it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_RUN = re.compile(r"<!-- not run: \S.* -->")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def program(page: str) -> str:
    """Give the Python blocks of a page, every line where it stands in the page."""
    lines: list[str] = []
    inside, before = False, ""
    for line in page.splitlines():
        if line.startswith("```"):
            inside = not inside and line == "```python" and not NOT_RUN.fullmatch(before)
            lines.append("")
        else:
            lines.append(line if inside else "")
            before = line or before
    return "\n".join(lines)


def name(page: Path) -> str:
    """Give the path of a page within the repository."""
    return page.relative_to(ROOT).as_posix()


WITH_CODE = [page for page in PAGES if program(page.read_text(encoding="utf-8")).strip()]


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """A reader who types what the page says, from its top to its end, meets no error and no warning."""
    code = program(page.read_text(encoding="utf-8"))
    code = code.replace("range(10000)", "range(100)")  # `test_examples` embeds so many texts, this would be once more
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "page.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), f"{name(page)}: line numbers are those of the page"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """A link to a file of the repository names one that exists."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


def test_every_page_is_in_the_index() -> None:
    """The index in `docs/README.md` names every page below it."""
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    assert [name(page) for page in (ROOT / "docs").rglob("*.md") if page != index and page not in linked] == []


def test_the_readme_shows_the_examples() -> None:
    """The four programs in the README are those in `examples/`, line by line."""
    shown = program((ROOT / "README.md").read_text(encoding="utf-8")).splitlines()
    for example in sorted((ROOT / "examples").glob("*.py")):
        code = example.read_text(encoding="utf-8").rstrip().splitlines()
        own = code[len(code) - code[::-1].index("") :]  # the last paragraph is the program itself
        assert set(own) <= set(shown), example.name


def test_blocks_are_found_where_they_stand() -> None:
    """Only blocks of Python that are not excused with a reason are taken, and lines keep their numbers."""
    page = "a\n```python\nx\n```\n```\nno\n```\n<!-- not run: why -->\n```python\nno\n```\n"
    page += "<!-- not run: -->\n```python\ny\n```\n"
    assert program(page).split("\n") == ["", "", "x", *[""] * 10, "y", ""]
