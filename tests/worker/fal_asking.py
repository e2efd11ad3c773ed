"""How the tests of the adapter to fal ask it, and a server that answers by a script."""

import asyncio
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from engine.ports import Done, Failed, ImageProvider, ProviderTrouble, Trouble
from engine.settings import Settings
from tests.simulators import fal_log
from tests.worker import jobs
from worker.providers.fal import Fal

GENEROUS = 8
KEY = "key-id-of-ours:secret-part-of-it"
JOB = jobs.ONE
ID = "0d5e0f7a-7a11-4f7c-9f0a-2f1d8a6e3b10"
FOR_NOW, FOR_GOOD = (Trouble.PROVIDER, False), (Trouble.PROVIDER, True)
UNKNOWN, UNFIT, REFUSED = (Trouble.UNKNOWN, False), (Trouble.UNFIT, True), (Trouble.REFUSED, True)
PICTURE = {"url": "http://127.0.0.1/1.jpg", "width": 1024, "height": 1024}
RESULT = {"images": [PICTURE], "has_nsfw_concepts": [False]}


class Scripted(ThreadingHTTPServer):
    """Answers by a script: from method and path to a status, a body and headers. Keeps what it was asked."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Answer)
        self.script = script
        self.asked = []
        self.clients = set()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hangs up is expected."""


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.clients.add(self.client_address)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        status, body, *headers = self.server.script(self.command, self.path.split("?")[0])
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        self.do_GET()

    def do_PUT(self):
        self.do_GET()

    def log_message(self, *_):
        """Quietly."""


@contextmanager
def scripted(script):
    with Scripted(script) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def adapter(address, key=KEY) -> ImageProvider:
    return Fal(Settings(_env_file=None, fal_key=key, fal_queue_url=address, fal_media_hosts="127.0.0.1"))


def wanted(mishap="", **changes):
    """A job with a prompt of its own."""
    return replace(JOB, prompt=f"a fox {uuid4()} [{mishap}]", **changes)


def submitted(fal, job):
    taken = fal.submit(job)
    return replace(job, request_id=taken.request_id, memo=taken.memo)


def look(fal, job):
    return asyncio.run(fal.look(job))


def ended(fal, job):
    """How it has ended; trouble on the way is asked through."""
    until = time.monotonic() + GENEROUS
    while time.monotonic() < until:
        try:
            progress = look(fal, job)
        except ProviderTrouble as trouble:
            assert not trouble.is_permanent
        else:
            if isinstance(progress, Done | Failed):
                return progress
        time.sleep(0.02)
    raise AssertionError("it does not end")


def trouble(function, *given):
    with pytest.raises(ProviderTrouble) as raised:
        function(*given)
    return raised.value


def verdict(told):
    return told.trouble, told.is_permanent


def posts(simulator, job):
    return fal_log.by_prompt(fal_log.submissions(simulator.log)).get(job.prompt, [])


def run_of(status, result=(200, RESULT)):
    """A script: this status, and this result."""
    return lambda _, path: (200, status) if path.endswith("/status") else result


COMPLETED = {"status": "COMPLETED"}
