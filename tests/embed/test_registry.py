"""How a collection remembers its embedding function, and that what is stored loads no code."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ochredb.core.errors import BadValue
from ochredb.core.model import SparseVector
from ochredb.embed import registry
from ochredb.embed.minilm import DefaultEmbeddingFunction, ONNXMiniLM_L6_V2
from ochredb.embed.protocol import Documents, EmbeddingFunction, Embeddings, SparseEmbeddingFunction, SparseVectors
from ochredb.embed.registry import (
    config_to_embedding_function,
    known_embedding_functions,
    persisted_form,
    rebuild,
    rebuild_sparse,
    register_embedding_function,
    register_sparse_embedding_function,
    sparse_known_embedding_functions,
)


class Scaled(EmbeddingFunction[Documents]):
    """A whole embedding function, with a configuration that it checks."""

    def __init__(self, factor: Any = 1) -> None:
        self.factor = factor

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - the name is the contract
        """Give the length."""
        return [[float(len(text) * self.factor)] for text in input]

    @staticmethod
    def name() -> str:
        """Give the name."""
        return "scaled"

    def get_config(self) -> dict[str, Any]:
        """Give the factor."""
        return {"factor": self.factor}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Scaled":
        """Make one."""
        return Scaled(config["factor"])

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Want the factor."""
        if set(config) != {"factor"}:
            raise ValueError(f"scaled: expected 'factor', got {sorted(config)}")


class Nameless(EmbeddingFunction[Documents]):
    """A legacy function."""

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - the name is the contract
        """Give a vector each."""
        return [[1.0] for _ in input]


class Duck:
    """No EmbeddingFunction, and called like one."""

    def __call__(self, input: Documents) -> Any:  # noqa: A002 - the name is the contract
        """Give a vector each."""
        return [[1.0] for _ in input]


# Settings without which a configuration is refused before its keys are looked at, and names that classes share.
WHOLE: dict[str, dict[str, Any]] = {"ollama": {"url": "http://127.0.0.1:1", "model_name": "m"}}
ALIASES = {"chroma_langchain": "langchain", "google_genai": "google_gemini"}


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """Leave the process's classes as they were."""
    before = dict(known_embedding_functions), dict(sparse_known_embedding_functions)
    yield
    for known, old in zip((known_embedding_functions, sparse_known_embedding_functions), before, strict=True):
        known.clear()
        known.update(old)


@pytest.mark.parametrize("register", [register_embedding_function, register_embedding_function()])
def test_a_class_is_registered(register: Any) -> None:
    """As a decorator with or without parentheses, or as a call, it files the class under its name and gives it back."""
    assert register(Scaled) is Scaled
    assert known_embedding_functions["scaled"] is Scaled


def test_a_class_without_a_name_is_refused() -> None:
    """There is nothing to file it under."""
    with pytest.raises(BadValue, match="Nameless cannot be registered"):
        register_embedding_function(Nameless)


@pytest.mark.parametrize(
    ("function", "form"),
    [
        (None, None),
        (Scaled(3), {"type": "known", "name": "scaled", "config": {"factor": 3}}),
        (DefaultEmbeddingFunction(), {"type": "known", "name": "default", "config": {}}),
        (
            ONNXMiniLM_L6_V2(["a"]),
            {"type": "known", "name": "onnx_mini_lm_l6_v2", "config": {"preferred_providers": ["a"]}},
        ),
    ],
)
def test_what_is_stored(function: object, form: dict[str, Any] | None) -> None:
    """A function is stored by name and configuration, as Chroma stores it."""
    assert persisted_form(function) == form


@pytest.mark.parametrize("function", [Nameless(), Duck()])
def test_a_legacy_function_is_stored_as_such(function: object) -> None:
    """Without a name it cannot be remembered, and a warning says so."""
    with pytest.warns(DeprecationWarning, match="pass it again whenever you open the collection"):
        assert persisted_form(function) == {"type": "legacy"}


def test_storing_registers() -> None:
    """The process that made a collection can rebuild its function without a decorator."""
    form = persisted_form(Scaled(3))
    again = rebuild(form)
    assert isinstance(again, Scaled)
    assert again.factor == 3


def test_the_stored_configuration_is_a_copy() -> None:
    """What the function does to its dictionary afterwards is not stored."""
    factor = [1]
    form = persisted_form(Scaled(factor))
    factor.append(2)
    assert form is not None
    assert form["config"] == {"factor": [1]}


def test_what_is_rebuilt_from_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class may take its configuration apart; the collection still has it."""
    form = persisted_form(Scaled(3))
    monkeypatch.setattr(Scaled, "build_from_config", staticmethod(lambda config: Scaled(config.pop("factor"))))
    assert [rebuild(form).factor, rebuild(form).factor] == [3, 3]  # type: ignore[union-attr]


def test_a_configuration_is_json() -> None:
    """What could not be read back is refused when it is stored."""
    with pytest.raises(BadValue, match=r"get_config\(\) of embedding function scaled must give JSON"):
        persisted_form(Scaled(object()))


@pytest.mark.parametrize("form", [None, {"type": "legacy"}, {"type": "unknown"}])
def test_what_was_not_remembered_is_not_rebuilt(form: dict[str, Any] | None) -> None:
    """Whoever opens the collection chooses."""
    assert rebuild(form) is None


@pytest.mark.parametrize("name", ["scaled", "os", "ochredb.embed.minilm", "ochredb.embed.minilm:embed", "__import__"])
def test_a_name_that_nobody_registered_is_refused(name: str) -> None:
    """A stored name, even one of a module, imports nothing."""
    before = set(sys.modules)
    with pytest.raises(ValueError, match="not found") as caught:
        rebuild({"type": "known", "name": name, "config": {}})
    assert str(caught.value) == (
        f"Embedding function {name} not found. Add @register_embedding_function decorator to the class definition."
    )
    assert set(sys.modules) == before


@pytest.mark.parametrize("form", [{}, {"type": "known"}, {"type": "known", "name": 5}, {"type": "other"}, "default"])
def test_what_is_no_form_is_refused(form: Any) -> None:
    """A damaged form raises, and is shown."""
    with pytest.raises(BadValue, match="expected a stored form"):
        rebuild(form)


def test_a_configuration_is_checked_before_it_is_used() -> None:
    """The class sees a stored configuration in `validate_config` first."""
    register_embedding_function(Scaled)
    with pytest.raises(ValueError, match="expected 'factor', got"):
        rebuild({"type": "known", "name": "scaled", "config": {"path": "/etc"}})


@pytest.mark.parametrize(
    ("name", "known", "find"),
    [
        *((name, known_embedding_functions, rebuild) for name in registry.BUILT_IN),
        *((name, sparse_known_embedding_functions, rebuild_sparse) for name in registry.BUILT_IN_SPARSE),
    ],
)
def test_ours_are_known(name: str, known: dict[str, Any], find: Any) -> None:
    """Each name of the tables leads to a class, which sees the configuration."""
    known.pop(name, None)
    with pytest.raises(ValueError, match="no such setting"):
        find({"type": "known", "name": name, "config": {"no such setting": 1, **WHOLE.get(name, {})}})
    assert known[name].name() in (name, ALIASES.get(name))


@pytest.mark.parametrize("name", ["default", "onnx_mini_lm_l6_v2", "ollama"])
def test_ours_are_built(name: str) -> None:
    """From their own configuration, in a process that has not used them yet."""
    known_embedding_functions.pop(name, None)
    built = config_to_embedding_function({"name": name, "config": WHOLE.get(name, {})})
    assert built.name() == name
    assert known_embedding_functions[name] is type(built)
    assert rebuild(persisted_form(built)) is not None


def test_a_class_of_the_users_own_keeps_its_name() -> None:
    """Whoever registers a class under one of our names is not overruled by ours."""

    class Mine(Scaled):
        @staticmethod
        def name() -> str:
            return "openai"

    register_embedding_function(Mine)
    registry.know_built_in()
    assert known_embedding_functions["openai"] is Mine
    assert set(registry.BUILT_IN) <= set(known_embedding_functions)


class Marked(SparseEmbeddingFunction[Documents]):
    """A whole sparse function."""

    def __call__(self, input: Documents) -> SparseVectors:  # noqa: A002 - the name is the contract
        """Give the length."""
        return [SparseVector([len(text)], [1.0]) for text in input]

    @staticmethod
    def name() -> str:
        """Give the name."""
        return "marked"

    def get_config(self) -> dict[str, Any]:
        """Give nothing."""
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Marked":  # noqa: ARG004 - the contract
        """Make one."""
        return Marked()


@pytest.mark.parametrize("register", [register_sparse_embedding_function, register_sparse_embedding_function()])
def test_a_sparse_class_is_registered(register: Any) -> None:
    """In the same ways, among classes of its own kind."""
    assert register(Marked) is Marked
    assert sparse_known_embedding_functions["marked"] is Marked
    assert "marked" not in known_embedding_functions


def test_a_sparse_function_is_remembered() -> None:
    """It is stored by name, and rebuilt as a sparse one only."""
    form = persisted_form(Marked())
    assert form == {"type": "known", "name": "marked", "config": {}}
    assert isinstance(rebuild_sparse(form), Marked)
    assert rebuild_sparse({"type": "unknown"}) is None
    with pytest.raises(ValueError, match=r"^Embedding function marked not found"):
        rebuild(form)
    with pytest.raises(
        ValueError, match=r"^Sparse embedding function scaled not found\. Add @register_sparse_embedding_f"
    ):
        rebuild_sparse({"type": "known", "name": "scaled"})


def test_an_unsupported_name_is_refused() -> None:
    """Building one from a configuration has Chroma's own text."""
    with pytest.raises(ValueError, match="Unsupported embedding function: nothing"):
        config_to_embedding_function({"name": "nothing", "config": {}})
