"""fal.ai in a process of its own, for tests and for playing: `python -m tests.simulators.fal --port 0 --log FILE`.

It prints {"url", "pid"} when it listens. It ends on SIGTERM, and with --stay only then; without, also when its standard
input closes or its parent dies. POST /control changes it while it runs: {"jwks": "ok|rotate|down"},
{"webhooks": "on|off"}, {"odds": 0.3}, {"mishaps": ["late"]}, {"seconds": 1}, {"down": true}.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import signal
import ssl
import threading
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from pathlib import Path

import uvloop

from tests.simulators import fal_about, fal_asked, fal_errors, fal_models, fal_pictures, fal_submit
from tests.simulators.fal_http import DROPPED, Answer, Connection, Request
from tests.simulators.fal_log import Journal
from tests.simulators.fal_mishaps import MISHAPS, PATIENT
from tests.simulators.fal_state import State

UNKNOWN = fal_errors.sentence(404, "Path not found")
WRONG_METHOD = fal_errors.sentence(405, "Method Not Allowed")
REQUESTS = re.compile(r"/([^/]+/[^/]+)/requests/([^/]+)(?:/(status|cancel))?")
FILES = re.compile(r"/files/([^/]+)/([^/]+)")
ABOUT = {
    ("GET", "/.well-known/jwks.json"): fal_about.keys,
    ("GET", "/v1/models/pricing"): fal_about.prices,
    ("GET", "/openapi.json"): fal_about.schema,
    ("GET", "/control"): fal_about.control,
    ("POST", "/control"): fal_about.control,
}


def main() -> None:
    """Serve until told to end."""
    options = _options()
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(options))


def route(state: State, request: Request) -> Answer | Awaitable[Answer]:
    """The answer, now or later, to any request."""
    about = ABOUT.get((request.method, request.path))
    if about:
        return about(state, request)
    if found := FILES.fullmatch(request.path):
        return _file(state, *found.groups())
    if state.is_down:
        return DROPPED
    if found := REQUESTS.fullmatch(request.path):
        root, request_id, verb = found.groups()
        if request.method != ("PUT" if verb == "cancel" else "GET"):
            return WRONG_METHOD
        return fal_asked.ask(state, request, root, request_id, verb or "result")
    endpoint = request.path.strip("/")
    if endpoint in fal_models.ENDPOINTS:
        return fal_submit.submit(state, request, endpoint) if request.method == "POST" else WRONG_METHOD
    state.journal.write("unknown", endpoint=endpoint, method=request.method, status=404)
    return UNKNOWN


async def _file(state: State, request_id: str, name: str) -> Answer:
    job = state.jobs.get(request_id)
    answer = await fal_pictures.picture(state, job, name) if job else fal_pictures.GONE
    state.journal.write("file", request_id, name=name, status=answer.status or "dropped", size=len(answer.body))
    return answer


async def _serve(options: argparse.Namespace) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if not options.stay:
        threading.Thread(
            target=_watch_input, args=(partial(loop.call_soon_threadsafe, ended.set),), daemon=True
        ).start()
        parents_end = loop.create_task(_watch_parent(ended))
    state = State(
        url="",
        journal=Journal(options.log),
        seconds=options.seconds,
        seed=options.seed,
        odds=options.odds,
        among=options.mishaps,
        is_plain=options.plain,
    )
    security = _certificate(options.tls) if options.tls else None
    server = await loop.create_server(
        lambda: Connection(partial(route, state)), "127.0.0.1", options.port, ssl=security, backlog=2048
    )
    scheme, port = "https" if security else "http", server.sockets[0].getsockname()[1]
    state.url = f"{scheme}://127.0.0.1:{port}"
    print(json.dumps({"url": state.url, "pid": os.getpid()}), flush=True)
    await ended.wait()
    server.close()
    if not options.stay:
        parents_end.cancel()


def _watch_input(end) -> None:  # type: ignore[no-untyped-def]
    with suppress(OSError, ValueError):
        while os.read(0, 1024):
            pass
    with suppress(RuntimeError):  # the loop has ended before
        end()


async def _watch_parent(ended: asyncio.Event) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    ended.set()


def _certificate(folder: Path) -> ssl.SSLContext:
    """A certificate for this machine; who made it is in the folder's ca.pem."""
    import trustme

    authority, security = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder.mkdir(parents=True, exist_ok=True)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(security)
    return security


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.fal", description="fal.ai, simulated")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True, help="JSON lines are appended to it")
    parser.add_argument("--seconds", type=float, default=1.0, help="a request's life: a quarter of it in the queue")
    parser.add_argument("--seed", type=int, default=0, help="random mishaps follow from it, prompt and count")
    parser.add_argument("--odds", type=float, default=0.0, help="of a mishap where the prompt names none")
    parser.add_argument("--mishaps", type=_names, default=PATIENT, help="what chance may choose, with commas")
    parser.add_argument("--tls", type=Path, help="serve https; ca.pem is written into this folder")
    parser.add_argument("--plain", action="store_true", help="one small picture for all, nothing is painted")
    parser.add_argument("--stay", action="store_true", help="end on SIGTERM only")
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    if unknown := set(names) - set(MISHAPS):
        raise argparse.ArgumentTypeError(f"no such mishap: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main()
