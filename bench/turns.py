"""Counts wire turns: how often a client waits for the server."""

import select
import socket
import threading
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa


class Turns:
    """Stands between a client and the server's socket and counts turns: a client's messages after an answer."""

    def __init__(self, url: str, folder: Path) -> None:
        parsed = sa.make_url(url)
        self._server = f"{parsed.query['host']}/.s.PGSQL.5432"
        self.url = parsed.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False)
        self.count = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def of(self, count: int) -> float:
        """Turns for each of so many operations since it was last asked."""
        turns, self.count = self.count, 0
        return turns / count

    def close(self) -> None:
        """Take no more clients."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            other = {client: server, server: client}
            was_answered = True
            while True:
                for here in select.select([client, server], [], [])[0]:
                    if not (data := here.recv(65536)):
                        return
                    if here is client:
                        self.count += was_answered
                    was_answered = here is server
                    other[here].sendall(data)
