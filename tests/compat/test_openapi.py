"""Schemathesis asks our server what its OpenAPI document allows, and what it does not: nothing is a 500."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.serving import Served, serving

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# They answer 501, which is meant, once they are asked about a collection that there is.
NOT_HERE = ("search", "fork", "fork_count", "indexing_status", "attach_function", "detach_function")
REMOVING = ("delete_database", "reset")


def run(server: Served, config: Path, *flags: str) -> None:
    """Let it try; the seed is printed with what it finds."""
    program = os.environ.get("SCHEMATHESIS")
    if program is None:
        pytest.skip("needs schemathesis: make test-compat installs it and sets SCHEMATHESIS")
    told = ["--checks", CHECKS, "--phases", "fuzzing", "--max-examples", "25", "--workers", "1", *flags]
    ran = subprocess.run(
        [program, "--config-file", config, "run", f"{server.url}/openapi.json", *told],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=config.parent,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert server.process.poll() is None


@pytest.mark.timeout(700)  # some thousand requests
def test_anything_is_asked_about_anything(tmp_path: Path) -> None:
    """Names and ids are what it makes up."""
    config = tmp_path / "schemathesis.toml"
    config.write_text("")
    with serving(tmp_path / "data", "--allow-reset") as server:
        run(server, config)


@pytest.mark.timeout(700)  # likewise
def test_anything_is_asked_about_a_collection(tmp_path: Path) -> None:
    """Names and ids are those of a collection with records, so that what is asked is carried out."""
    config = tmp_path / "schemathesis.toml"
    with serving(tmp_path / "data") as server:
        path = server.collection("asked-about")
        records = {
            "ids": ["a", "b"],
            "embeddings": [[1, 2], [3, 4]],
            "documents": ["x", None],
            "metadatas": [{"k": 1}, None],
        }
        assert server.ask("POST", f"{path}/add", records).status == 201
        values = {
            "tenant": "default_tenant",
            "database": "default_database",
            "collection_id": path.rpartition("/")[2],
            "name": "another-one",
        }
        config.write_text("[parameters]\n" + "".join(f'{name} = "{value}"\n' for name, value in values.items()))
        excluded = [flag for name in (*NOT_HERE, *REMOVING) for flag in ("--exclude-operation-id", name)]
        run(server, config, *excluded)
        assert "Traceback" not in server.log.read_text()
