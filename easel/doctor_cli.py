"""`easel doctor`: what is missing or unsafe, and what to do about it."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import typer
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from easel import health, wiring
from easel.wiring import database
from engine.database import Database
from engine.errors import Busy
from engine.schema import is_current
from engine.settings import DEVELOPMENT_SECRET, PREFIX, Settings

console = Console(highlight=False)

LITTLE_ROOM = 1_000_000_000
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
        console.print(f"{MARKS[finding.look]} {finding.what}", soft_wrap=True)
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
    if "sketch" in settings.providers:
        look = "odd" if settings.env == "production" else "good"
        advice = "Pictures are painted demos: credits buy no real ones." if look == "odd" else ""
        yield Finding(look, f"provider: {', '.join(settings.providers)}", advice)
    if settings.sketch_mishap:
        yield Finding("odd", f"the sketch provider misbehaves on purpose: {settings.sketch_mishap}")
    if not settings.operators:
        yield Finding("odd", "no operators", f"Name yourself: {PREFIX}OPERATORS=telegram:123,discord:456")
    if settings.redis_url and _is_open(settings.redis_url):
        yield Finding("bad", "Redis has no password", "Whoever reaches it can starve the queue: use a password.")


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


def _parts(settings: Settings) -> Iterator[Finding]:
    here = database(settings)
    try:
        yield _schema(here)
    except (SQLAlchemyError, Busy, OSError):
        where = here.url.render_as_string(hide_password=True)
        yield Finding("bad", f"no answer from {where}", f"Start it, or correct {PREFIX}DATABASE_URL.")
        return
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
