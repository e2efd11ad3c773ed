"""Settings into the parts that need them; explicit, nothing is looked up by name."""

import getpass
import hmac
import os
import secrets
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from engine.database import Database
from engine.schema import is_current
from engine.settings import DEVELOPMENT_SECRET, Settings, read_settings
from worker.media import FolderMedia
from worker.queue import RedisQueue

BEAT_KEY = "easel:watcher"
"""Where the watcher leaves a sign of life, in Redis."""


def keep_private() -> None:
    """What this process writes is for its own user: prompts, pictures and locks are nobody else's."""
    os.umask(0o077)


def open_database() -> Database:
    """The database that the settings name, for one command; ends with advice when its schema is not current."""
    keep_private()
    here = database(settings())
    if not is_current(here):
        sys.exit("Not done: the database has not this program's schema. Run: easel migrate")
    return here


def settings() -> Settings:
    """The settings; with the address of the embedded Redis when `easel up` runs on the same data."""
    given = read_settings()
    if given.redis_url or not (given.data / "redis").is_dir():
        return given
    from easel.local import running_redis

    return given.model_copy(update={"redis_url": running_redis(given.data / "redis")})


def actor() -> str:
    """Who acts when a person types: whoever reaches this prompt has the database anyway."""
    try:
        return f"terminal:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user need not have a name
        return f"terminal:{os.getuid()}"


def database(settings: Settings) -> Database:
    """The database of this installation; hints go out when there is a Redis to take them."""
    return Database(settings, queue=RedisQueue(settings.redis_url) if settings.redis_url else None)


def media(settings: Settings) -> FolderMedia:
    """Where pictures are kept."""
    key = hmac.digest(secret(settings), b"links to pictures", sha256)  # a key for this use alone
    return FolderMedia(settings.data / "media", key, settings.public_url or "")


def secret(settings: Settings) -> bytes:
    """What links are signed with: the setting, or for one machine a random one that is kept in its data."""
    given = settings.secret.get_secret_value()
    is_own = given not in ("", DEVELOPMENT_SECRET)
    return given.encode() if is_own else _kept_secret(settings.data / "secret")


def _kept_secret(path: Path) -> bytes:
    """Made by whichever process is first."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        own = path.with_name(f"secret-{secrets.token_hex(4)}")
        own.touch(mode=0o600)
        own.write_text(secrets.token_hex(32))
        with suppress(FileExistsError):
            path.hardlink_to(own)  # whole, or not at all
        own.unlink()
    return path.read_text().strip().encode()
