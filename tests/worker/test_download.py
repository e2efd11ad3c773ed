"""Downloads against a real server that misbehaves, and addresses that lead somewhere else."""

import gzip
import socket
import ssl
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx2
import pytest
import trustme

from engine.ports import ProviderTrouble, Trouble
from worker import download as downloads
from worker.download import download

HERE = ("127.0.0.1",)
PICTURE = bytes(range(256)) * 400
MOST = 1_000_000
GENEROUS = 8


class Server(ThreadingHTTPServer):
    """Keeps a log of what it was asked."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []
        self.stopping = threading.Event()

    def handle_error(self, request, client_address):
        """A client that hangs up is what most of these tests are about."""


class Answer(BaseHTTPRequestHandler):
    """One way to answer for each path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(SimpleNamespace(path=self.path, headers=dict(self.headers)))
        name = self.path.strip("/").split("?")[0]
        if name.isdecimal():
            self.answer(int(name), b"")
        else:
            getattr(self, name)()

    def log_message(self, *_):
        """Quietly."""

    def answer(self, status, content, **headers):
        self.send_response(status)
        for header, value in {"Content_Length": str(len(content)), **headers}.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def picture(self):
        self.answer(200, PICTURE, Content_Type="image/jpeg")

    def empty(self):
        self.answer(200, b"")

    def gzipped(self):
        self.answer(200, gzip.compress(bytes(20_000_000)), Content_Encoding="gzip")

    def identity(self):
        self.answer(200, PICTURE, Content_Encoding="identity")

    def redirect(self):
        self.answer(302, b"", Location="http://169.254.169.254/latest/meta-data/")

    def large(self):
        self.answer(200, bytes(MOST + 1))

    def endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while not self.server.stopping.is_set():
            self.wfile.write(bytes(65_536))

    def promises_more(self):
        self.close_connection = True
        self.answer(200, PICTURE, Content_Length=str(len(PICTURE) * 2))

    def promises_less(self):
        self.close_connection = True
        self.answer(200, PICTURE, Content_Length="100")

    def promises_too_much(self):
        self.answer(200, b"", Content_Length="9" * 5_000)

    def drips(self):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.drip(b"x")

    def drips_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self.drip(b"x")

    def says_nothing(self):
        self.server.stopping.wait()

    def drip(self, piece):
        while not self.server.stopping.wait(0.1):
            self.wfile.write(piece)
            self.wfile.flush()

    def nonsense(self):
        self.close_connection = True
        self.wfile.write(b"\x00\x01\x02 what?\r\n\r\n")


@pytest.fixture(scope="module")
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.stopping.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(server):
    """Downloads a path of the server."""
    server.asked.clear()

    def get(path, hosts=HERE, **limits):
        return download(f"http://127.0.0.1:{server.server_port}/{path}", hosts=hosts, **{"most_bytes": MOST, **limits})

    return get


def trouble(function, *given, **limits):
    with pytest.raises(ProviderTrouble) as raised:
        function(*given, **limits)
    return raised.value.trouble, raised.value.is_permanent


FOR_GOOD = (Trouble.PROVIDER, True)
FOR_NOW = (Trouble.PROVIDER, False)
NO_PICTURE = (Trouble.BROKEN_PICTURE, True)


def test_a_picture_comes_as_it_is(fetch, server):
    assert fetch("picture?signed=a%2Fb") == PICTURE
    assert fetch("identity") == PICTURE
    assert fetch("empty") == b""

    asked = server.asked[0]
    assert asked.path == "/picture?signed=a%2Fb"
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.headers["Host"] == f"127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *[(str(status), FOR_NOW) for status in (408, 425, 429, 500, 502, 503, 504)],
        *[(str(status), FOR_GOOD) for status in (204, 206, 301, 304, 400, 401, 403, 404, 409, 410, 422)],
        ("redirect", FOR_GOOD),
        ("gzipped", NO_PICTURE),
        ("large", NO_PICTURE),
        ("endless", NO_PICTURE),
        ("promises_more", FOR_NOW),
        ("promises_too_much", FOR_NOW),
        ("nonsense", FOR_NOW),
    ],
)
def test_what_is_no_answer_is_told_apart(fetch, server, path, expected):
    assert trouble(fetch, path) == expected
    assert len(server.asked) == 1


def test_no_more_is_read_than_was_promised(fetch):
    assert fetch("promises_less") == PICTURE[:100]


@pytest.mark.parametrize("path", ["drips", "drips_headers", "says_nothing"])
def test_a_server_that_drips_is_left_when_the_time_is_over(fetch, path):
    began = time.monotonic()

    assert trouble(fetch, path, seconds=0.5) == FOR_NOW
    assert time.monotonic() - began < GENEROUS


def test_a_name_server_that_says_nothing_is_left_as_well(monkeypatch):
    over = threading.Event()

    def silent(*_, **__):
        over.wait(GENEROUS)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", silent)

    assert trouble(download, "https://cdn.example/1.jpg", hosts=["cdn.example"], seconds=0.1) == FOR_NOW
    over.set()


def test_a_name_that_nobody_knows_is_worth_another_try(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert trouble(download, "https://cdn.example/1.jpg", hosts=["cdn.example"]) == FOR_NOW


def test_nobody_there_is_worth_another_try():
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    assert trouble(download, f"http://127.0.0.1:{port}/", hosts=HERE) == FOR_NOW


def test_a_server_without_tls_is_not_talked_to_without_it(server):
    address = f"https://127.0.0.1:{server.server_port}/picture"

    assert trouble(download, address, hosts=HERE) == FOR_NOW


def test_no_proxy_of_the_environment_is_asked(fetch, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert fetch("picture") == PICTURE


HOSTS = ["v3.fal.media", ".example.com", "127.0.0.1", "0x7f000001", "2130706433", "::1", "10.0.0.7"]


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.net/1.jpg",
        "https://fal.media/1.jpg",
        "https://v3.fal.media.elsewhere.net/1.jpg",
        "https://example.com/1.jpg",
        "https://notexample.com/1.jpg",
        "https://v3.fal.media@elsewhere.net/1.jpg",
        "https://elsewhere.net@v3.fal.media/1.jpg",
        "https://user:word@127.0.0.1/1.jpg",
        "https://elsewhere.net\\@v3.fal.media/1.jpg",
        "https://elsewhere.net#@v3.fal.media/1.jpg",
        "http://v3.fal.media/1.jpg",
        "https://v3.fal.media:8443/1.jpg",
        "https://v3.fal.media:22/1.jpg",
        "http://localhost/1.jpg",
        "http://2130706433/1.jpg",
        "https://2130706433/1.jpg",
        "https://0x7f000001/1.jpg",
        "https://0177.0.0.1/1.jpg",
        "https://[::1]/1.jpg",
        "http://[::1]/1.jpg",
        "https://[::ffff:127.0.0.1]/1.jpg",
        "https://10.0.0.7/1.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        "ftp://127.0.0.1/1.jpg",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "data:image/png;base64,AAAA",
        "//127.0.0.1/1.jpg",
        "/etc/passwd",
        "https://",
        "https://:443/",
        "http://127.0.0.1:port/",
        "https://127.0.0.1\r\nHost: x/",
        "",
    ],
)
def test_an_address_that_leads_elsewhere_is_not_followed(address):
    assert trouble(download, address, hosts=HOSTS) == FOR_GOOD


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a00:1::1",
    ],
)
def test_a_name_that_turns_into_an_address_of_ours_is_not_followed(monkeypatch, address):
    asked = []
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *_, **__: asked.append(host) or [(0, 0, 0, "", (address, 0))]
    )

    assert trouble(download, "https://cdn.example/1.jpg", hosts=["cdn.example"]) == FOR_GOOD
    assert asked == ["cdn.example"]


def test_the_connection_goes_to_the_address_that_was_checked_whatever_the_name_means_next(monkeypatch):
    """The name is public when it is asked for, and this machine ever after."""
    answers = iter(["93.184.216.34"])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (next(answers, "127.0.0.1"), 0))])
    reached = []

    async def pieces():
        yield PICTURE

    async def handle(request):
        reached.append((request.url.host, request.headers["Host"], request.extensions["sni_hostname"]))
        return httpx2.Response(200, content=pieces())

    client = httpx2.AsyncClient
    monkeypatch.setattr(httpx2, "AsyncClient", lambda **given: client(transport=httpx2.MockTransport(handle), **given))

    assert download("https://a.cdn.example/1.jpg", hosts=[".cdn.example"]) == PICTURE
    assert reached == [("93.184.216.34", "a.cdn.example", "a.cdn.example")]


@pytest.mark.parametrize(("certified", "is_good"), [("localhost", True), ("elsewhere.net", False)])
def test_the_certificate_must_be_of_the_name_not_of_the_address(monkeypatch, certified, is_good):
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(certified).configure_cert(served)
    authority.configure_trust(trusted)
    monkeypatch.setattr(downloads, "_trust", lambda: trusted)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("127.0.0.1", 0))])
    server = Server()
    server.socket = served.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        address = f"https://localhost:{server.server_port}/picture"
        if is_good:
            assert download(address, hosts=["localhost"]) == PICTURE
        else:
            assert trouble(download, address, hosts=["localhost"]) == FOR_NOW
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
