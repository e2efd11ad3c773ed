"""`easel doctor`: what is missing or unsafe, and what to do about it."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from easel import health, wiring
from easel.wiring import database
from engine import alerts
from engine.database import Database
from engine.errors import Busy
from engine.generations import submissions
from engine.ports import NoSuchMedia
from engine.schema import is_current
from engine.settings import DEVELOPMENT_SECRET, PREFIX, Settings

console = Console(highlight=False)

LITTLE_ROOM = 1_000_000_000
ADVICE = {
    "provider": "Look at your balance there, and at the key in the settings. The next request after a rest tries it.",
    "circuit": "The next request after its rest tries it. `easel models check` looks at our side.",
}
MARKS = {"good": "[green]ok  [/]", "odd": "[yellow]mind[/]", "bad": "[red]bad [/]"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `good`, `odd` (works, but mind it) or `bad`, and what to do."""

    look: str
    what: str
    advice: str = ""


def doctor() -> None:
    """Say what is missing or unsafe, and what to do; status 1 when something is bad."""
    settings = wiring.settings()
    findings = [*_settings(settings), *_data(settings), *_parts(settings)]
    for finding in findings:
        console.print(f"{MARKS[finding.look]} {escape(finding.what)}", soft_wrap=True)
        if finding.advice:
            console.print(f"       {finding.advice}", soft_wrap=True, markup=False)
    if any(finding.look == "bad" for finding in findings):
        raise typer.Exit(1)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("good", f"Python {sys.version.split()[0]}, settings for {settings.env}")
    is_reachable = settings.host not in ("127.0.0.1", "::1", "localhost")
    if settings.env == "local" and (is_reachable or settings.public_url):
        yield Finding(
            "bad",
            f"reachable from outside ({settings.public_url or settings.host}) with the settings of one machine",
            f"Set {PREFIX}ENV=production: it refuses unsafe values and switches the demo pages off.",
        )
    if settings.env == "production" and is_reachable and not settings.public_url:
        yield Finding(
            "bad",
            f"open on {settings.host} without a public address: any name is believed, cookies travel without TLS",
            f"Set {PREFIX}PUBLIC_URL=https://... and put a proxy with TLS in front.",
        )
    if settings.secret.get_secret_value() == DEVELOPMENT_SECRET:
        kept = settings.data / "secret"
        yield Finding("good", f"links are signed with the secret in {kept}; keep that file private")
    yield from _providers(settings)
    if settings.sketch_mishap:
        yield Finding("odd", f"the sketch provider misbehaves on purpose: {settings.sketch_mishap}")
    if not settings.operators:
        yield Finding("odd", "no operators", f"Name yourself: {PREFIX}OPERATORS=telegram:123,discord:456")
    if settings.redis_url and _is_open(settings.redis_url):
        yield Finding("bad", "Redis has no password", "Whoever reaches it can starve the queue: use a password.")


def _providers(settings: Settings) -> Iterator[Finding]:
    named = ", ".join(settings.drawing)
    if "fal" not in settings.drawing and settings.fal_key:
        yield Finding(
            "bad",
            f"provider: {named}, although there is a key of fal's",
            f"{PREFIX}PROVIDERS={','.join(settings.providers)} leaves fal out: remove that line.",
        )
        return
    if "fal" not in settings.drawing:
        yield Finding("good", f"provider: {named}, which paints demos; {PREFIX}FAL_KEY=... brings real pictures")
        return
    yield Finding("good", f"provider: {named}; `easel models check` compares its prices with ours")
    if settings.callback_url is None:
        yield Finding(
            "odd",
            "fal cannot call us, so it is asked again and again how far a picture is",
            f"Set {PREFIX}PUBLIC_URL=https://... : pictures come sooner, and an answer that got lost is found again.",
        )


def _alerts(here: Database) -> Iterator[Finding]:
    with here.read() as work:
        for one in alerts.lasting(work):
            often = "once" if one.times == 1 else f"{one.times} times"
            since = f"{often} since {one.first_at:%Y-%m-%d %H:%M} UTC"
            yield Finding("bad", f"{one.kind} {one.key}: {one.detail} ({since})", ADVICE.get(one.kind, ""))


def _unknown_costs(here: Database) -> Iterator[Finding]:
    with here.read() as work:
        count = submissions.unknown(work, work.now() - timedelta(days=1))
    if count:
        what = f"{count} requests of the last day whose cost nobody knows"
        yield Finding("odd", what, "Their answer or their end got lost; compare with the provider's own bill.")


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            yield Finding("odd", f"other users of this machine can look into {folder}", f"chmod 700 {folder}")
        probe = folder / ".doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        yield Finding(
            "bad", f"{folder} cannot be written ({error.strerror})", f"Set {PREFIX}DATA to a folder that can."
        )
        return
    free = shutil.disk_usage(folder).free
    look, advice = ("good", "") if free > LITTLE_ROOM else ("odd", "Pictures need room: free some, or move the data.")
    yield Finding(look, f"{folder}: {free / 1e9:.1f} GB free", advice)
    if settings.media_url:
        yield _bucket(settings, settings.media_url)


def _bucket(settings: Settings, url: str) -> Finding:
    """Written, read and deleted, as a worker and the web do it."""
    store, key, content = wiring.media(settings), f"doctor-{token_hex(8)}", b"may be deleted"
    try:
        store.put(key, content, "text/plain")
        is_same = store.get(key) == content
        store.delete([key])
    except (OSError, NoSuchMedia) as error:
        advice = (
            f"Correct {PREFIX}MEDIA_URL, _ENDPOINT, _REGION or the keys; they must allow to write, read and delete."
        )
        return Finding("bad", f"pictures cannot be kept: {error}", advice)
    if not is_same:
        return Finding("bad", f"{url} gives back something else than was put in", "Ask whoever runs it.")
    return Finding("good", f"pictures go to {url}")


def _parts(settings: Settings) -> Iterator[Finding]:
    here = database(settings)
    try:
        yield _schema(here)
    except (SQLAlchemyError, Busy, OSError):
        where = here.url.render_as_string(hide_password=True)
        yield Finding("bad", f"no answer from {where}", f"Start it, or correct {PREFIX}DATABASE_URL.")
        return
    if is_current(here):
        yield from _alerts(here)
        yield from _unknown_costs(here)
    if settings.env == "production" and here.is_sqlite:
        yield Finding("odd", "SQLite in production", "Fine on one machine with a backup; PostgreSQL for more.")
    if settings.redis_url is None:
        yield Finding("good", "Redis, workers and watcher come with `easel up`")
        return
    found = health.look(here)
    yield _part("Redis", found.redis == health.OK, f"Start it, or correct {PREFIX}REDIS_URL.")
    for step, count in found.workers.items():
        yield _part(f"{step} workers: {count}", count > 0, f"Start one: easel worker {step}")
    yield _part("watcher", found.watcher == health.OK, "Start one: easel watcher")


def _schema(here: Database) -> Finding:
    if is_current(here):
        return Finding("good", f"database {here.url.render_as_string(hide_password=True)}, schema current")
    return Finding("bad", "the database has not this program's schema", "Run: easel migrate (`easel up` does it too)")


def _part(name: str, is_there: bool, advice: str) -> Finding:
    return Finding("good", name) if is_there else Finding("bad", f"{name}: no sign of life", advice)


def _is_open(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme != "unix" and not parts.password and parts.hostname not in ("127.0.0.1", "::1", "localhost")
