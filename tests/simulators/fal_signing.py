"""The keys with which the simulated fal signs its webhooks, and the list of them that it publishes."""

import base64
import time
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

USER = "github|4711"  # the owner of the key; webhooks name it


class Signer:
    """Signs with the second of two published keys, because a receiver has to try them all."""

    def __init__(self) -> None:
        self.rotate()

    def rotate(self) -> None:
        """New keys; the old ones are not published any longer."""
        self._keys = [Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]

    def published(self) -> dict[str, Any]:
        """The JSON Web Key Set."""
        return {"keys": [_published(key) for key in self._keys]}

    def headers(self, request_id: str, body: bytes, age: float = 0, is_forged: bool = False) -> dict[str, str]:
        """The four headers of a webhook, signed `age` seconds ago; forged: with a key of somebody else."""
        timestamp = str(int(time.time() - age))
        message = "\n".join((request_id, USER, timestamp, sha256(body).hexdigest())).encode()
        key = Ed25519PrivateKey.generate() if is_forged else self._keys[-1]
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": key.sign(message).hex(),
        }


def _published(key: Ed25519PrivateKey) -> dict[str, str]:
    public = key.public_key().public_bytes_raw()
    name = sha256(public).hexdigest()[:16]
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": name, "x": _base64url(public)}


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
