"""`easel up` and its parts: web, worker, watcher, chat, each also to be run alone."""

import asyncio
import http.client
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from easel import logs
from easel.children import Child
from easel.local import embedded_redis, redis_answers, supervise
from easel.wiring import actor, database, media, open_database
from engine.migrations import migrate
from engine.ports import Step
from engine.settings import PREFIX, Settings, read_settings

console = Console(highlight=False)

WEB, WATCHER, WORKERS, REDIS = 1, 2, 3, 4
"""Who is stopped first."""


def up() -> None:
    """Run everything on this machine; Ctrl-C stops it."""
    settings = read_settings()
    _must_be_free(settings)
    migrate(database(settings))
    sys.exit(supervise(children(settings), settings.data, partial(_announce, settings)))


def web() -> None:
    """Serve the pages and the API."""
    from easel.web import serve

    here = open_database()
    logs.configure(here.settings, "web")
    serve(here)


def worker(step: Annotated[Step, typer.Argument(help="submit to providers, or finish pictures")]) -> None:
    """Take hints of one step, one after another."""
    from easel.workshop import tools
    from worker.advance import advance
    from worker.queue import work

    here = open_database()
    logs.configure(here.settings, f"worker-{step}")
    work(_redis(here.settings), step, partial(advance, tools(here)))


def watcher() -> None:
    """Ask providers about running generations, find what was left behind, do the tasks that are due."""
    from easel.workshop import TASKS, beat, tools
    from worker.watcher import Watcher

    here = open_database()
    logs.configure(here.settings, "watcher")
    asyncio.run(_until_told(Watcher(tools(here), TASKS, beat(_redis(here.settings))).run))


def chat() -> None:
    """Talk to the bot at this prompt."""
    from bots import terminal

    here = open_database()
    logs.configure(here.settings, "chat")
    store = media(here.settings)
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or "en"
    user_id = actor().partition(":")[2]
    terminal.chat(here, store, user_id, locale=locale, where=lambda picture: str(store.path(picture.key)))


def children(settings: Settings) -> list[Child]:
    """Every process of one machine, in the order of their start."""
    environment = {f"{PREFIX}DATA": str(settings.data.absolute())}
    started: list[Child] = []
    if settings.redis_url is None:
        command, url = embedded_redis(settings.data / "redis")
        environment[f"{PREFIX}REDIS_URL"] = url
        started.append(Child("redis", command, REDIS, is_ready=partial(redis_answers, url)))

    def part(name: str, *arguments: str, stop_order: int) -> Child:
        return Child(name, [sys.executable, "-m", "easel", *arguments], stop_order, environment)

    started += [part(step.value, "worker", step.value, stop_order=WORKERS) for step in Step]
    started.append(part("watcher", "watcher", stop_order=WATCHER))
    serving = part("web", "web", stop_order=WEB)
    started.append(Child("web", serving.command, WEB, environment, is_ready=partial(_web_answers, settings)))
    return started


async def _until_told(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    await run(stop)


def _redis(settings: Settings) -> str:
    if settings.redis_url is None:
        sys.exit(f"Not done: {PREFIX}REDIS_URL is missing; `easel up` brings a Redis along, this part alone does not.")
    return settings.redis_url


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


def _announce(settings: Settings) -> None:
    console.print(f"\n{settings.name} is open at [bold]{settings.address}[/]   (Ctrl-C stops it)")
    demo = "" if settings.env == "production" else f"   every card and state: {settings.address}/demo/states"
    console.print(f"API: {settings.address}/docs{demo}" if demo else "", markup=False)
    console.print(f"data: {Path(settings.data).absolute()}, process {os.getpid()}\n", markup=False)
