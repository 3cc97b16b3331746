"""What the built-in functions share: the constructor as configuration, keys from the environment, models loaded once.

Law: a stored configuration brings no code. Building a function from one loads no library and no model, and it cannot
switch on the running of code that a model's author wrote.
"""

import base64
import os
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, signature
from io import BytesIO
from threading import Lock
from typing import Any, ClassVar, Literal, Self, TypeAlias

import msgspec

from ochredb.core.errors import BadValue
from ochredb.core.model import Space, SparseVector
from ochredb.embed.protocol import D, Documents, EmbeddingFunction, SparseEmbeddingFunction, SparseVectors

PLAIN = (str, int, float, bool, list, dict, tuple)
TaskType: TypeAlias = Literal["document", "query"]
"""What a model that treats questions in its own way takes a text for."""
CODE = "trust_remote_code"
"""The switch by which Hugging Face's libraries run Python that lies beside a model."""

WORDS = {"url": "URL", "project_id": "project ID"}
"""What errors call a key; others are called by their own words."""


class Configured:
    """A function whose configuration is what its constructor takes.

    A parameter `x` is kept as the attribute `x` and stored under the key `x`, further keyword arguments under `kwargs`;
    those of `unstored` are not stored.
    """

    stored_as: ClassVar[str]
    """What `name()` gives."""
    required: ClassVar[tuple[str, ...]] = ()
    """Keys that a configuration must have."""
    fixed: ClassVar[tuple[str, ...]] = ()
    """Keys that an update must leave as they are."""
    sparing: ClassVar[frozenset[str]] = frozenset()
    """Keys that are stored only if they are not None."""
    unstored: ClassVar[frozenset[str]] = frozenset(("api_key",))
    form: ClassVar[type[msgspec.Struct] | None] = None
    """The type of the configuration, where it is not what the constructor takes."""

    @classmethod
    def name(cls) -> str:
        """Give the name that it is stored under."""
        return cls.stored_as

    def get_config(self) -> dict[str, Any]:
        """Give the JSON from which `build_from_config` makes an equal function; never an API key."""
        values = {key: getattr(self, key) for key in schema(type(self)).__struct_fields__}
        config: dict[str, Any] = msgspec.to_builtins(values)
        return {key: value for key, value in config.items() if value is not None or key not in self.sparing}

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> Self:
        """Make a function from what `get_config` gave.

        Raises:
            BadValue: A key is unknown, missing or of another type, or the constructor refuses a value.
        """
        arguments = cls._arguments(config)
        further = arguments.pop("kwargs", {})
        return cls(**arguments, **further)

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown and missing keys and values of another type."""
        cls._arguments(config)

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Refuse another model, or whatever else makes vectors that cannot be compared with the old ones."""
        for key in self.fixed:
            old, new = old_config.get(key), new_config.get(key)
            if key in new_config and new != old:
                word = WORDS.get(key) or key.replace("_", " ")
                raise BadValue(
                    f"The {word} cannot be changed after the embedding function has been initialized: "
                    f"it is {old!r}, got {new!r}; make another collection for it"
                )

    @classmethod
    def _arguments(cls, config: dict[str, Any]) -> dict[str, Any]:
        try:
            found = msgspec.convert(config, schema(cls))
        except msgspec.ValidationError as error:
            raise BadValue(f"Config validation failed for schema {cls.stored_as!r}: {error}") from error
        return {key: value for key, value in msgspec.structs.asdict(found).items() if value is not msgspec.UNSET}


class Dense(Configured, EmbeddingFunction[D]):
    """A dense embedding function whose configuration is what its constructor takes."""

    space: ClassVar[Space] = "cosine"

    def default_space(self) -> Space:
        """Give the space of a collection that does not choose one."""
        return self.space


class Loading(Configured):
    """A function whose model runs in this process; it is loaded when one first embeds, and then serves all alike."""

    def model(self) -> Any:
        """Give the model, loaded once in this process for all functions with the same `settings`."""
        settings = self.settings()
        key = (type(self).__name__, msgspec.json.encode(settings, order="deterministic"))
        return once(key, lambda: self.load(settings))

    def settings(self) -> dict[str, Any]:
        """Give the arguments that the library loads its model with."""
        raise NotImplementedError

    def load(self, settings: dict[str, Any]) -> Any:
        """Load a model with these."""
        raise NotImplementedError

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> Self:
        """Make a function from what `get_config` gave; refuse one that would run the code of a model's author."""
        if _switched_on(config, CODE):
            raise BadValue(
                f"embedding function {cls.stored_as!r}: its stored configuration sets {CODE}, which runs code that "
                "comes with the model; if you trust it, make the function yourself and pass it as embedding_function"
            )
        return super().build_from_config(config)


_schemas: dict[type[Configured], type[msgspec.Struct]] = {}


class SparseByTask(Loading, SparseEmbeddingFunction[Documents]):
    """A sparse model that embeds texts as `task` says, and search texts as `query_config` says, if there is one."""

    task: TaskType | None
    query_config: Any

    def embedded(self, texts: Documents, task: TaskType | None) -> SparseVectors:
        """Embed each text; every class has its own."""
        raise NotImplementedError

    def __call__(self, input: Documents) -> SparseVectors:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text."""
        return self.embedded(input, self.task)

    def embed_query(self, input: Documents) -> SparseVectors:  # noqa: A002 # as above
        """Embed search texts."""
        return self.embedded(input, self.query_config["task"] if self.query_config else self.task)


def schema(function: type[Configured]) -> type[msgspec.Struct]:
    """Give the type that a function's configuration is checked against, made from its constructor's parameters."""
    if function not in _schemas:
        _schemas[function] = function.form or _schema(function)
    return _schemas[function]


def _schema(function: type[Configured]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for name, parameter in signature(function).parameters.items():
        if parameter.kind is Parameter.VAR_KEYWORD:
            fields.append(("kwargs", dict[str, Any] | msgspec.UnsetType, msgspec.UNSET))
        elif name in function.required:
            fields.append((name, parameter.annotation))
        elif name not in function.unstored:
            fields.append((name, parameter.annotation | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct(function.__name__, fields, kw_only=True, forbid_unknown_fields=True)


def find_key(given: str | None, variable: str, usual: str | None = None) -> tuple[str, str]:
    """Give an API key and the name of the environment variable that is stored in its place.

    Args:
        given: The key as an argument, which counts before the environment.
        variable: Where the key is looked for.
        usual: The provider's own variable, which takes the place of `variable` wherever it is set.

    Raises:
        BadValue: There is no key.
    """
    if given is not None:
        warnings.warn(
            "Direct api_key configuration will not be persisted. "
            "Please use environment variables via api_key_env_var for persistent storage.",
            DeprecationWarning,
            stacklevel=3,
        )
    if usual is not None and usual in os.environ:
        variable = usual
    key = given or os.environ.get(variable)
    if not key:
        other = f" or {usual}" if usual not in (None, variable) else ""
        raise BadValue(f"The {variable} environment variable is not set. Set it{other} to your API key.")
    return key, variable


def require(name: str, package: str) -> None:
    """Refuse to go on without a library; it is looked for and not imported.

    Raises:
        BadValue: It is not installed; the text begins as Chroma's.
    """
    # The parents first, because looking for the child of what is not there raises another error.
    parts = name.split(".")
    if any(find_spec(".".join(parts[: count + 1])) is None for count in range(len(parts))):
        raise BadValue(
            f"The {parts[0]} python package is not installed. Please install it with `pip install {package}`"
        )


def library(name: str, package: str) -> Any:
    """Give an optional library, imported; refuse as `require` does where it is not installed."""
    require(name, package)
    return import_module(name)


def chosen(**settings: object) -> dict[str, Any]:
    """Give the settings that were made: those that are not None."""
    return {key: value for key, value in settings.items() if value is not None}


def plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Refuse keyword arguments that no configuration could hold."""
    for key, value in arguments.items():
        if not isinstance(value, PLAIN):
            raise BadValue(f"Keyword argument {key} is not a primitive type: got {value!r:.200}")
    return arguments


def refuse_unless_texts(items: Any, provider: str) -> list[str]:
    """Give the texts that a function was called with, and refuse anything else among them."""
    for row, item in enumerate(items):
        if not isinstance(item, str):
            raise BadValue(
                f"{provider} only supports text documents, not images: got a {type(item).__name__} at input[{row}]"
            )
    return list(items)


def ordered(indices: Sequence[int], values: Sequence[float], labels: Sequence[str] | None = None) -> SparseVector:
    """Make a sparse vector of dimensions in any order, each once."""
    rows = sorted(range(len(indices)), key=indices.__getitem__)
    return SparseVector(
        [int(indices[row]) for row in rows],
        [float(values[row]) for row in rows],
        [labels[row] for row in rows] if labels else None,
    )


def encoded(image: Any, form: str) -> str:
    """Give an image, an array of (height, width, channels), as base64 of a file in a form such as PNG."""
    file = BytesIO()
    library("PIL.Image", "pillow").fromarray(image).save(file, format=form)
    return base64.b64encode(file.getvalue()).decode()


_made: dict[tuple[object, ...], Any] = {}
_lock = Lock()


def once(key: tuple[object, ...], make: Callable[[], Any]) -> Any:
    """Give what `make` gives, made at the first call with this key; threads wait for the one that makes it."""
    # By process: a forked child may have inherited a model in the middle of something, and makes its own.
    key = (os.getpid(), *key)
    if key not in _made:
        with _lock:
            if key not in _made:
                _made[key] = make()
    return _made[key]


def _renew_lock() -> None:
    global _lock
    _lock = Lock()  # the one inherited may be held by a thread that this process does not have


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _switched_on(config: object, switch: str) -> bool:
    match config:
        case dict():
            return bool(config.get(switch)) or any(_switched_on(value, switch) for value in config.values())
        case list() | tuple():
            return any(_switched_on(value, switch) for value in config)
        case _:
            return False
