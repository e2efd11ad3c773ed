"""Pictures kept in a bucket of an S3-compatible service, and presigned links that browsers follow straight to it."""

import re
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from engine.ports import NoSuchMedia
from worker.media import HOUR, Links, checked_key

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Credential

T = TypeVar("T")

CONNECT_SECONDS, REQUEST_SECONDS = 3, 10
RETRIES, RETRY_SECONDS = 2, 4
"""No try begins later than RETRY_SECONDS after the first: with REQUEST_SECONDS on top, a call ends within 15."""
_RETRY: "RetryConfig" = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}

MOST_BYTES = 20_000_000
MOST_LINKS = 10_000
LINK_LIVES = timedelta(seconds=2 * HOUR)

_CAUSES = [
    re.compile(pattern)
    for pattern in (
        r"<Code>(\w+)</Code>",
        r"\(code: (\w+)\)",
        r"status code: (\d{3})",
        r"(InvalidCertificate)",
        r'(?:message|error): "([^"\n]{1,120})"',
        r"kind: (\w+)",
    )
]


class BucketMedia:
    """The media store of any number of machines. `url` is s3://bucket or s3://bucket/prefix; `endpoint` is where the
    service answers, us and browsers (None: Amazon); `keys` are its access and secret key (None: what obstore finds in
    Amazon's variables, or the machine's role). One request takes at most `seconds`."""

    def __init__(
        self,
        url: str,
        links: Links,
        *,
        endpoint: str | None = None,
        region: str = "us-east-1",
        keys: tuple[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self.url = url
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        # Amazon's certificate has one name before its own, so a bucket with a dot is named in the path.
        is_in_name = endpoint is None and "." not in bucket
        amazon = f"https://{bucket}.s3.{region}.amazonaws.com" if is_in_name else f"https://s3.{region}.amazonaws.com"
        self.origin = endpoint or amazon
        self._links = links
        self._signed: tuple[int, dict[str, str]] = (0, {})
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            aws_endpoint_url_s3=self.origin,  # the one name for it that no variable of Amazon's goes before
            virtual_hosted_style_request=is_in_name,
            region=region,
            credential_provider=_provider(keys) if keys else None,
            client_options=_client(self.origin, seconds),
            retry_config=_RETRY,
        )

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep it: all of it and for good, or nothing. Raises OSError; NoSuchMedia for what can be no key."""
        path = checked_key(key)
        told = {"Content-Type": content_type, "Cache-Control": f"private, max-age={HOUR}, immutable"}
        # One request, because one is whole or nothing: parts of an upload that broke off would stay, unseen and paid.
        self._asked("put", lambda: self._store.put(path, content, attributes=told, use_multipart=False))

    def get(self, key: str) -> bytes:
        """At most 20 MB. Raises NoSuchMedia, OSError."""
        path = checked_key(key)
        try:
            found = self._asked("get", lambda: self._store.get(path))
            if found.meta["size"] > MOST_BYTES:
                raise OSError(self._told("get", "too large"))
            return self._asked("get", lambda: found.bytes().to_bytes())
        except FileNotFoundError:
            raise NoSuchMedia(key) from None

    def delete(self, keys: Sequence[str]) -> None:
        """Forget them, up to a thousand in one request; what is not there is no error. Raises OSError."""
        paths = [checked_key(key) for key in keys]
        if paths:
            self._asked("delete", lambda: self._store.delete(paths))

    def link(self, key: str, filename: str | None = None) -> str:
        """An address that anyone who has it may read for one to two hours: the same within an hour, so it is cached.

        With a `filename`, or while nothing can be signed, it leads through our own `/media`.
        """
        path = checked_key(key)
        if filename is not None:  # obstore signs no wish for a Content-Disposition
            return self._links.link(path, filename)
        hour, known = self._signed
        if hour != int(time.time() // HOUR) or len(known) >= MOST_LINKS:
            hour, known = self._signed = (int(time.time() // HOUR), {})
        if path not in known:
            # The moment is part of what is signed: asked again, it would be another address for the same picture.
            try:
                known[path] = self._asked("sign", lambda: obstore.sign(self._store, "GET", path, LINK_LIVES))
            except OSError:  # a role's keys are asked for
                return self._links.link(path)
        return known[path]

    def verify(self, key: str, until: int, name: str, signature: str, now: float) -> bool:
        """Is this a link to our own `/media` that may still be read? `now` in seconds since 1970."""
        return self._links.verify(key, until, name, signature, now)

    def clean(self, older_than_seconds: float) -> int:
        """Nothing to do: a put is one request, which leaves nothing half written."""
        return 0

    def _asked(self, what: str, ask: Callable[[], T]) -> T:
        """What the service answered. Raises FileNotFoundError when it has no such key, OSError for all else: in our
        words, because obstore's repeat the whole answer, which may name the access key."""
        try:
            return ask()
        except BaseException as error:
            # Its own errors and built-in ones, and a panic of its Rust, which is no Exception: what a service answers
            # to a delete can cause one. Not the signals of whoever stops us.
            if not isinstance(error, BaseError | OSError | ValueError) and type(error).__module__ != "pyo3_runtime":
                raise
            cause = _cause(error)
            kind = FileNotFoundError if cause == "NoSuchKey" else OSError  # any 404 would be one for obstore
            raise kind(self._told(what, cause)) from None

    def _told(self, what: str, cause: str) -> str:
        return f"{self.url} at {self.origin}: {what}: {cause}"


def _cause(error: BaseException) -> str:
    said = str(error)
    found = next((match for pattern in _CAUSES if (match := pattern.search(said))), None)
    return (found and found[1]) or type(error).__name__


def _provider(keys: tuple[str, str]) -> "Callable[[], S3Credential]":
    """Keys handed over this way are never joined by a session's token out of Amazon's variables."""
    return lambda: {"access_key_id": keys[0], "secret_access_key": keys[1], "expires_at": None}


def _client(origin: str, seconds: float) -> "ClientConfig":
    return {
        "allow_http": origin.startswith("http:"),
        "connect_timeout": timedelta(seconds=min(seconds, CONNECT_SECONDS)),
        "timeout": timedelta(seconds=seconds),  # of all of a request: a read timeout begins anew with each byte
    }
