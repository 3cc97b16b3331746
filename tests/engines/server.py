"""The real Milvus beside the tests: started, killed, and started again on the same folder and port."""

import socket
from collections.abc import Mapping
from pathlib import Path

from milvus import MilvusServer, MilvusServerConfig

SETTINGS = {"proxy.timeTickInterval": 20}
"""Milvus tells its time every 200 ms, and a read that sees every write waits for it: tests have many small reads."""


class Server:
    """A Milvus on a folder.

    Args:
        folder: Its own; made where absent.
        settings: Beyond those that it comes with.
    """

    def __init__(self, folder: Path, settings: Mapping[str, int] = SETTINGS) -> None:
        self.port = _free_port()
        config = _Config()
        config.update(data_dir=str(folder), proxy_port=self.port)
        for name, value in settings.items():
            config.set(name, value)
        self._server = MilvusServer(config)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"milvus://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._server.start()

    def kill(self) -> None:
        """End it as a machine does that goes away."""
        self._server.server_proc.kill()
        self._server.stop()

    def stop(self) -> None:
        """End it."""
        self._server.stop()


class _Config(MilvusServerConfig):
    def try_bind_port(self, port: int) -> socket.socket | None:
        """Take a port also if connections of the server before still linger on it."""
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", port))
        except OSError:
            taken.close()
            return None
        return taken


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
