"""fal's webhooks: believed when one of fal's published keys has signed them, lately, for exactly this body."""

import base64
import binascii
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.ports import Done, Ended, Job, KeysAway, Message, NotTrusted, ProviderTrouble, Trouble
from worker.download import download
from worker.providers import fal_errors, fal_shapes

OLDEST_SECONDS = 300
"""How far the time of a signature may be from ours, either way (fal's own advice)."""
KEYS_LAST = 24 * 3600.0
PAUSE = 10.0
"""Seconds between two looks at the keys: a forger must not make us hammer fal."""
KEYS_SECONDS = 5.0
MOST_KEY_BYTES = 100_000
MOST_KEYS = 20

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
USER_ID = re.compile(r"[!-~]{1,200}")
TIMESTAMP = re.compile(r"[0-9]{1,12}")
SIGNATURE = re.compile(r"[0-9a-fA-F]{128}")
STATUS = re.compile(r"\b([45][0-9]{2})\b")

MAY_COST = (Trouble.REFUSED, Trouble.UNFIT)
"""fal never bills what broke on its side."""

Keys = tuple[Ed25519PublicKey, ...]


@dataclass(frozen=True)
class _Signed:
    request_id: str
    content: bytes
    signature: bytes


class FalWebhooks:
    """Reads fal's webhooks. Any thread may ask; they share the keys."""

    def __init__(self, jwks_url: str) -> None:
        self._jwks_url = jwks_url
        self._lock = threading.Lock()
        self._keys: Keys = ()
        self._fetched = self._tried = float("-inf")

    def check(self, headers: Mapping[str, str], body: bytes) -> Message:
        """What fal says, once it is proven that fal says it. Nothing of the body is read before.

        Raises NotTrusted, KeysAway, or ValueError for a body that is signed and still no message.
        """
        signed = _signed(headers, body)
        if not _is_by(self._known(), signed) and not _is_by(self._newer(), signed):
            raise NotTrusted("no key of fal's has signed this")
        return _message(signed.request_id, body)

    def result(self, message: Message, job: Job) -> Ended | None:
        """How it has ended; None where only a look can tell: a payload that could not be sent, an error without status
        or type, and what the GPU time of a refused picture costs. Raises ValueError for no shape that we know."""
        content = message.content
        status, payload = content.get("status"), content.get("payload")
        if status == "ERROR":
            error_type, code = content.get("error_type"), _status(content)
            failed = fal_errors.failed(code, payload, error_type if isinstance(error_type, str) else None)
            is_told = code is not None or isinstance(error_type, str)
            return failed if is_told and failed.trouble not in MAY_COST else None
        if status == "OK" and payload is None:
            return None
        if status != "OK" or not isinstance(payload, dict):
            raise ValueError("fal: a webhook without a result")
        return Done(fal_shapes.outputs(job, payload), fal_shapes.cost(job, payload, None))

    def _known(self) -> Keys:
        return self._keys if monotonic() - self._fetched < KEYS_LAST else ()

    def _newer(self) -> Keys:
        """The keys as fal publishes them now, or as another thread has fetched them just before. Raises KeysAway."""
        if not self._lock.acquire(blocking=False):  # no thread of the web waits for fal's keys but one
            raise KeysAway("the keys are just being fetched")
        try:
            if monotonic() - self._tried >= PAUSE:
                self._tried = monotonic()
                self._keys = _fetched(self._jwks_url)
                self._fetched = self._tried
            elif self._tried != self._fetched:
                raise KeysAway("the keys could not be had just before")
            return self._keys
        finally:
            self._lock.release()


def _signed(headers: Mapping[str, str], body: bytes) -> _Signed:
    """What the signature is over. Raises NotTrusted."""
    request_id = _header(headers, "request-id", REQUEST_ID)
    user_id = _header(headers, "user-id", USER_ID)
    timestamp = _header(headers, "timestamp", TIMESTAMP)
    signature = _header(headers, "signature", SIGNATURE)
    if abs(time() - int(timestamp)) > OLDEST_SECONDS:
        raise NotTrusted("not signed lately")
    content = "\n".join((request_id, user_id, timestamp, sha256(body).hexdigest()))
    return _Signed(request_id, content.encode(), bytes.fromhex(signature))


def _header(headers: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    value = headers.get(f"x-fal-webhook-{name}", "")
    if not shape.fullmatch(value):
        raise NotTrusted(f"no {name}")
    return value


def _is_by(keys: Keys, signed: _Signed) -> bool:
    for key in keys:
        try:
            key.verify(signed.signature, signed.content)
        except InvalidSignature:
            continue
        return True
    return False


def _message(request_id: str, body: bytes) -> Message:
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("fal: a webhook that is too deep") from None
    if not isinstance(content, dict):
        raise ValueError("fal: a webhook that is no object")
    if content.get("request_id") != request_id:
        raise NotTrusted("the body speaks of another request than its signature")
    return Message(request_id, content)


def _fetched(jwks_url: str) -> Keys:
    """Raises KeysAway."""
    host = urlsplit(jwks_url).hostname or ""
    try:
        listed = json.loads(download(jwks_url, hosts=[host], most_bytes=MOST_KEY_BYTES, seconds=KEYS_SECONDS))["keys"]
        keys = tuple(key for one in listed[:MOST_KEYS] if (key := _key(one)))
    except (ProviderTrouble, LookupError, TypeError, ValueError, RecursionError) as error:
        raise KeysAway(f"{type(error).__name__}: {error}") from error
    if not keys:
        raise KeysAway("no key of a kind that we know")
    return keys


def _key(listed: Any) -> Ed25519PublicKey | None:
    if not isinstance(listed, dict) or listed.get("crv", "Ed25519") != "Ed25519":
        return None
    try:
        text = str(listed.get("x", ""))
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None


def _status(content: Mapping[str, Any]) -> int | None:
    """fal tells the status in words only: `Invalid status code: 422`."""
    error = content.get("error")
    found = STATUS.search(error) if isinstance(error, str) else None
    return int(found[1]) if found else None
