"""No code from data: nothing that is read can name code to be run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ochredb"
FILES = sorted(SOURCE.rglob("*.py"))

UNPICKLERS = {
    "pickle",
    "_pickle",
    "cPickle",
    "cloudpickle",
    "dill",
    "joblib",
    "jsonpickle",
    "marshal",
    "shelve",
    "yaml",
}
EVALUATORS = {"eval", "exec", "compile", "__import__"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Give the top-level names of all modules that are imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def faults(source: str) -> list[str]:
    """Name every way in which a file could run what it reads."""
    tree = ast.parse(source)
    found = sorted(UNPICKLERS & set(imported(tree)))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name in EVALUATORS:
            found.append(f"{name} in line {node.lineno}")
        # NumPy reads pickles from .npy and .npz if it is told to, and PyTorch from weights unless it is told not to.
        for keyword in node.keywords:
            allowed = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if (keyword.arg == "allow_pickle" and not allowed) or (keyword.arg == "weights_only" and allowed):
                found.append(f"{keyword.arg} in line {node.lineno}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nothing_unpickles_or_evaluates(file: Path) -> None:
    """No file of ours imports a module that unpickles, or calls what evaluates text."""
    assert faults(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from marshal import loads",
        "eval(text)",
        "np.load(f, allow_pickle=True)",
        "f(weights_only=False)",
    ],
)
def test_each_way_is_seen(line: str) -> None:
    """The check finds what it looks for, also inside a function."""
    assert faults(line)
    assert faults(f"def f():\n    {line}")
