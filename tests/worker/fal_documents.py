"""What fal publishes of its endpoints, on this machine: descriptions as FastAPI writes them, and prices."""

import copy
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

from engine.settings import Settings
from tests.simulators import fal_models

KEY = "key-id:key-secret"
HANG_UP = object()
WORD = {"type": "string"}
IMAGES = {"type": "array", "items": {"$ref": "#/components/schemas/Image"}}


class Documents(ThreadingHTTPServer):
    """What fal publishes, to be changed by a test, and a log of what was asked: path, endpoints, key."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.schemas = {endpoint: document(endpoint) for endpoint in fal_models.ENDPOINTS}
        self.prices = {endpoint: fal_models.price(endpoint) for endpoint in fal_models.ENDPOINTS}
        self.instead = None  # of the prices
        self.asked = []
        self.pause = 0  # in seconds, before each answer
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.ending = threading.Event()

    def environment(self):
        """Without a key."""
        return {
            "EASEL_FAL_SCHEMA_URL": f"{self.url}/openapi.json",
            "EASEL_FAL_PRICING_URL": f"{self.url}/v1/models/pricing",
        }

    def settings(self, key=KEY, **more):
        given = {name.removeprefix("EASEL_").lower(): value for name, value in self.environment().items()}
        return Settings(_env_file=None, fal_key=key, **{**given, **more})

    def handle_error(self, request, client_address):
        """A client that hangs up is part of some tests."""


class Answer(BaseHTTPRequestHandler):
    """An object is sent as JSON, bytes as they are, a number is a status; None is never answered, HANG_UP cut off."""

    def do_GET(self):
        self.count(1)
        self.server.ending.wait(self.server.pause)
        self.count(-1)
        self.answer()

    def count(self, change):
        with self.server.lock:
            self.server.at_once += change
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)

    def answer(self):
        parts = urlsplit(self.path)
        about = parse_qs(parts.query)["endpoint_id"]
        self.server.asked.append(SimpleNamespace(path=parts.path, about=about, key=self.headers["Authorization"]))
        if parts.path == "/openapi.json":
            self.send(self.server.schemas.get(about[0], 404))
        elif self.server.instead is not None:
            self.send(self.server.instead)
        elif all(endpoint in self.server.prices for endpoint in about):
            self.send({"prices": [self.server.prices[endpoint] for endpoint in about], "has_more": False})
        else:
            self.send(404)

    def send(self, what):
        if what is HANG_UP:
            self.close_connection = True
            return
        if what is None:
            self.server.ending.wait()
            return
        content = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(what if isinstance(what, int) else 200)
        if what == 302:
            self.send_header("Location", "http://169.254.169.254/secrets")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Quietly."""


def document(endpoint):
    """A description as FastAPI writes it: every shape has a name, and is referred to by it."""
    fields = copy.deepcopy(fal_models.ENDPOINTS[endpoint])
    words = {"Ratio": fields.get("aspect_ratio", WORD), "Size": fal_models.SIZE}
    if "image_size" in fields:
        fields["image_size"]["anyOf"][0] = {"$ref": "#/components/schemas/Size"}
        flags = {"has_nsfw_concepts": {"type": "array", "items": {"type": "boolean"}}, "seed": {"type": "integer"}}
    else:
        fields["aspect_ratio"] = {"allOf": [{"$ref": "#/components/schemas/Ratio"}], "default": "1:1"}
        flags = {"description": WORD}
    return {
        "openapi": "3.0.4",
        "components": {
            "schemas": {
                **words,
                "Input": {"type": "object", "properties": fields, "required": ["prompt"]},
                "Output": {"type": "object", "properties": {"images": IMAGES, **flags}, "required": ["images"]},
                "Image": {"type": "object", "properties": {"url": WORD, "width": {"type": "integer"}}},
            }
        },
        "paths": {
            f"/{endpoint}/requests/{{request_id}}/status": {"get": {"responses": {"200": {}}}},
            f"/{endpoint}/requests/{{request_id}}": {"get": {"responses": {"200": _json("Output")}}},
            f"/{endpoint}": {"post": {"requestBody": {"required": True, **_json("Input")}}},
        },
    }


def _json(name):
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


@contextmanager
def documents():
    """A server of its own."""
    server = Documents()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
