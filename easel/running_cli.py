"""`easel up` and its parts: web, worker, watcher, chat, each also to be run alone."""

import http.client
import os
import socket
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from easel import logs, parts
from easel.children import Child
from easel.local import embedded_redis, redis_answers, supervise
from easel.wiring import actor, database, keep_private, media, open_database
from engine.ports import Step
from engine.settings import PREFIX, Settings, read_settings
from worker.media import FolderMedia

if TYPE_CHECKING:
    from worker.bucket_media import BucketMedia

console = Console(highlight=False)

STOP_ORDER = {"web": 1, "watcher": 2, "submit": 3, "finish": 3, "redis": 4}


def up() -> None:
    """Run everything on this machine; Ctrl-C stops it."""
    settings = read_settings()
    from engine.migrations import migrate

    keep_private()
    _must_be_free(settings)
    migrate(database(settings))
    sys.exit(supervise(children(settings), settings.data, partial(_announce, settings)))


def web() -> None:
    """Serve the pages and the API."""
    parts.web()


def worker(step: Annotated[Step, typer.Argument(help="submit to providers, or finish pictures")]) -> None:
    """Take hints of one step, one after another."""
    parts.worker(step)


def watcher() -> None:
    """Ask providers about running generations, find what was left behind, do the tasks that are due."""
    parts.watcher()


def chat() -> None:
    """Talk to the bot at this prompt."""
    from bots import terminal

    here = open_database()
    logs.configure(here.settings, "chat")
    store = media(here.settings)
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or "en"
    user_id = actor().partition(":")[2]
    terminal.chat(here, store, user_id, locale=locale, where=lambda picture: _where(store, picture.key))


def children(settings: Settings) -> list[Child]:
    """Every process of one machine, in the order of their start."""
    environment = {f"{PREFIX}DATA": str(settings.data.absolute())}
    started: list[Child] = []
    if settings.redis_url is None:
        command, url = embedded_redis(settings.data / "redis")
        environment[f"{PREFIX}REDIS_URL"] = url
        started.append(Child("redis", command, STOP_ORDER["redis"], is_ready=partial(redis_answers, url)))

    for name in ("submit", "finish", "watcher", "web"):
        command = [sys.executable, "-m", "easel.parts", name]
        is_ready = partial(_web_answers, settings) if name == "web" else _at_once
        started.append(Child(name, command, STOP_ORDER[name], environment, is_ready))
    return started


def _where(store: "FolderMedia | BucketMedia", key: str) -> str:
    return str(store.path(key)) if isinstance(store, FolderMedia) else store.link(key)


def _must_be_free(settings: Settings) -> None:
    """One clear line instead of a process that is started again and again."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            sys.exit(
                f"Not done: {settings.host}:{settings.port} cannot be used ({error.strerror}). "
                f"Another one: {PREFIX}PORT={settings.port + 1} make up"
            )


def _web_answers(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=1)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _at_once() -> bool:
    return True


def _announce(settings: Settings) -> None:
    console.print(f"\n{settings.name} is open at [bold]{settings.address}[/]   (Ctrl-C stops it)")
    demo = "" if settings.env == "production" else f"   every card and state: {settings.address}/demo/states"
    console.print(f"API: {settings.address}/docs{demo}" if demo else "", markup=False, soft_wrap=True)
    console.print(f"data: {Path(settings.data).absolute()}, process {os.getpid()}\n", markup=False, soft_wrap=True)
