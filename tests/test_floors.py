"""Imports run one way: each part of the house knows the floors below it, and no neighbour."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ochredb"

MIDDLE = {"chroma", "index", "embed", "transfer", "testing"}
ENGINES = {"local", "remote", "server"}
# The doors of the house: modules of names, which may look into every room but the command line's.
DOORS = {
    "__init__", "errors", "config", "api", "utils", "alias", "tools", "auth", "base_types", "execution", "telemetry",
    "types",
}  # fmt: skip
# `version` is a constant that everything above core may name.
BOTTOM = {"core", "version"}
HOUSE = BOTTOM | MIDDLE | ENGINES | DOORS | {"client"}

# What each part may import besides itself.
FLOORS: dict[str, set[str]] = {
    "version": set(),
    "core": set(),
    **dict.fromkeys(MIDDLE, BOTTOM),
    "transfer": BOTTOM | {"chroma"},  # what Chroma's folders say of a collection is in its dialect
    **dict.fromkeys(ENGINES, BOTTOM | MIDDLE),
    "client": BOTTOM | MIDDLE | ENGINES,
    **dict.fromkeys(DOORS, HOUSE),
    "cli": HOUSE,
    "__main__": HOUSE | {"cli"},
}
# Parts whose files are alternatives and do not know each other, but for these that all of them share.
SHARED = {
    "remote": {"__init__"},
    "embed": {"__init__", "base", "protocol", "registry", "service"},
}

FILES = sorted(SOURCE.rglob("*.py"))


def module(file: Path) -> tuple[str, ...]:
    """Give the names from the top of the house to a file: ("core", "where"), ("core", "__init__"), ("version",)."""
    return file.relative_to(SOURCE).with_suffix("").parts


def imports(file: Path) -> Iterator[tuple[str, ...]]:
    """Give the modules of ours that a file imports anywhere in it, also within functions and for types only."""
    package = ("ochredb", *module(file)[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            whole = (*base, *(node.module.split(".") if node.module else ()))
            found = [(*whole, alias.name) for alias in node.names]
        else:
            continue
        yield from (names[1:] or ("__init__",) for names in found if names[0] == "ochredb")


def room(names: tuple[str, ...]) -> str:
    """Give the part of the house that a module, or a name taken from one, belongs to."""
    # `from ochredb import connect` names no file: it goes in by the front door.
    inside = (SOURCE / names[0]).is_dir() or (SOURCE / f"{names[0]}.py").is_file()
    return names[0] if inside else "__init__"


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(module(file)))
def test_imports_go_down(file: Path) -> None:
    """A file imports its own part and what stands below it, as the table says; a new part is added to the table."""
    part = module(file)[0]
    assert part in FLOORS, f"{part} has no floor yet: add it to the table"
    assert {room(names) for names in imports(file)} <= FLOORS[part] | {part}


@pytest.mark.parametrize("part", SHARED)
def test_alternatives_do_not_know_each_other(part: str) -> None:
    """An engine elsewhere, or a provider of embeddings, is a file that can be removed without touching another."""
    shared = SHARED[part]
    for file in FILES:
        here = module(file)
        if here[0] == part and here[1] not in shared:
            siblings = {names[1] for names in imports(file) if names[0] == part and len(names) > 1}
            files = {name for name in siblings if (SOURCE / part / f"{name}.py").is_file()}
            assert files <= shared | {here[1]}, f"{'/'.join(here)} imports its siblings {files - shared}"


def test_the_house_is_walked_through() -> None:
    """The check sees the files, and an import of every form."""
    assert ("core", "where") in {module(file) for file in FILES}
    assert ("core", "errors", "BadValue") in set(imports(SOURCE / "core" / "where.py"))
