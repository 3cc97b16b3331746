"""Several processes behind one address: one listens and hands each connection to the next of those that serve.

So a few connections spread evenly, which they do not where every process accepts for itself, and nobody is served by a
process that is gone: one that dies is replaced, the others go on. A worker is this same command, told by a variable of
its environment which socket to the door it has.
"""

import errno
import logging
import os
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from tempfile import TemporaryDirectory

from ochredb.core.errors import BadValue, InternalError

VARIABLE = "OCHRE_DOOR"
"""Holds, in a worker, the descriptor of its socket to the door."""
SHARED_METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Holds the folder in which processes put their counts together; the name is that of Prometheus's package."""
CLOSED_VARIABLE = "OCHRE_DOOR_CLOSED"
"""Is set in a worker that starts when there have been keys."""
READY = b"r"
CLOSED = b"k"
"""Tells a worker that there are keys now, which it may not have been asked for yet."""
_HANDED = b"c"
_BACKLOG = 2048
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""A name such as localhost often has an address of IPv6 where there is no IPv6."""
_REST, _LONGEST_REST = 0.5, 30.0
"""Seconds before a worker that died is replaced: so many at first, and twice as many each time that none gets ready."""
_LOOK = 1.0
"""Seconds between two looks whether there are keys."""

_logger = logging.getLogger("ochredb.server")


def listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host, on the same port.

    Raises:
        BadValue: The address is taken, or is none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise BadValue(f"cannot listen on {host}: {error.strerror}") from error
    opened: list[socket.socket] = []
    for family, _, _, _, address in found:
        port = opened[0].getsockname()[1] if opened else port
        try:
            opened.append(socket.create_server((str(address[0]), port), family=family, backlog=_BACKLOG))
        except OSError as error:
            if error.errno not in _ABSENT:
                for listening in opened:
                    listening.close()
                raise BadValue(f"cannot listen on {address[0]}:{port}: {error.strerror}") from error
    if not opened:
        raise BadValue(f"cannot listen on {host}: this machine has no such address")
    return opened


def keep_door(
    sockets: list[socket.socket], count: int, wants_keys: Callable[[], bool], ready: Callable[[int], None]
) -> None:
    """Hand what connects to so many workers until a signal raises an exception here; then end them.

    Args:
        sockets: That listen.
        count: Of workers.
        wants_keys: Tells whether there are keys. That there were is remembered for all workers, those to come as well.
        ready: Called with the port when all of them answer.

    Raises:
        InternalError: A worker could not start; it has said why.
    """
    with ExitStack() as stack:
        counts = stack.enter_context(TemporaryDirectory(prefix="ochre-"))
        door = stack.enter_context(closing(_Door(sockets, {SHARED_METRICS: counts}, wants_keys)))
        for _ in range(count):
            worker = door.hire()
            if not worker.says_ready():  # one after the other, so that what is wrong is said once
                raise InternalError("a process of the server could not start; it has said why")
            door.ready.append(worker)
        ready(sockets[0].getsockname()[1])
        door.keep()


class _Worker:
    """A process that serves.

    Args:
        process: It.
        channel: To it.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", channel: socket.socket) -> None:
        self.process = process
        self.channel = channel

    def says_ready(self) -> bool:
        """Wait for what it says next: that it is ready, or nothing, as it is gone."""
        try:
            return self.channel.recv(1) == READY
        except OSError:
            return False


class _Door:
    """Who listens.

    Args:
        sockets: That listen.
        variables: Of the workers' environment.
        wants_keys: As in `keep_door`.

    Attributes:
        ready: The workers that serve; the last of them was given a connection last.
    """

    def __init__(self, sockets: list[socket.socket], variables: dict[str, str], wants_keys: Callable[[], bool]) -> None:
        self.ready: deque[_Worker] = deque()
        self._all: list[_Worker] = []
        self._due: list[float] = []
        self._rest = _REST
        self._sockets = sockets
        self._variables = variables
        self._wants_keys = wants_keys
        self._selector = selectors.DefaultSelector()
        for listening in sockets:
            listening.setblocking(False)
            self._selector.register(listening, selectors.EVENT_READ)

    def hire(self) -> _Worker:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        with theirs:
            variables = {**os.environ, **self._variables, VARIABLE: str(theirs.fileno())}
            command = [sys.executable, *sys.orig_argv[1:]]
            process = subprocess.Popen(command, env=variables, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        worker = _Worker(process, ours)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        self._all.append(worker)
        return worker

    def keep(self) -> None:
        """Hand over connections, and replace workers that die, for ever."""
        while True:
            self._look_for_keys()
            while self._due and self._due[0] <= time.monotonic():
                self._due.pop(0)
                self.hire()
            for key, _ in self._selector.select(_LOOK if not self._due else min(_LOOK, _REST)):
                if isinstance(key.data, _Worker):
                    self._heard(key.data)
                else:
                    self._admit(key.fileobj)  # type: ignore[arg-type] # a socket was registered

    def close(self) -> None:
        """Listen no more, and wait for the workers to finish what they have."""
        for listening in self._sockets:
            listening.close()
        self._selector.close()
        for worker in self._all:
            worker.channel.close()  # which is all that ends them: signals are for the door
        for worker in self._all:
            worker.process.wait()

    def _admit(self, listening: socket.socket) -> None:
        with suppress(OSError):  # who has gone again
            connection, _ = listening.accept()
            with connection:
                for _ in range(len(self.ready)):
                    self.ready.rotate(-1)
                    with suppress(OSError):  # one that died, or has more waiting than it takes
                        socket.send_fds(self.ready[-1].channel, [_HANDED], [connection.fileno()], socket.MSG_DONTWAIT)
                        return

    def _heard(self, worker: _Worker) -> None:
        """Take note that a worker is ready, or that one is gone, in whose place another is put soon."""
        if worker.says_ready():
            self.ready.append(worker)
            self._rest = _REST
            return
        self._selector.unregister(worker.channel)
        worker.channel.close()
        self._all.remove(worker)
        if worker in self.ready:
            self.ready.remove(worker)
        worker.process.kill()  # it may have lost only its socket
        status = worker.process.wait()
        _logger.warning("a process of the server ended with status %d and is replaced", status)
        _forget(worker.process.pid, self._variables[SHARED_METRICS])
        self._due.append(time.monotonic() + self._rest)
        self._rest = min(2 * self._rest, _LONGEST_REST)

    def _look_for_keys(self) -> None:
        """Tell all workers once that there are keys, those to come by their environment."""
        if CLOSED_VARIABLE in self._variables or not self._wants_keys():
            return
        self._variables[CLOSED_VARIABLE] = "yes"
        for worker in self._all:
            with suppress(OSError):  # who has died; its successor knows
                worker.channel.send(CLOSED)


def _forget(pid: int, folder: str) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call] # the package has types for some of it
