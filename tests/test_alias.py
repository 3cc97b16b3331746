"""`import chromadb` gives Ochre's own modules, once the alias is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ochredb

SOURCE = Path(ochredb.__file__).parents[1]
INSTALL = "import sys, ochredb.alias\nochredb.alias.install_as_chromadb()\n"


def run(program: str, *folders: Path) -> str:
    """Run a program in a fresh interpreter and give what it prints."""
    path = os.pathsep.join(map(str, (SOURCE, *folders)))
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.strip()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Make a folder with another package called chromadb."""
    package = tmp_path / "chromadb"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "only_there.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("statement", "name", "ours"),
    [
        ("import chromadb", "chromadb", "ochredb"),
        ("import chromadb.config", "chromadb.config", "ochredb.config"),
        ("import chromadb.utils.embedding_functions as ef", "ef", "ochredb.utils.embedding_functions"),
        ("from chromadb.utils import embedding_functions as ef", "ef", "ochredb.utils.embedding_functions"),
        ("import chromadb", "chromadb.utils.embedding_functions", "ochredb.utils.embedding_functions"),
        ("import chromadb", "chromadb.errors", "ochredb.errors"),
        ("import chromadb", "chromadb.config", "ochredb.config"),
        ("import chromadb", "chromadb.api.types", "ochredb.api.types"),
        ("import chromadb", "chromadb.api.models.Collection", "ochredb.api.models.Collection"),
        ("import chromadb", "chromadb.execution.expression.operator", "ochredb.execution.expression.operator"),
        ("import chromadb", "chromadb.types", "ochredb.types"),
        ("import chromadb.utils.data_loaders as loaders", "loaders", "ochredb.utils.data_loaders"),
        ("import chromadb.auth.token_authn", "chromadb.auth.token_authn", "ochredb.auth.token_authn"),
    ],
)
def test_modules_are_the_same_objects(statement: str, name: str, ours: str) -> None:
    """Each way to a module of Chroma's name ends at ours, which keeps its own name and spec."""
    shown = f"print(found is sys.modules[{ours!r}], found.__name__, found.__spec__.name)"
    assert run(f"{INSTALL}{statement}\nfound = {name}\n{shown}") == f"True {ours} {ours}"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("config", "Settings"),
        ("errors", "NotFoundError"),
        ("errors", "ChromaError"),
        ("api.types", "GetResult"),
        ("api.types", "EmbeddingFunction"),
        ("api", "Documents"),
        ("api", "ClientAPI"),
        ("api.models.Collection", "Collection"),
        ("api.models.AsyncCollection", "AsyncCollection"),
        ("api.client", "Client"),
        ("api.configuration", "CollectionConfigurationInterface"),
        ("api.collection_configuration", "CreateCollectionConfiguration"),
        ("base_types", "SparseVector"),
        ("execution.expression", "Knn"),
        ("utils.batch_utils", "create_batches"),
        ("utils.distance_functions", "cosine"),
        ("utils.embedding_functions", "DefaultEmbeddingFunction"),
    ],
)
def test_names_are_the_same_objects(module: str, name: str) -> None:
    """A class caught or subclassed under Chroma's name is the class that we raise and call."""
    program = f"from chromadb.{module} import {name} as theirs\nfrom ochredb.{module} import {name} as ours\n"
    assert run(f"{INSTALL}{program}print(theirs is ours)") == "True"


def test_ours_may_be_imported_first() -> None:
    """The order of the two names makes no second copy."""
    program = "import ochredb.config\nimport ochredb.alias\nochredb.alias.install_as_chromadb()\n"
    assert run(f"{program}import chromadb.config\nprint(chromadb.config is ochredb.config)") == "True"


def test_installing_twice_changes_nothing() -> None:
    """There is one finder, however often it is asked for."""
    counted = "before = len(sys.meta_path)\nochredb.alias.install_as_chromadb()\nimport chromadb\n"
    again = "ochredb.alias.install_as_chromadb()\nprint(len(sys.meta_path) - before)"
    assert run(INSTALL + counted + again) == "0"


def test_a_module_we_do_not_have_is_named_as_asked(other: Path) -> None:
    """The error speaks of chromadb, and nothing is taken from another package of that name."""
    program = (
        "try:\n    import chromadb.only_there\nexcept ModuleNotFoundError as error:\n    print(error, '/', error.name)"
    )
    assert run(INSTALL + program, other) == "No module named 'chromadb.only_there' / chromadb.only_there"


def test_an_installed_chromadb_is_hidden(other: Path) -> None:
    """The alias wins over a package that is installed and not yet imported."""
    assert run(f"{INSTALL}import chromadb\nprint(chromadb is ochredb)", other) == "True"


def test_an_imported_chromadb_is_refused(other: Path) -> None:
    """Half of each would be worse than none: the error says where the other one is and what to do."""
    program = (
        "import chromadb\nimport ochredb.alias\n"
        "try:\n    ochredb.alias.install_as_chromadb()\n"
        "except ImportError as error:\n    print(error)"
    )
    found = run(program, other)
    assert found.startswith(f"chromadb is already imported from {other}")
    assert "before the first import" in found


def test_the_alias_imports_nothing_heavy() -> None:
    """Whoever imports Chroma's names has not loaded an index, a model or a tokenizer."""
    program = "import chromadb.utils.embedding_functions, chromadb.config, chromadb.errors\n"
    shown = "print({'faiss', 'onnxruntime', 'tokenizers', 're2'} & set(sys.modules))"
    assert run(INSTALL + program + shown) == "set()"
