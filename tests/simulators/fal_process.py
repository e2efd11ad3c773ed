"""The simulated fal as a test starts it: a process of its own, that ends with the test."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[2]
PATIENCE = 20


@dataclass(frozen=True)
class FalSimulator:
    """A running simulator: its address, its process, its log (see fal_log), and with TLS the authority to trust."""

    url: str
    log: Path
    process: subprocess.Popen[str]
    authority: Path | None = None

    def control(self, **wishes: Any) -> dict[str, Any]:
        """Change what happens from now on, as fal.py's docstring says; the counts, also without a wish."""
        with httpx2.Client(verify=self._trusted(), trust_env=False) as client:
            answer = client.post(f"{self.url}/control", json=wishes)
        assert answer.status_code == 200, answer.text
        counts: dict[str, Any] = answer.json()
        return counts

    def _trusted(self) -> ssl.SSLContext | bool:
        return ssl.create_default_context(cafile=self.authority) if self.authority else False

    def environment(self) -> dict[str, str]:
        """What the product needs to draw with it."""
        return {
            "EASEL_PROVIDERS": "fal",
            "EASEL_FAL_KEY": "a-key",
            "EASEL_FAL_QUEUE_URL": self.url,
            "EASEL_FAL_JWKS_URL": f"{self.url}/.well-known/jwks.json",
            "EASEL_FAL_PRICING_URL": f"{self.url}/v1/models/pricing",
            "EASEL_FAL_SCHEMA_URL": f"{self.url}/openapi.json",
            "EASEL_FAL_MEDIA_HOSTS": "127.0.0.1",
        }


@contextmanager
def fal_simulator(folder: Path, **options: Any) -> Iterator[FalSimulator]:
    """Options are those of the command line: seconds=0.2, odds=0.3, plain=True, mishaps="late,black", tls=FOLDER."""
    log = Path(options.pop("log", folder / "fal.log")).absolute()
    words = [
        f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value is not False
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.simulators.fal", f"--log={log}", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    try:
        said = process.stdout.readline()
        assert said, "the simulator did not start; its standard error says why"
        authority = Path(options["tls"]) / "ca.pem" if options.get("tls") else None
        yield FalSimulator(json.loads(said)["url"], log, process, authority)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        for stream in (process.stdin, process.stdout):
            stream.close()
