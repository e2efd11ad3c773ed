"""Pictures kept in a folder, whole or not at all, and links to them that nobody can make up."""

import hmac
import math
import os
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlencode

from engine.ports import NoSuchMedia

# No part begins with a dot: none is `..`, and none is a file that is still being written.
KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*")
LONGEST_KEY = 200
UNFINISHED = ".unfinished-"
HOUR = 3600


def checked_key(key: str) -> str:
    """The key. Raises NoSuchMedia for what can be none."""
    if len(key) > LONGEST_KEY or not KEY.fullmatch(key):
        raise NoSuchMedia(key)
    return key


class Links:
    """Addresses of our own `/media`, signed. `base_url` is where the web front answers."""

    def __init__(self, secret: bytes, base_url: str) -> None:
        self._secret = secret
        self._base_url = base_url.rstrip("/")

    def link(self, key: str, filename: str | None = None) -> str:
        """Good for one to two hours; the same within an hour, so that it is cached. Raises NoSuchMedia."""
        until = math.ceil(time.time() / HOUR) * HOUR + HOUR
        told = {"until": until, "name": filename or "", "signature": self._signature(key, until, filename or "")}
        return f"{self._base_url}/media/{quote(checked_key(key))}?{urlencode(told, errors='replace')}"

    def verify(self, key: str, until: int, name: str, signature: str, now: float) -> bool:
        """Is this a link of ours that may still be read? `now` in seconds since 1970, by the clock that decides."""
        ours = self._signature(key, until, name)
        return hmac.compare_digest(ours.encode(), signature.encode(errors="replace")) and now < until

    def _signature(self, key: str, until: int, name: str) -> str:
        # No key has a line break and `until` is a number, so no two links share these lines.
        lines = f"{key}\n{until}\n{name}".encode(errors="replace")
        return hmac.new(self._secret, lines, sha256).hexdigest()


class FolderMedia:
    """The media store of one machine, or of several that share a folder. `base_url` is where the web front answers."""

    def __init__(self, root: Path, secret: bytes, base_url: str) -> None:
        self.root = root
        self._links = Links(secret, base_url)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep it: all of it and for good, or nothing. Raises OSError; NoSuchMedia for what can be no key."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.root / f"{UNFINISHED}{secrets.token_hex(8)}"
        try:
            _write(unfinished, content)
            unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        for folder in self._folders(path):
            _sync(folder)

    def get(self, key: str) -> bytes:
        """Raises NoSuchMedia."""
        try:
            return self.path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NoSuchMedia(key) from error

    def delete(self, keys: Sequence[str]) -> None:
        """Forget them, for good when this returns; what is not there is no error. Raises OSError."""
        folders = set()
        for key in keys:
            with suppress(FileNotFoundError, NotADirectoryError):
                self.path(key).unlink()
                folders.add(self.path(key).parent)
        for folder in folders:
            _sync(folder)

    def link(self, key: str, filename: str | None = None) -> str:
        """An address that anyone who has it may read for one to two hours: the same within an hour, so it is cached."""
        return self._links.link(key, filename)

    def verify(self, key: str, until: int, name: str, signature: str, now: float) -> bool:
        """Is this a link of ours that may still be read? `now` in seconds since 1970, by the clock that decides."""
        return self._links.verify(key, until, name, signature, now)

    def path(self, key: str) -> Path:
        """Where it is, or would be. Raises NoSuchMedia for what can be no key."""
        return self.root / checked_key(key)

    def clean(self, older_than_seconds: float) -> int:
        """Remove what a crash or a power cut left half written; how many there were. Looks at the root only: cheap."""
        removed = 0
        for path in self.root.glob(f"{UNFINISHED}*"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than_seconds:
                    path.unlink()
                    removed += 1
        return removed

    def _folders(self, path: Path) -> list[Path]:
        """The folder of a file and those above it, which may be as new as the file."""
        return [folder for folder in path.parents if folder == self.root or self.root in folder.parents]


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """A name is only safe from a power cut when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
