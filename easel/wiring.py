"""Settings into the parts that need them; explicit, nothing is looked up by name."""

import getpass
import hmac
import os
import secrets
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from engine.database import Database
from engine.ports import WebhookReceiver
from engine.schema import is_current
from engine.settings import DEVELOPMENT_SECRET, Settings, read_settings
from worker.callbacks import Callbacks
from worker.media import FolderMedia, Links
from worker.queue import RedisQueue

if TYPE_CHECKING:
    from worker.bucket_media import BucketMedia

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


def media(settings: Settings) -> "FolderMedia | BucketMedia":
    """Where pictures are kept: a bucket when the settings name one, or a folder of the data."""
    key = hmac.digest(secret(settings), b"links to pictures", sha256)  # a key for this use alone
    base_url = settings.public_url or ""
    return _bucket(settings, Links(key, base_url)) or FolderMedia(settings.data / "media", key, base_url)


def _bucket(settings: Settings, links: Links) -> "BucketMedia | None":
    if settings.media_url is None:
        return None
    from worker.bucket_media import BucketMedia

    access, hidden = settings.media_access_key, settings.media_secret_key
    keys = (access.get_secret_value(), hidden.get_secret_value()) if access and hidden else None
    endpoint, region = settings.media_endpoint, settings.media_region
    return BucketMedia(settings.media_url, links, endpoint=endpoint, region=region, keys=keys)


def callbacks(settings: Settings) -> Callbacks | None:
    """The addresses that providers call; None when they cannot reach us."""
    if settings.callback_url is None:
        return None
    return Callbacks(settings.callback_url, hmac.digest(secret(settings), b"webhooks of providers", sha256))


def receivers(settings: Settings) -> dict[str, WebhookReceiver]:
    """Who reads the webhooks of each provider that sends some."""
    if "fal" not in settings.drawing:
        return {}
    from worker.providers.fal_webhook import FalWebhooks  # only who draws with fal needs its cryptography

    return {"fal": FalWebhooks(settings.fal_jwks_url)}


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
