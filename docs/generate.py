"""Write `docs/reference/` from signatures, docstrings and the command line: `python docs/generate.py [--check]`.

With `--check` nothing is written, and the exit code is 1 if a page is not what would be written.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, is_typeddict

import typer
from msgspec import Struct
from typer.cli import get_docs_for_click

FOLDER = Path(__file__).parent / "reference"
WIDTH = 100
"""A signature that is longer has a line for each parameter."""

NOTE = "<!-- Written by docs/generate.py from the docstrings: change those, then run `make docs`. -->"

Page = tuple[str, str, dict[str, tuple[str, ...]]]
PAGES: dict[str, Page] = {
    "client": (
        "Clients",
        "What opens a database, and what a client does. All of it is in `ochredb`. An asynchronous client has the "
        "methods of `ClientAPI`, and its collections those of `Collection`; they are awaited.",
        {
            "ochredb": (
                "PersistentClient", "EphemeralClient", "HttpClient", "AsyncPersistentClient", "AsyncEphemeralClient",
                "AsyncHttpClient", "CloudClient", "connect", "Client", "AdminClient", "AsyncAdminClient", "RustClient",
                "configure", "get_settings", "install_as_chromadb", "Settings", "ClientAPI", "AdminAPI",
            ),
        },
    ),
    "collection": (
        "Collections",
        "What a collection does, and what it answers with.",
        {
            "ochredb": ("Collection", "ingest"),
            "ochredb.client.ingest": ("Ingested",),
            "ochredb.chroma.shape": ("GetResult", "QueryResult"),
            "ochredb.chroma.types": ("CollectionModel", "ReadLevel", "IndexingStatus", "UserIdentity"),
        },
    ),
    "schema": (
        "Schema and configuration",
        "What a collection is made with. The index configurations and `Schema` are in `ochredb`, the dictionaries in "
        "`ochredb.api.collection_configuration`.",
        {
            "ochredb": (
                "Schema", "VectorIndexConfig", "HnswIndexConfig", "SpannIndexConfig", "SparseVectorIndexConfig",
                "FtsIndexConfig", "StringInvertedIndexConfig", "IntInvertedIndexConfig", "FloatInvertedIndexConfig",
                "BoolInvertedIndexConfig", "Cmek", "SparseVector",
            ),
            "ochredb.api.collection_configuration": (
                "CreateCollectionConfiguration", "UpdateCollectionConfiguration", "CollectionConfiguration",
                "HNSWConfiguration", "UpdateHNSWConfiguration", "SpannConfiguration", "UpdateSpannConfiguration",
            ),
        },
    ),
    "search": (
        "Search expressions",
        "The classes of `ochredb.execution.expression`, with which a search is written. An engine in a process answers "
        "`query` and refuses `search`, as Chroma's does.",
        {"ochredb.execution.expression": ("Search", "Key", "Knn", "Rrf", "Val", "Rank", "Where", "Limit", "Select",
                                          "GroupBy", "MinK", "MaxK")},
    ),
    "embedding_functions": (
        "Embedding functions",
        "All of it is in `ochredb.utils.embedding_functions`.",
        {"ochredb.utils.embedding_functions": ()},
    ),
    "utils": (
        "Utilities",
        "What callers import beside a client, from the modules of `ochredb.utils`.",
        {
            "ochredb.utils.batch_utils": ("create_batches",),
            "ochredb.utils.data_loaders": (),
            "ochredb.utils.distance_functions": ("l2", "cosine", "ip"),
            "ochredb.utils.sparse_embedding_utils": (),
        },
    ),
    "tools": ("Tools", "What can be done to the folder of a database, from `ochredb.tools`.", {"ochredb.tools": ()}),
    "errors": ("Errors", "All of it is in `ochredb.errors`.", {"ochredb.errors": ()}),
}  # fmt: skip
"""Pages by file name: title, introduction, and names by module; no names are all that the module lists."""


def main() -> None:
    """Write the pages, or with `--check` tell which are old."""
    pages = {f"{name}.md": page(*PAGES[name]) for name in PAGES} | {"cli.md": command_line()}
    old = [name for name, text in pages.items() if not same(FOLDER / name, text)]
    left_over = sorted(file.name for file in FOLDER.glob("*.md") if file.name not in pages)
    if "--check" in sys.argv[1:]:
        for name in old + left_over:
            print(f"docs/reference/{name} is not what the code says: run `make docs`", file=sys.stderr)
        raise SystemExit(bool(old or left_over))
    FOLDER.mkdir(exist_ok=True)
    for name in old:
        (FOLDER / name).write_text(pages[name], encoding="utf-8")
    for name in left_over:
        (FOLDER / name).unlink()


def same(file: Path, text: str) -> bool:
    """Tell whether a file has this text."""
    return file.is_file() and file.read_text(encoding="utf-8") == text


def page(title: str, introduction: str, modules: dict[str, tuple[str, ...]]) -> str:
    """Give a page about some names of some modules."""
    things = dict(listed(modules))
    parts = [f"# {title}", NOTE, introduction]
    for name, thing in things.items():
        parts += entry(name, thing, [other for other in things.values() if inspect.isclass(other)])
    return "\n\n".join(parts) + "\n"


def listed(modules: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, Any]]:
    """Give the functions and classes of a page by name."""
    for module, names in modules.items():
        found = import_module(module)
        for name in names or found.__all__:
            thing = getattr(found, name)
            if inspect.isroutine(thing) or inspect.isclass(thing):
                yield name, thing


def command_line() -> str:
    """Give the page about `ochre`, as typer writes it, one level of headings down."""
    from ochredb.cli import app

    command = typer.main.get_command(app)
    told = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="ochre"), name="ochre")
    body = told.replace("```console", "```text").split("\n", 1)[1].strip()
    return f"# The command line\n\n{NOTE}\n\n{body}\n"


def entry(name: str, thing: Any, classes: list[type]) -> Iterator[str]:
    """Give the parts of a page about one name; what a class has from another one of the page is told there."""
    yield f"## {name}"
    if not inspect.isclass(thing):
        yield code(signature(name, thing))
        yield from described(thing)
        return
    yield code(f"class {heading(name, thing)}")
    yield from described(thing)
    above = {method for cls in classes if cls in thing.__mro__[1:] for method in dir(cls)}
    for method, written in members(thing):
        if method in above:
            continue
        yield f"### {name}.{method}"
        if isinstance(written, property):
            yield from described(written)
        else:
            yield code(signature(method, written))
            yield from described(written)


def heading(name: str, cls: type) -> str:
    """Give a class with the parameters that it is made with, or with its base."""
    if issubclass(cls, BaseException):
        return f"{name}({', '.join(base.__name__ for base in cls.__bases__)})"
    if is_typeddict(cls):
        keys = "".join(f"\n    {key}: {value}" for key, value in annotations(cls))
        return f"{name}(TypedDict):{keys}"
    if issubclass(cls, Struct):
        return signature(name, cls).removeprefix("def ")
    written = vars(cls).get("__init__")
    if inspect.isfunction(written):
        return signature(name, written).removeprefix("def ").removesuffix(" -> None")
    return name


def annotations(cls: type) -> Iterator[tuple[str, str]]:
    """Give the keys of a typed dictionary with their types as they stand in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    for node in body.body:
        if isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target), ast.unparse(node.annotation)


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """Give the public methods and properties of a class and of our classes below it, in the order of the source."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.startswith("ochredb") and not issubclass(base, BaseException):
            for name, attribute in vars(base).items():
                if name.startswith("_") or name in seen:
                    continue
                written = attribute.__func__ if isinstance(attribute, staticmethod | classmethod) else attribute
                if inspect.isfunction(written) or isinstance(written, property):
                    seen.add(name)
                    yield name, written


def signature(name: str, thing: Any) -> str:
    """Give a signature with the annotations as they stand in the source, on one line or one a parameter."""
    if inspect.isclass(thing):
        parameters, returned = fields(thing), ""
    else:
        node = definition(inspect.unwrap(thing))
        parameters = [one for one in arguments(node.args) if one not in ("self", "cls")]
        returned = f" -> {ast.unparse(node.returns)}".replace("'", "") if node.returns else ""
    word = "async def" if inspect.iscoroutinefunction(thing) else "def"
    line = f"{word} {name}({', '.join(parameters)}){returned}"
    if len(line) <= WIDTH:
        return line
    return f"{word} {name}(\n" + "".join(f"    {one},\n" for one in parameters) + f"){returned}"


def definition(function: Any) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """Give the syntax tree of a function."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return node


def arguments(args: ast.arguments) -> Iterator[str]:
    """Give the parameters of a function as one writes them."""
    places = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(places) - len(args.defaults)) + list(args.defaults)
    for place, default in zip(places, defaults, strict=True):
        yield argument(place, default)
    if args.vararg:
        yield f"*{argument(args.vararg, None)}"
    elif args.kwonlyargs:
        yield "*"
    for place, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield argument(place, default)
    if args.kwarg:
        yield f"**{argument(args.kwarg, None)}"


def argument(place: ast.arg, default: ast.expr | None) -> str:
    """Give one parameter."""
    return ast.unparse(place) + ("" if default is None else f" = {ast.unparse(default)}")


def fields(cls: type) -> list[str]:
    """Give the parameters of a value class; names and defaults, as its types are in its text."""
    read = []
    for one in inspect.signature(cls).parameters.values():
        if one.kind is one.KEYWORD_ONLY and "*" not in read:
            read.append("*")
        plain = isinstance(one.default, str | int | float | bool | None)
        told = repr(one.default) if plain else "..."
        read.append(one.name if one.default is one.empty else f"{one.name}={told}")
    return read


def code(text: str) -> str:
    """Give a block of code that no test runs."""
    return f"```py\n{text}\n```"


def described(thing: Any) -> Iterator[str]:
    """Give a docstring's paragraphs, its sections as lists and its examples as code."""
    for part in re.split(r"\n\s*\n", inspect.getdoc(thing) or ""):
        section = re.match(r"(Args|Returns|Raises):\n", part)
        if section:
            yield f"**{section[1]}**"
            yield items(part[section.end() :], named=section[1] != "Returns")
        elif part.startswith(">>>"):
            yield code(part)
        elif part:
            yield part


def items(block: str, named: bool) -> str:
    """Give the lines of a section as a list, the name of each item as code; what is indented further belongs to it."""
    whole = re.sub(r"\n\s+", " ", textwrap.dedent(block))
    lines = whole.splitlines() if named else [" ".join(whole.split())]
    return "\n".join("- " + (re.sub(r"^([\w.*]+): ", r"`\1`: ", line) if named else line) for line in lines)


if __name__ == "__main__":
    main()
