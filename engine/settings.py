"""One frozen, typed settings object, read from `EASEL_...` variables, a `.env` file and secret files."""

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from engine.credits import Credits, parse

PREFIX = "EASEL_"
DEVELOPMENT_SECRET = "not-a-secret-for-one-machine-only"  # noqa: S105  # refused in production
MEGABYTE = 1_000_000
BUCKET = re.compile(r"s3://(?!xn--)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w-][\w.-]{0,60}){0,4}", re.ASCII)
ORIGIN = re.compile(r"https?://[\w.:\[\]-]+", re.ASCII)  # browsers are told it as it stands
HERE = ("127.0.0.1", "localhost", "::1")


def _credits(value: object) -> Credits:
    amount = parse(value if isinstance(value, int | float | Decimal) else str(value))
    if amount < 0:
        raise ValueError("below zero")
    return amount


def _database_url(value: str) -> str:
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError("not a database address") from None
    if url.get_backend_name() not in ("postgresql", "sqlite"):
        raise ValueError("only postgresql:// and sqlite:// are supported")
    if url.get_backend_name() == "sqlite" and (url.database in (None, "", ":memory:") or "+" in url.drivername):
        raise ValueError("a SQLite database is a file: sqlite:////path/to/easel.db")
    return value


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("not a Redis address: redis://, rediss:// or unix://")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("the address people open, as in https://easel.example")
    return f"{parts.scheme}://{parts.netloc}"


def _service_url(value: str) -> str:
    parts = urlsplit(value)
    is_here = parts.hostname in HERE
    if not parts.hostname or parts.username or parts.scheme not in (("http", "https") if is_here else ("https",)):
        raise ValueError("an https:// address, or one of this machine")
    return value.rstrip("/")


def _media_url(value: str) -> str:
    address = value.rstrip("/")
    if not BUCKET.fullmatch(address):
        raise ValueError("a bucket and where in it, as in s3://bucket/prefix")
    return address


def _media_endpoint(value: str) -> str:
    address = value.rstrip("/")
    try:
        AnyHttpUrl(address)  # reads it as the client of buckets does, which breaks down on what it cannot read
    except ValueError:
        address = ""
    if not ORIGIN.fullmatch(address):
        raise ValueError("where the bucket's service answers, as in https://s3.example")
    return address


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _platform_user(value: str) -> str:
    platform, colon, user = value.partition(":")
    if not (platform and colon and user):
        raise ValueError(f"{value!r} is not platform:user, as in telegram:12345")
    return value


InCredits = Annotated[Credits, BeforeValidator(_credits)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[int, Field(ge=0, le=31_536_000)]
Megabytes = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Settings(BaseSettings):
    """Every setting that some part reads. Amounts are in hundredths of a credit once read, whole credits when written.

    Raises pydantic's ValidationError with one line for each wrong value.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,  # defaults are in hundredths already
    )

    env: Literal["local", "production"] = "local"
    data: Path = Path("data")
    name: Annotated[str, Field(min_length=1, max_length=40)] = "Easel"
    secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    database_url: Annotated[str, AfterValidator(_database_url)] | None = Field(None, repr=False)
    database_connections: Annotated[int, Field(ge=1, le=200)] = 8
    operators: Annotated[
        tuple[Annotated[str, AfterValidator(_platform_user)], ...], NoDecode, BeforeValidator(_words)
    ] = ()

    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = Field(None, repr=False)
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None
    trusted_proxies: str = "127.0.0.1"

    media_url: Annotated[str, AfterValidator(_media_url)] | None = None
    media_endpoint: Annotated[str, AfterValidator(_media_endpoint)] | None = None
    media_region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    media_access_key: SecretStr | None = None
    media_secret_key: SecretStr | None = None

    providers: Annotated[tuple[Literal["fal", "sketch"], ...], NoDecode, BeforeValidator(_words)] = ()
    fal_key: SecretStr | None = None
    fal_queue_url: Annotated[str, AfterValidator(_service_url)] = "https://queue.fal.run"
    fal_jwks_url: Annotated[str, AfterValidator(_service_url)] = "https://rest.fal.ai/.well-known/jwks.json"
    fal_pricing_url: Annotated[str, AfterValidator(_service_url)] = "https://api.fal.ai/v1/models/pricing"
    fal_schema_url: Annotated[str, AfterValidator(_service_url)] = "https://fal.ai/api/openapi/queue/openapi.json"
    fal_media_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ("fal.media", ".fal.media")
    fal_webhook_url: Annotated[str, AfterValidator(_public_url)] | None = None
    sketch_seconds: Annotated[float, Field(ge=0, le=600)] = 4.0
    sketch_mishap: str = ""
    queue_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
    submits: Annotated[int, Field(ge=1, le=10)] = 2

    prompt_limit: Annotated[int, Field(ge=1, le=20_000)] = 2000
    forbidden_words: Path | None = None
    terms_version: Annotated[str, Field(min_length=1, max_length=40)] = "2026-11-20"
    personal_keys: Count = 5

    daily_credits: InCredits = Credits(5_00)
    welcome_credits: InCredits = Credits(50_00)
    low_balance: InCredits = Credits(10_00)
    guest_generations: Count = 3
    guest_window_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 24 * 3600
    guest_model_price: InCredits = Credits(1_00)
    request_seconds: Seconds = 10
    running_per_account: Count = 3
    running_total: Count = 1000
    member_storage_mb: Megabytes = 200
    guest_storage_mb: Megabytes = 20
    image_mb: Megabytes = 5
    video_mb: Megabytes = 10

    @property
    def database(self) -> str:
        """The database's address: the setting, or a SQLite file in the data folder."""
        file = URL.create("sqlite", database=str(self.data.absolute() / "easel.db"))
        return self.database_url or file.render_as_string()

    @property
    def address(self) -> str:
        """Where people open the product, without a slash at the end."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def drawing(self) -> tuple[str, ...]:
        """Who draws, in the order in which a generation is offered to them; without a key, sketch stands in."""
        return self.providers or (("fal",) if self.fal_key else ("sketch",))

    @property
    def callback_url(self) -> str | None:
        """Where a provider's webhooks reach us, if they do."""
        return self.fal_webhook_url or self.public_url

    @model_validator(mode="after")
    def _can_draw(self) -> Self:
        if "fal" in self.drawing and not (self.fal_key and self.fal_key.get_secret_value().strip()):
            raise ValueError(f"{PREFIX}FAL_KEY is missing, and fal is one of the providers")
        if self.fal_key and not re.fullmatch(r"[!-~]*", self.fal_key.get_secret_value().strip()):
            raise ValueError(f"{PREFIX}FAL_KEY is no key: it has a blank or a letter that no header takes")
        return self

    @model_validator(mode="after")
    def _can_keep(self) -> Self:
        if bool(self.media_access_key) != bool(self.media_secret_key):
            raise ValueError(f"{PREFIX}MEDIA_ACCESS_KEY and {PREFIX}MEDIA_SECRET_KEY belong together")
        return self

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.env != "production":
            return self
        secret = self.secret.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < 32:
            raise ValueError(f"{PREFIX}SECRET must be your own and at least 32 characters long in production")
        if self.database_url is None:
            raise ValueError(f"{PREFIX}DATABASE_URL must be named in production, also for SQLite")
        if self.redis_url is None:
            raise ValueError(f"{PREFIX}REDIS_URL must be named in production")
        if not self.redis_url.startswith("unix://") and not urlsplit(self.redis_url).password:
            raise ValueError(f"{PREFIX}REDIS_URL must have a password, or be a unix socket, in production")
        if self.public_url is not None and not self.public_url.startswith("https://"):
            raise ValueError(f"{PREFIX}PUBLIC_URL must begin with https:// in production")
        webhook = urlsplit(self.fal_webhook_url or "https://")
        if webhook.scheme != "https" and webhook.hostname not in HERE:
            raise ValueError(f"{PREFIX}FAL_WEBHOOK_URL must begin with https:// in production")
        endpoint = urlsplit(self.media_endpoint or "")
        if endpoint.scheme == "http" and endpoint.hostname not in HERE:
            raise ValueError(f"{PREFIX}MEDIA_ENDPOINT must begin with https:// in production")
        if "sketch" in self.drawing:
            name = "PROVIDERS must not name sketch" if self.providers else "FAL_KEY must be set"
            raise ValueError(f"{PREFIX}{name} in production: the sketch provider paints demo pictures only")
        return self


def read_settings(**given: object) -> Settings:
    """Settings from the environment; `EASEL_X_FILE=path` gives the value of EASEL_X, as container secrets do."""
    return Settings(**{**_from_files(), **given})  # type: ignore[arg-type]  # pydantic checks each value


def _from_files() -> dict[str, str]:
    values = {}
    for field in Settings.model_fields:
        variable = f"{PREFIX}{field.upper()}"
        path = os.environ.get(f"{variable}_FILE")
        if path and os.environ.get(variable):
            raise ValueError(f"set {variable} or {variable}_FILE, not both")
        if path:
            values[field] = _read(f"{variable}_FILE", path)
    return values


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{variable}: {path} cannot be read ({type(error).__name__})") from None
