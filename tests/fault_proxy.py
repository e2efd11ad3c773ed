"""A proxy before PostgreSQL's unix socket: counts turns, and can swallow the answer to a COMMIT and cut the line."""

import socket
import threading
from contextlib import suppress
from pathlib import Path


class FaultProxy:
    """Listens in a folder of its own; after `swallow_next_commit()` a COMMIT gets through and its answer does not.

    `turns` counts the messages of clients, each of which waits for an answer.
    """

    def __init__(self, target: Path, folder: Path) -> None:
        self.turns = 0
        self._target = target
        self._armed = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._server = self._keep(socket.socket(socket.AF_UNIX))
        self._server.bind(str(folder / target.name))
        self._server.listen()
        self._start(self._accept)

    def swallow_next_commit(self) -> None:
        self._armed.set()

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
        for one in self._sockets:
            one.close()

    def _keep(self, one: socket.socket) -> socket.socket:
        self._sockets.append(one)
        return one

    def _start(self, run, *arguments) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._keep(self._server.accept()[0])
                server = self._keep(socket.socket(socket.AF_UNIX))
                server.connect(str(self._target))
                cut = threading.Event()
                self._start(self._questions, client, server, cut)
                self._start(self._answers, client, server, cut)

    def _questions(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if b"COMMIT" in data and self._armed.is_set():
                    self._armed.clear()
                    cut.set()
                self.turns += 1
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _answers(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if cut.is_set():  # the server has answered, so the commit happened; nobody will hear of it
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
