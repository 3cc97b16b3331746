"""A type checker sees the public types as precisely as Chroma's own annotations let it."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from mypy import api

HERE = Path(__file__).parent
WRONG = re.compile(r"# wrong: (\S+)$")
ERROR = re.compile(r"^\S+?:(\d+): error: .*\[(\S+)\]$")


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[int, str]]]:
    """Give what mypy finds in both programs: line and kind."""
    cache = tmp_path_factory.mktemp("mypy")
    programs = ("precise.py", "mistaken.py")
    told, failed, _ = api.run(
        ["--strict", "--config-file=", f"--cache-dir={cache}", *(str(HERE / program) for program in programs)]
    )
    assert not failed, failed
    lines = [line for line in told.splitlines() if ": error: " in line]
    return {
        program: {(int(found[1]), found[2]) for line in lines if program in line and (found := ERROR.match(line))}
        for program in programs
    }


def test_what_is_right_is_known_precisely(errors: dict[str, set[tuple[int, str]]]) -> None:
    """Each `assert_type` of the program holds, and no call in it needs a cast."""
    assert errors["precise.py"] == set()


def test_mistakes_are_found(errors: dict[str, set[tuple[int, str]]]) -> None:
    """Each line that is marked wrong is an error of that kind, and no other line is."""
    lines = (HERE / "mistaken.py").read_text(encoding="utf-8").splitlines()
    marked = {(number, found[1]) for number, line in enumerate(lines, 1) if (found := WRONG.search(line))}
    assert errors["mistaken.py"] == marked


def test_types_are_shipped() -> None:
    """A type checker reads the annotations of the installed package."""
    assert (files("ochredb") / "py.typed").is_file()
