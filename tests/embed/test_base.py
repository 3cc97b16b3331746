"""What the built-in functions share, and that each is what Chroma's is."""

import inspect
import json
import os
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from ochredb.core.errors import BadValue
from ochredb.core.model import SparseVector
from ochredb.embed import base
from ochredb.embed.base import find_key, once, ordered, plain, require
from ochredb.utils import embedding_functions
from ochredb.utils.embedding_functions import OpenAIEmbeddingFunction, SentenceTransformerEmbeddingFunction, schemas
from ochredb.utils.embedding_functions.chroma_cloud_qwen_embedding_function import ChromaCloudQwenEmbeddingModel

pytestmark = pytest.mark.usefixtures("keys")

DATA = Path(__file__).parents[1] / "data" / "chroma_embedding_functions.json"
CHROMA = json.loads(DATA.read_text(encoding="utf-8"))["functions"]
BUILT = {name: facts for name, facts in CHROMA.items() if "config" in facts}
LIBRARIES = (
    "InstructorEmbedding", "fastembed", "mmh3", "open_clip", "sentence_transformers", "snowballstemmer", "text2vec",
)  # fmt: skip
# Where a rule of ours is another one, and why.
REQUIRED = {
    "ChromaLangchainEmbeddingFunction": ["embedding_function_class", "note"],  # Chroma's schema refuses its own keys
    "NomicEmbeddingFunction": ["model", "api_key_env_var", "task_type"],  # Chroma cannot be built without them either
}


def plainly(value: Any) -> Any:
    """Give a default as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {plainly(key): plainly(item) for key, item in value.items()}
    return value


def make(name: str, monkeypatch: pytest.MonkeyPatch, library: Any) -> Any:
    """Make a function as the facts were read off Chroma's: with these arguments, its own variable set."""
    function = getattr(embedding_functions, name)
    variable = CHROMA[name]["parameters"].get("api_key_env_var")
    if variable:
        monkeypatch.setenv(variable, "k")
    for each in LIBRARIES:
        library(each, "raise RuntimeError('imported')")
    arguments = dict(CHROMA[name]["arguments"])
    if name == "ChromaCloudQwenEmbeddingFunction":
        arguments["model"] = ChromaCloudQwenEmbeddingModel(arguments["model"])
    return function(**arguments)


def test_all_of_chromas_functions_are_there() -> None:
    """By the names of their classes, and as the list of built-in ones says."""
    assert CHROMA.keys() <= set(dir(embedding_functions))
    assert embedding_functions.get_builtins() >= CHROMA.keys()


@pytest.mark.parametrize("name", CHROMA)
def test_constructors_are_chromas(name: str) -> None:
    """The same parameters in the same order with the same defaults, and the same name to be stored under."""
    function = getattr(embedding_functions, name)
    found = {
        parameter.name: "(any)"
        if parameter.kind is parameter.VAR_KEYWORD
        else "(required)"
        if parameter.default is parameter.empty
        else plainly(parameter.default)
        for parameter in inspect.signature(function).parameters.values()
    }
    assert list(found.items()) == list(CHROMA[name]["parameters"].items())
    assert function.name() == CHROMA[name]["name"]


@pytest.mark.filterwarnings("ignore:Bm25EmbeddingFunction is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", BUILT)
def test_configurations_are_chromas(name: str, monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    """The same keys and values, the same spaces; a function is built from its own without importing a library."""
    function, facts = make(name, monkeypatch, library), BUILT[name]
    assert function.get_config() == facts["config"]
    type(function).validate_config(facts["config"])
    assert type(function).build_from_config(facts["config"]).get_config() == facts["config"]
    if "default_space" in facts:
        assert function.default_space() == facts["default_space"]
        assert function.supported_spaces() == facts["supported_spaces"]


@pytest.mark.parametrize("name", sorted(CHROMA.keys() - {"DefaultEmbeddingFunction", "ONNXMiniLM_L6_V2"}))
def test_a_configuration_is_held_to_its_keys(name: str) -> None:
    """A key that is missing, unknown or of another type is refused, and named."""
    function = getattr(embedding_functions, name)
    required = REQUIRED.get(name, CHROMA[name]["required"])
    schema = schemas.load_schema(function.name())
    assert sorted(schema.get("required", [])) == sorted(required)
    whole = {**BUILT.get(name, {}).get("config", {}), "session_args": {}, "model_name": "m", "kwargs": {}}
    whole = {key: value for key, value in whole.items() if key in schema["properties"]}
    if name == "ChromaLangchainEmbeddingFunction":
        whole = {"embedding_function_class": "Some", "note": "n"}
    function.validate_config(whole)
    for key in required:
        with pytest.raises(ValueError, match=rf"Config validation failed for schema '.*': .*missing.*`{key}`"):
            function.validate_config({each: value for each, value in whole.items() if each != key})
    with pytest.raises(ValueError, match="unknown field `path`"):
        function.validate_config({**whole, "path": "/"})
    for key in whole:
        with pytest.raises(ValueError, match=rf"Config validation failed for schema .*\$\.{key}"):
            function.validate_config({**whole, key: [1, {}]})


def test_a_schema_is_told_by_name() -> None:
    """What there is can be listed, and what there is not is refused."""
    assert set(schemas.get_available_schemas()) >= {facts["name"] for facts in BUILT.values()} - {
        "default",
        "onnx_mini_lm_l6_v2",
    }
    assert schemas.get_schema_version("openai") == "1.0.0"
    assert schemas.get_schema_info()["openai"]["title"] == "OpenAIEmbeddingFunction"
    schemas.validate_config_schema({"api_key_env_var": "K", "model_name": "m"}, "openai")
    with pytest.raises(BadValue, match=r"no schema 'other': there are .*openai"):
        schemas.load_schema("other")


@pytest.mark.parametrize(
    ("name", "key", "word"),
    [
        ("OpenAIEmbeddingFunction", "model_name", "model name"),
        ("MistralEmbeddingFunction", "model", "model"),
        ("HuggingFaceEmbeddingServer", "url", "URL"),
        ("GoogleVertexEmbeddingFunction", "project_id", "project ID"),
        ("GoogleGeminiEmbeddingFunction", "dimension", "dimension"),
        ("ChromaCloudQwenEmbeddingFunction", "task", "task"),
    ],
)
def test_an_update_keeps_the_model(
    name: str, key: str, word: str, monkeypatch: pytest.MonkeyPatch, library: Any
) -> None:
    """Another value of what makes the vectors is refused; the same one, and any other key, pass."""
    function = make(name, monkeypatch, library)
    old = function.get_config()
    function.validate_config_update(old, {**old, "api_key_env_var": "ANOTHER"})
    with pytest.raises(ValueError, match=f"^The {word} cannot be changed after the embedding function has been init"):
        function.validate_config_update(old, {**old, key: "another"})


@pytest.mark.parametrize("name", ["SentenceTransformerEmbeddingFunction", "OllamaEmbeddingFunction"])
def test_what_may_move_may_be_updated(name: str, monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    """A model's folder and a server's address are no part of the vectors."""
    function = make(name, monkeypatch, library)
    function.validate_config_update(function.get_config(), {"device": "cuda", "url": "http://elsewhere"})


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's own variable comes before the other, and an argument before both, with a warning."""
    monkeypatch.setenv("MINE_API_KEY", "mine")
    assert find_key(None, "MINE_API_KEY", "USUAL_API_KEY") == ("mine", "MINE_API_KEY")
    monkeypatch.setenv("USUAL_API_KEY", "usual")
    assert find_key(None, "MINE_API_KEY", "USUAL_API_KEY") == ("usual", "USUAL_API_KEY")
    with pytest.warns(DeprecationWarning, match="Direct api_key configuration will not be persisted"):
        assert find_key("given", "MINE_API_KEY", "USUAL_API_KEY") == ("given", "USUAL_API_KEY")


def test_no_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variables; one that is set and empty is no key."""
    with pytest.raises(ValueError, match=r"^The CHROMA_OPENAI_API_KEY environment variable is not set\. .*OPENAI_API_"):
        OpenAIEmbeddingFunction()
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(ValueError, match=r"^The OPENAI_API_KEY environment variable is not set\. Set it to your API"):
        OpenAIEmbeddingFunction()


def test_azure_needs_its_three_settings() -> None:
    """Each is asked for by name."""
    with (
        pytest.warns(DeprecationWarning, match="Direct api_key"),
        pytest.raises(ValueError, match=r"^deployment_id must be specified for Azure OpenAI$"),
    ):
        OpenAIEmbeddingFunction("key", api_type="azure", api_version="1", api_base="http://azure")


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("SentenceTransformerEmbeddingFunction", "sentence_transformers"),
        ("InstructorEmbeddingFunction", "InstructorEmbedding"),
        ("Text2VecEmbeddingFunction", "text2vec"),
    ],
)
def test_a_missing_library_is_named(name: str, package: str) -> None:
    """With what to install, when the function is made."""
    with pytest.raises(
        ValueError, match=f"^The {package} python package is not installed. Please install it with `pip"
    ):
        getattr(embedding_functions, name)()


def test_a_missing_part_of_a_library_is_named(library: Any) -> None:
    """Neither what is there nor its parents are imported."""
    library("half", "raise RuntimeError('imported')")
    library("half.other", "raise RuntimeError('imported')")
    require("half", "half")
    for name in ("half_2", "half_2.part"):
        with pytest.raises(BadValue, match="The half_2 python package is not installed"):
            require(name, "half")


@pytest.mark.parametrize(
    "kwargs",
    [{"trust_remote_code": True}, {"model_kwargs": {"trust_remote_code": 1}}, {"a": [{"trust_remote_code": True}]}],
)
def test_a_stored_configuration_switches_no_code_on(kwargs: dict[str, Any], library: Any) -> None:
    """Who opens a folder did not write it; who passes the function did."""
    library("sentence_transformers", "")
    function = SentenceTransformerEmbeddingFunction("model", **kwargs)
    with pytest.raises(ValueError, match="its stored configuration sets trust_remote_code"):
        SentenceTransformerEmbeddingFunction.build_from_config(function.get_config())


def test_keyword_arguments_are_plain(library: Any) -> None:
    """What no configuration could hold is refused."""
    library("sentence_transformers", "")
    with pytest.raises(ValueError, match=r"^Keyword argument model is not a primitive type"):
        plain({"model": object()})
    with pytest.raises(ValueError, match=r"^Keyword argument other is not a primitive type"):
        SentenceTransformerEmbeddingFunction("m", other=object())


def test_a_thing_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that ask for it at once wait for one of them; a failure is not kept; a forked child makes its own."""
    monkeypatch.setattr(base, "_made", {})
    made: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: once(("a",), lambda: made.append(1) or object()), range(8)))
    assert (len(made), len(set(map(id, found)))) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        once(("b",), lambda: 1 // 0)
    assert once(("b",), lambda: 2) == 2
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert once(("b",), lambda: 3) == 3


def test_dimensions_are_put_in_order() -> None:
    """With their values and labels; one that comes twice is refused."""
    assert ordered([5, 2], [0.5, 0.25], ["e", "b"]) == SparseVector([2, 5], [0.25, 0.5], ["b", "e"])
    assert ordered([], []) == SparseVector([], [])
    with pytest.raises(ValueError, match="strictly ascending"):
        ordered([2, 2], [1.0, 1.0])
