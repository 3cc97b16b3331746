"""What can be imported from Chroma can be imported from here, and is called in the same way.

`data/chroma_surface.json` is what `data/chroma_surface.py` says of the real package; what Ochre means not to have, or
means to have otherwise, stands in the tables below with its reason.
"""

import asyncio
import json
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ochredb
from ochredb.api.async_client import AsyncClient
from ochredb.chroma.absent import Absent
from ochredb.errors import ChromaError, NotSupported, error_types

DATA = Path(__file__).parent / "data"
SURFACE = json.loads((DATA / "chroma_surface.json").read_text(encoding="utf-8"))

NOT_HERE = {
    "what went with Chroma's old server, and the insides of its clients": """
        CloudClientArg AsyncBaseAPI AsyncServerAPI api.base_http_client auth.AuthError auth.AuthzAction
        auth.AuthzResource auth.ClientAuthHeaders auth.utils auth.basic_authn.BasicAuthenticationServerProvider
        auth.token_authn.TokenAuthenticationServerProvider auth.token_authn.User config.RoutingMode
        telemetry.product.ServerContext""",
    "imports of Chroma's modules for themselves": """
        AdminClientCreator AsyncClientCreator ClientCreator serde api.Component auth.Component auth.System
        api.collection_configuration.CollectionMetadata api.collection_configuration.EmbeddingFunction
        api.collection_configuration.Schema api.collection_configuration.Space
        api.collection_configuration.UpdateMetadata api.collection_configuration.known_embedding_functions
        api.collection_configuration.register_embedding_function
        execution.expression.operator.Collection execution.expression.operator.Embeddings
        execution.expression.operator.IDs execution.expression.operator.Include
        execution.expression.operator.LiteralValue execution.expression.operator.OneOrMany
        execution.expression.operator.SPARSE_VECTOR_TYPE_VALUE execution.expression.operator.SparseVector
        execution.expression.operator.TYPE_KEY execution.expression.operator.maybe_cast_one_to_many
        execution.expression.operator.normalize_embeddings execution.expression.operator.validate_embeddings
        execution.expression.plan.GroupBy execution.expression.plan.Key execution.expression.plan.Limit
        execution.expression.plan.Rank execution.expression.plan.Select execution.expression.plan.Where
        utils.embedding_functions.utils types.Schema
        types.collection_configuration_to_json types.load_collection_configuration_from_json""",
    "what the modules of Chroma's own engine say to each other": """
        IN_COLAB is_client is_in_colab config.LEGACY_ERROR config.get_class config.get_fqn config.is_thin_client
        utils.get_class execution.expression.operator.Filter execution.expression.operator.KNN
        execution.expression.operator.Projection execution.expression.operator.RequestVersionContext
        execution.expression.operator.Scan execution.expression.operator.Segment execution.expression.plan.CountPlan
        execution.expression.plan.Filter execution.expression.plan.GetPlan execution.expression.plan.KNN
        execution.expression.plan.KNNPlan execution.expression.plan.Projection execution.expression.plan.Scan
        types.BaseModelJSONSerializable types.CloudClientArg types.CollectionAndSegments types.Configurable
        types.ConfigurationInternal types.LogRecord types.MetadataEmbeddingRecord types.NamespacedName types.Operation
        types.OperationRecord types.OptionalArgument types.RequestVersionContext types.ScalarEncoding types.Segment
        types.SegmentScope types.SeqId types.Unspecified types.VectorEmbeddingRecord types.VectorQuery
        types.VectorQueryResult telemetry.opentelemetry telemetry.product.events""",
    "steps of Chroma's client between its arguments and its requests; ours are in chroma/check.py": """
        api.types.AddRequest api.types.BaseRecordSet api.types.DeleteRequest api.types.FilterSet api.types.GetRequest
        api.types.IndexMetadata api.types.InsertRecordSet api.types.META_KEY_CHROMA_DOCUMENT api.types.QueryRequest
        api.types.UpdateRequest api.types.UpsertRequest api.types.convert_list_embeddings_to_np
        api.types.convert_np_embeddings_to_list api.types.deserialize_metadata
        api.types.get_default_embeddable_record_set_fields api.types.is_document api.types.is_image
        api.types.is_thin_client api.types.normalize_base_record_set api.types.normalize_insert_record_set
        api.types.normalize_metadata api.types.normalize_metadatas api.types.pack_embedding_safely
        api.types.serialize_metadata""",
    "how Chroma reads and writes a configuration; ours is in chroma/config.py": """
        api.collection_configuration.collection_configuration_to_json
        api.collection_configuration.collection_configuration_to_json_str
        api.collection_configuration.create_collection_configuration_from_legacy_collection_metadata
        api.collection_configuration.create_collection_configuration_from_legacy_metadata_dict
        api.collection_configuration.create_collection_configuration_to_json
        api.collection_configuration.create_collection_configuration_to_json_str
        api.collection_configuration.json_to_create_hnsw_configuration
        api.collection_configuration.json_to_create_spann_configuration
        api.collection_configuration.json_to_update_hnsw_configuration
        api.collection_configuration.json_to_update_spann_configuration
        api.collection_configuration.load_collection_configuration_from_json
        api.collection_configuration.load_collection_configuration_from_json_str
        api.collection_configuration.load_create_collection_configuration_from_json
        api.collection_configuration.load_update_collection_configuration_from_json
        api.collection_configuration.load_update_collection_configuration_from_json_str
        api.collection_configuration.overwrite_collection_configuration
        api.collection_configuration.overwrite_embedding_function
        api.collection_configuration.overwrite_hnsw_configuration
        api.collection_configuration.overwrite_spann_configuration
        api.collection_configuration.populate_create_hnsw_defaults
        api.collection_configuration.update_collection_configuration_from_legacy_collection_metadata
        api.collection_configuration.update_collection_configuration_from_legacy_update_metadata
        api.collection_configuration.update_collection_configuration_to_json
        api.collection_configuration.update_collection_configuration_to_json_str
        api.collection_configuration.update_schema_from_collection_configuration
        api.collection_configuration.validate_embedding_function_conflict_on_create
        api.collection_configuration.validate_embedding_function_conflict_on_get
        api.configuration.ConfigurationDefinition api.configuration.ConfigurationInternal
        api.configuration.ConfigurationParameter api.configuration.EmbeddingsQueueConfigurationInternal
        api.configuration.InvalidConfigurationError api.configuration.ParameterValidator
        api.configuration.StaticParameterError""",
}  # fmt: skip
ABSENT_NAMES = {name: reason for reason, names in NOT_HERE.items() for name in names.split()}

OTHERWISE = {
    # Chroma's default is a Settings that was made when it was imported; ours is made at the call.
    "chromadb.Client": "settings",
    "chromadb.AdminClient": "settings",
    "chromadb.api.client.Client.__init__": "settings",
    "chromadb.api.client.AdminClient.__init__": "settings",
    "chromadb.api.async_client.AsyncClient.__init__": "settings",
    "chromadb.api.async_client.AsyncClient.create": "settings",
    "chromadb.api.async_client.AsyncAdminClient.__init__": "settings",
    # Clients make collections; nobody else does, in either product.
    "chromadb.api.models.Collection.Collection.__init__": "made by clients",
    "chromadb.api.models.AsyncCollection.AsyncCollection.__init__": "made by clients",
    "chromadb.api.shared_system_client.SharedSystemClient.__init__": "made by clients",
    # Chroma makes a client of its `System`, which is not here, or gives the key of its cloud.
    "from_system": "no System",
    "from_system_async": "no System",
    "get_chroma_cloud_api_key_from_clients": "no cloud",
    # Settings, index configurations and models are pydantic's there, with all that it brings.
    "chromadb.config.Settings.__init__": "pydantic",
    "chromadb.config.Settings.empty_str_to_none": "pydantic",
    "validate_embedding_function_field": "pydantic",
    "validate_source_key_field": "pydantic",
    "chromadb.types.Collection": "pydantic",
    # `retry_kwargs` are tenacity's, which is not here.
    "embed_with_retries": "retries",
    # The default is an empty set or list, a new one each time, as in Chroma.
    "chromadb.execution.expression.operator.GroupBy.__init__": "factory",
    "chromadb.execution.expression.operator.Select.__init__": "factory",
    # The session and the tokenizer of Chroma's own way of running the model.
    "chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2.ONNXMiniLM_L6_V2": "its own internals",
    "chromadb.utils.embedding_functions.chroma_cloud_splade_embedding_function.ChromaCloudSpladeEmbeddingFunction.close":
        "no connection is kept",
    # The parameter of `embed_query` is called `input` in every function, and images are embedded by calling it.
    "chromadb.utils.embedding_functions.chroma_langchain_embedding_function.ChromaLangchainEmbeddingFunction": "input",
    # Machine-dependent: the number of processors.
    "chromadb.utils.data_loaders.ImageLoader.__init__": "processors",
}  # fmt: skip

NO_INIT: tuple[Any, ...] = ([], ["*args", "**kwargs"])
"""What a class shows that has no `__init__` of its own."""


@cache
def describe() -> ModuleType:
    """Give the program that wrote the surface, to describe ours in the same words."""
    spec = spec_from_file_location("chroma_surface", DATA / "chroma_surface.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ours(module: str) -> ModuleType:
    """Give our module of Chroma's name."""
    return import_module(f"ochredb.{module}".rstrip("."))


def has(module: str, name: str) -> bool:
    """Tell whether a program can import a name from our module, be it a module itself."""
    if hasattr(ours(module), name):
        return True
    try:
        import_module(f"ochredb.{module}.{name}")
    except ImportError:
        return False
    return True


def fits(theirs: list[str] | None, found: list[str] | None) -> bool:
    """Tell whether a call that theirs takes means the same to ours: more may have a default, and more may follow."""
    if theirs is None or found is None:
        return theirs is found
    pairs = zip(theirs, found, strict=False)
    same = len(theirs) <= len(found) and all(one in (other, other.partition("=")[0]) for one, other in pairs)
    return same and all(one.startswith("*") or "=" in one for one in found[len(theirs) :])


def excused(home: str, method: str = "") -> bool:
    """Tell whether a table says that this is otherwise here."""
    return bool({home, f"{home}.{method}", method} & OTHERWISE.keys())


@pytest.mark.parametrize("module", sorted(SURFACE["modules"]))
def test_every_name_can_be_imported(module: str) -> None:
    """A name that a program takes from Chroma's module is in ours, or in the table of what is not here."""
    wanted = {name for name in SURFACE["modules"][module] if f"{module}.{name}".strip(".") not in ABSENT_NAMES}
    assert {name for name in wanted if not has(module, name) and name not in ABSENT_NAMES} == set()


def test_the_table_of_absences_is_true() -> None:
    """What the table says is not here is in Chroma and not here."""
    for path in ABSENT_NAMES:
        module, _, name = path.rpartition(".")
        assert any(name in names for names in SURFACE["modules"].values()), path
        assert not has(module, name), path


def things() -> dict[str, tuple[str, Any]]:
    """Give Chroma's functions and classes that are here too, by their home: the name there, and ours."""
    found = {}
    for module, names in SURFACE["modules"].items():
        for name, home in names.items():
            if home and hasattr(ours(module), name):
                found.setdefault(home, (name, getattr(ours(module), name)))
    return found


@pytest.mark.parametrize("home", sorted(things()))
def test_it_is_called_in_the_same_way(home: str) -> None:
    """Parameters have Chroma's names, order and defaults; an enumeration has its members."""
    theirs, (_, here) = SURFACE["things"][home], things()[home]
    if isinstance(here, type) and issubclass(here, Absent):
        with pytest.raises(NotSupported, match=f"{here.__name__}: "):
            here()
        return
    found = describe().described(here)
    assert theirs.get("members") == found.get("members")
    if "parameters" in theirs and not excused(home):
        assert fits(theirs["parameters"], found["parameters"])
    if not excused(home):
        for name, read in theirs.get("methods", {}).items():
            if not excused(home, name) and not (name == "__init__" and read in NO_INIT):
                assert name in found["methods"], name
                assert fits(read, found["methods"][name]), f"{name}: {read} there, {found['methods'][name]} here"


def test_errors_have_the_same_tree() -> None:
    """Every class of `errors` is a ChromaError, and stands under its name on the wire."""
    for name in SURFACE["modules"]["errors"]:
        if name != "error_types":
            assert issubclass(getattr(ochredb.errors, name), ChromaError)
    assert all(issubclass(error, ChromaError) for error in error_types.values())


SERVER = {"chroma_server_host": "127.0.0.1", "chroma_server_http_port": 1}


@pytest.mark.parametrize(
    "call",
    [
        lambda: ochredb.HttpClient("127.0.0.1", 1),
        lambda: ochredb.CloudClient(api_key="key", cloud_host="127.0.0.1", cloud_port=1),
        lambda: asyncio.run(ochredb.AsyncHttpClient("127.0.0.1", 1)),
        lambda: ochredb.Client(ochredb.Settings(chroma_api_impl="chromadb.api.fastapi.FastAPI", **SERVER)),
        lambda: asyncio.run(
            AsyncClient.create(
                settings=ochredb.Settings(chroma_api_impl="chromadb.api.async_fastapi.AsyncFastAPI", **SERVER)
            )
        ),
    ],
)
def test_who_asks_for_a_server_gets_one(call: Any) -> None:
    """Nobody who asks for a server is given a database in memory: where none listens, the error is Chroma's."""
    with pytest.raises(ValueError, match=r"^Could not connect to a Chroma server\. Are you sure it is running\?"):
        call()


def test_an_unknown_implementation_is_refused() -> None:
    """A setting that names nothing is an error, in Chroma's words."""
    with pytest.raises(ValueError, match=r"^Unsupported Chroma API implementation foo\.Bar; "):
        ochredb.Client(ochredb.Settings(chroma_api_impl="foo.Bar"))
