"""Somebody who waits for webhooks in a test of the simulator, and how a receiver tells true ones from forged ones."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass
class Receiver:
    """Keeps what came as (headers, body); answers with `statuses` first, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def contents(self) -> list[dict[str, Any]]:
        """The webhooks, read."""
        return [json.loads(body) for _, body in self.came]


@contextmanager
def receiver(*statuses: int) -> Iterator[Receiver]:
    """One that listens until the test ends."""
    here = Receiver(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.came.append((dict(self.headers), body))
            self.send_response(here.statuses.pop(0) if here.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def is_genuine(headers: dict[str, str], body: bytes, keys: dict[str, Any]) -> bool:
    """Whether one of the published keys signed it."""
    named = [headers[f"X-Fal-Webhook-{name}"] for name in ("Request-Id", "User-Id", "Timestamp")]
    message = "\n".join([*named, sha256(body).hexdigest()]).encode()
    return any(_signed(key["x"], bytes.fromhex(headers["X-Fal-Webhook-Signature"]), message) for key in keys["keys"])


def _signed(key: str, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key + "==")).verify(signature, message)
    except InvalidSignature:
        return False
    return True
