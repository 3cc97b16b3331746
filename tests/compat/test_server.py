"""The official Python client against our server and against Chroma's own: the same calls get the same answers."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.compat import calls, differences
from tests.compat.calls import Call, call
from tests.compat.compare import OURS, differ
from tests.compat.peers import Chroma
from tests.serving import MAIN, Served, serving

TRIED = settings(
    max_examples=25,
    stateful_step_count=20,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each try to shrink asks two servers dozens of times
    suppress_health_check=list(HealthCheck),
)
HANDLES = st.sampled_from(calls.HANDLES)
STEPS = (*calls.WRITES * 3, *calls.READS * 3, "create_collection", "modify", "restart")


@pytest.fixture(scope="session")
def python(chroma: Chroma) -> str:
    """Give the interpreter that has the real package."""
    del chroma  # which skips where there is none
    return os.environ["CHROMA_PYTHON"]


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run our server."""
    with serving(tmp_path_factory.mktemp("ours") / "data", "--allow-reset", "--no-access-log") as server:
        yield server


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory, python: str) -> Iterator[int]:
    """Run Chroma's server, and give its port."""
    folder = tmp_path_factory.mktemp("theirs")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = folder / "config.yaml"
    lines = (f"persist_path: {folder / 'data'}", "listen_address: 127.0.0.1", f"port: {port}", "allow_reset: true")
    file.write_text("\n".join(lines))
    process = subprocess.Popen(
        [Path(python).with_name("chroma"), "run", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _listening(port):
            assert process.poll() is None, "the real server did not start"
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the program of the official JavaScript client, where it finds the package."""
    installed = os.environ.get("CHROMA_JAVASCRIPT")
    if installed is None:
        pytest.skip(
            "needs npm's chromadb: make test-compat installs it, where there is npm, and sets CHROMA_JAVASCRIPT"
        )
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "node_modules").symlink_to(Path(installed).absolute() / "node_modules")
    return Path(shutil.copy(Path(__file__).parent / "javascript" / "flows.mjs", folder))


def said(flows: Path, port: int, *arguments: str) -> list[dict[str, Any]]:
    """Run the program, and give what it says."""
    ran = subprocess.run(
        ["node", flows, str(port), *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


class SameServers(RuleBasedStateMachine):
    """Asks both servers the same, by the same client, and compares every answer and what each write leaves."""

    peers: tuple[Chroma, Chroma]
    ports: tuple[int, int]

    def __init__(self) -> None:
        super().__init__()
        for peer, port in zip(self.peers, self.ports, strict=True):
            peer.begin_on_server(port)

    @initialize(spaces=st.tuples(st.sampled_from(calls.SPACES), st.sampled_from(calls.SPACES)))
    def begin(self, spaces: tuple[str, str]) -> None:
        """Give each handle a stocked collection."""
        for handle, space in zip(calls.HANDLES, spaces, strict=True):
            arguments = {"name": f"own-{handle}", "configuration": {"hnsw": {"space": space}}}
            self.ask(call("client", "create_collection", arguments, handle))
            self.ask({**calls.STOCK, "on": handle})

    @rule(data=st.data(), handle=HANDLES, verb=st.sampled_from(STEPS))
    def step(self, data: st.DataObject, handle: str, verb: str) -> None:
        """Call a verb, and compare what it leaves."""
        keep = handle if verb in calls.KEEPING else None
        if not self.ask(call(calls.holder(verb, handle), verb, calls.arguments(data.draw, verb, spoil=False), keep)):
            self.ask(call("client", "reset", {}))  # one took what the other refused, so that they hold different things
            self.begin(("l2", "cosine"))
        elif verb not in calls.READS:
            self.ask(call("client", "list_collections", {}))
            self.ask(call(handle, "count", {}))
            self.ask(call(handle, "get", {"include": list(calls.GET)}))

    def ask(self, one: Call) -> bool:
        """Compare the answers to a call; tell whether they were the same, rather than known to differ."""
        theirs, ours = (peer.answer(one) for peer in self.peers)
        if ours[0] == "error" and "ChromaError" in ours[1]:
            ours[1].append(OURS["ChromaError"])  # both are the real package here
        why = differ(one, theirs, ours)
        assert why is None or differences.known(one, theirs, ours), f"{calls.shown(one)}: {why}"
        return why is None


@pytest.mark.timeout(900)  # it is many tests in one
def test_the_official_client_gets_the_same_answers(python: str, ours: Served, theirs: int) -> None:
    """Whatever is written and asked, types, order and errors are those of Chroma's own server."""
    peers = Chroma(python), Chroma(python)
    machine: Any = type("Machine", (SameServers,), {"peers": peers, "ports": (theirs, ours.port)})
    try:
        run_state_machine_as_test(machine, settings=TRIED)
    finally:
        for peer in peers:
            peer.close()


def test_the_official_javascript_client_gets_the_same_answers(flows: Path, ours: Served, theirs: int) -> None:
    """Collections, records, filters, refusals, tenants: each answer is that of Chroma's own server."""
    found, wanted = said(flows, ours.port), said(flows, theirs)
    assert len(found) >= 50
    assert found == wanted


ASYNC = """
import asyncio, json, sys
import chromadb

async def main():
    client = await chromadb.AsyncHttpClient("localhost", int(sys.argv[1]))
    assert await client.heartbeat() > 0
    collection = await client.get_or_create_collection("asynchronous", embedding_function=None)
    await collection.upsert(ids=["a", "b"], embeddings=[[1.0, 2.0], [3.0, 4.0]], documents=["x", "y"])
    found = await collection.query(query_embeddings=[[3.0, 4.0]], n_results=1)
    some = await collection.get(where_document={"$contains": "x"})
    print(json.dumps([found["ids"], some["ids"], await collection.count(), await collection.delete(ids=["a"])]))

asyncio.run(main())
"""


def test_the_official_asynchronous_client(python: str, ours: Served) -> None:
    """It asks at other addresses here and there, and is answered as well."""
    ran = subprocess.run([python, "-c", ASYNC, str(ours.port)], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [[["b"]], ["a"], 2, {"deleted": 1}]


KEYED = """
import json, sys
import chromadb
from chromadb.config import Settings

port, key, secret = int(sys.argv[1]), sys.argv[2], sys.argv[3]
provider = "chromadb.auth.token_authn.TokenAuthClientProvider"
ways = {
    "bearer": {"settings": Settings(chroma_client_auth_provider=provider, chroma_client_auth_credentials=key)},
    "token": {"settings": Settings(chroma_client_auth_provider=provider, chroma_client_auth_credentials=key,
                                   chroma_auth_token_transport_header="X-Chroma-Token")},
    "basic": {"settings": Settings(chroma_client_auth_provider="chromadb.auth.basic_authn.BasicAuthClientProvider",
                                   chroma_client_auth_credentials="user:" + key)},
    "headers": {"headers": {"Authorization": "Bearer " + key}},
    "none": {},
    "wrong": {"headers": {"X-Chroma-Token": secret}},
}
for name, way in ways.items():
    try:
        client = chromadb.HttpClient("localhost", port, **way)
        collection = client.get_or_create_collection("keyed", embedding_function=None)
        collection.upsert(ids=["a"], embeddings=[[1.0, 2.0]])
        print(json.dumps([name, collection.query(query_embeddings=[[1.0, 2.0]])["ids"]]))
    except Exception as error:
        print(json.dumps([name, type(error).__name__]))
"""


def test_the_official_client_shows_its_key(python: str, tmp_path: Path) -> None:
    """Each way in which it sends a key opens the server; without one, or with a wrong one, it is shut out."""
    folder = tmp_path / "data"
    folder.mkdir()
    made = subprocess.run(
        [sys.executable, "-c", MAIN, "keys", "create", "--name", "ci", "--role", "writer", "--path", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    (key,) = re.findall(r"ochre_\S+", made.stdout)
    with serving(folder) as server:
        ran = subprocess.run(
            [python, "-c", KEYED, str(server.port), key, key[:-1] + "x"], capture_output=True, text=True, check=True
        )
    found = dict(json.loads(line) for line in ran.stdout.splitlines())
    assert [found[way] for way in ("bearer", "token", "basic", "headers")] == [[["a"]]] * 4
    assert found["none"] == found["wrong"] == "ChromaAuthError"
