"""The addresses that providers call when they are done: each for one try of one generation, and signed by us."""

import hmac
import re
from hashlib import sha256

TOKEN = re.compile(r"([1-9][0-9]{0,18})-([1-9][0-9]{0,3})-([0-9a-f]{64})")


class Callbacks:
    """`base_url` is where they reach us; `key` signs, and is used for nothing else."""

    def __init__(self, base_url: str, key: bytes) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key

    def url(self, provider: str, generation_id: int, attempt: int) -> str:
        """Where this provider is to tell us about this try."""
        signature = self._signature(provider, generation_id, attempt)
        return f"{self._base_url}/webhooks/{provider}/{generation_id}-{attempt}-{signature}"

    def read(self, provider: str, token: str) -> tuple[int, int] | None:
        """The generation and the try that the last part of such an address is about; None when it is not ours."""
        found = TOKEN.fullmatch(token)
        if found is None:
            return None
        generation_id, attempt = int(found[1]), int(found[2])
        ours = self._signature(provider, generation_id, attempt)
        return (generation_id, attempt) if hmac.compare_digest(ours, found[3]) else None

    def _signature(self, provider: str, generation_id: int, attempt: int) -> str:
        # No provider's name has a line break, so no two addresses share these lines.
        return hmac.new(self._key, f"{provider}\n{generation_id}\n{attempt}".encode(), sha256).hexdigest()
