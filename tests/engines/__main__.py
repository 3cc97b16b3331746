"""Run the tests of the engines: `python -m tests.engines [arguments of pytest]`.

First what shares one Milvus, four tests at a time; then, alone, what takes it away.
"""

import os
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RESTART = str(HERE / "test_restart.py")


def main(given: list[str]) -> int:
    """Start Milvus if it can be, run the tests, stop it."""
    os.environ["OCHRE_TEST_ENGINES"] = "yes"
    together = ["--hypothesis-profile=engines", "--numprocesses", "4", f"--ignore={RESTART}", str(HERE), *given]
    try:
        from tests.engines.server import Server
    except ImportError as missing:
        print(f"without Milvus, whose package has no wheel here: {missing}", file=sys.stderr)
        return pytest.main(together)
    with tempfile.TemporaryDirectory(prefix="ochre-milvus-") as folder:
        server = Server(Path(folder))
        server.start()
        os.environ["OCHRE_TEST_MILVUS_URL"] = server.url
        try:
            return pytest.main(together) or pytest.main([RESTART, *given], plugins=[Running(server)])
        finally:
            server.stop()


class Running:
    """Gives the tests the server that runs.

    Args:
        server: It.
    """

    def __init__(self, server: object) -> None:
        self._server = server

    @pytest.fixture
    def milvus_server(self) -> object:
        """Give the server, to be killed and started again."""
        return self._server


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
