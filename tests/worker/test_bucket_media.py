"""The bucket beyond what every store does: presigned links by Amazon's rules, a service in trouble, secrets."""

import hmac
import logging
import traceback
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from engine.ports import NoSuchMedia
from engine.settings import Settings
from tests.worker.s3 import ACCESS_KEY, SECRET_KEY, ask, s3, serving
from worker.bucket_media import MOST_LINKS, BucketMedia
from worker.media import HOUR, Links

KEY = "generations/7/0.jpg"
JPEG = b"\xff\xd8 a picture \xff\xd9"
LINKS = Links(b"a secret of the settings", "https://easel.example")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with s3(tmp_path_factory.mktemp("s3")) as running:
        yield running


def store(url="s3://easel/pictures", endpoint=None, keys=(ACCESS_KEY, SECRET_KEY), **more):
    return BucketMedia(url, LINKS, endpoint=endpoint, keys=keys, **more)


# links


def given(link):
    """The query of a presigned link."""
    return dict(parse_qsl(urlsplit(link).query, strict_parsing=True))


def signature(link, secret=SECRET_KEY, method="GET", **change):
    """By Amazon's page "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)"."""
    parts = urlsplit(link)
    query = {**given(link), **change}
    query.pop("X-Amz-Signature")
    scope = query["X-Amz-Credential"].partition("/")[2]
    told = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
    request = "\n".join([method, quote(parts.path), told, f"host:{parts.netloc}\n", "host", "UNSIGNED-PAYLOAD"])
    lines = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, lines.encode(), sha256).hexdigest()


def test_we_sign_as_amazons_own_example_does():
    link = (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
        "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )

    assert signature(link, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") == given(link)["X-Amz-Signature"]


@pytest.mark.parametrize(
    ("url", "endpoint", "begins"),
    [
        ("s3://easel", None, "https://easel.s3.eu-central-1.amazonaws.com/"),
        ("s3://easel/a/b", None, "https://easel.s3.eu-central-1.amazonaws.com/a/b/"),
        ("s3://easel.example/a", None, "https://s3.eu-central-1.amazonaws.com/easel.example/a/"),
        ("s3://easel/a", "https://s3.example:9000", "https://s3.example:9000/easel/a/"),
    ],
)
def test_a_link_is_signed_for_this_picture_to_be_read_for_two_hours(url, endpoint, begins):
    media = store(url, endpoint, region="eu-central-1")
    link = media.link(KEY)
    ours = given(link)["X-Amz-Signature"]

    assert link.startswith(f"{begins}{KEY}?") and link.startswith(f"{media.origin}/")
    assert given(link)["X-Amz-Expires"] == str(2 * HOUR)
    assert given(link)["X-Amz-SignedHeaders"] == "host"
    assert signature(link) == ours

    others = [
        signature(link.replace("/7/", "/8/")),
        signature(link, method="PUT"),
        signature(link, method="DELETE"),
        signature(link, **{"X-Amz-Expires": "604800"}),
        signature(link, "another secret"),
    ]
    assert ours not in others and len(set(others)) == len(others)


def test_whoever_has_a_link_sees_the_picture_and_may_keep_it_for_an_hour(service):
    media = store(service.new_bucket(), service.endpoint)
    media.put(KEY, JPEG, "image/jpeg")
    seen = ask("GET", media.link(KEY))

    assert (seen.status, seen.content, seen.headers["Content-Type"]) == (200, JPEG, "image/jpeg")
    assert seen.headers["Cache-Control"] == "private, max-age=3600, immutable"


def test_links_that_were_given_out_are_forgotten_before_they_are_too_many():
    media = store()
    for number in range(MOST_LINKS + 10):
        media.link(f"generations/{number}/0.jpg")

    assert len(media._signed[1]) == 10


AMAZON = {
    "AWS_ENDPOINT": "http://elsewhere.example",
    "AWS_ENDPOINT_URL": "http://elsewhere.example",
    "AWS_ENDPOINT_URL_S3": "http://elsewhere.example",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDOFSOMEBODY",
    "AWS_SECRET_ACCESS_KEY": "the secret key of somebody",
    "AWS_SESSION_TOKEN": "a-token-of-somebody",
}


def test_amazons_variables_never_mix_with_settings_of_our_own(monkeypatch):
    for name, value in AMAZON.items():
        monkeypatch.setenv(name, value)
    link = store().link(KEY)

    assert link.startswith("https://easel.s3.us-east-1.amazonaws.com/")
    assert given(link)["X-Amz-Credential"].startswith(f"{ACCESS_KEY}/")
    assert "X-Amz-Security-Token" not in given(link)
    assert signature(link) == given(link)["X-Amz-Signature"]


def test_without_keys_of_our_own_amazons_variables_are_asked(monkeypatch):
    for name, value in AMAZON.items():
        monkeypatch.setenv(name, value)
    link = store(keys=None).link(KEY)

    assert given(link)["X-Amz-Security-Token"] == "a-token-of-somebody"
    assert signature(link, "the secret key of somebody") == given(link)["X-Amz-Signature"]


def test_without_any_key_nothing_is_kept_and_a_link_leads_to_ourselves(monkeypatch):
    for name in AMAZON:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    media = store(keys=None)

    with pytest.raises(OSError, match="put: "):
        media.put(KEY, JPEG, "image/jpeg")
    assert media.link(KEY).startswith(f"https://easel.example/media/{KEY}?until=")


# trouble

VERBS = {
    "put": lambda media: media.put(KEY, bytes(200_000), "image/jpeg"),
    "get": lambda media: media.get(KEY),
    "delete": lambda media: media.delete([KEY, "generations/7/1.jpg"]),
}
GOOD = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nLast-Modified: Fri, 20 Nov 2026 12:00:00 GMT\r\nContent-Length: %d\r\n\r\n'
DELETED = b"<DeleteResult><Deleted><Key>pictures/x</Key></Deleted></DeleteResult>"
DENIED = b"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>" + ACCESS_KEY.encode() + b"</AWSAccessKeyId></Error>"
PARTLY = b"<DeleteResult><Error><Key>%s</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"


def hang(client, stopping):
    """Answers well, but late."""
    stopping.wait(4)
    client.sendall(GOOD % len(DELETED) + DELETED)


def drip(client, stopping):
    """Begins at once and never pauses, but needs too long."""
    client.sendall(GOOD % len(DELETED))
    for number in range(len(DELETED)):
        client.sendall(DELETED[number : number + 1])
        stopping.wait(0.08)


def drop(client, stopping):
    """Hangs up."""


def answers(head, content=b""):
    def answer(client, stopping):
        client.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(content), content))

    return answer


@pytest.mark.parametrize(("answer", "verb"), [*((hang, verb) for verb in VERBS), (drip, "get"), (drip, "delete")])
def test_a_service_that_takes_too_long_is_given_up(answer, verb):
    with serving(answer) as (endpoint, _):
        media = store(endpoint=endpoint, seconds=0.5)

        with pytest.raises(OSError, match=f"{verb}: "):
            VERBS[verb](media)


TROUBLES = {
    "hangs up": (drop, "put|get|delete", 3),
    "is ill": (answers(b"503 Slow Down"), "503", 3),
    "refuses the keys": (answers(b"403 Forbidden", DENIED), "InvalidAccessKeyId", 1),
    "is another's": (answers(b"404 Not Found", b"<html>a page</html>"), "404", 1),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_service_in_trouble_is_an_error_of_the_system_after_few_tries(trouble, verb, caplog):
    answer, cause, tries = TROUBLES[trouble]
    with serving(answer) as (endpoint, asked), pytest.raises(OSError, match=cause) as raised:
        VERBS[verb](store(endpoint=endpoint))

    assert len(asked) == tries
    logging.getLogger("worker").error("the media store: %s", raised.value, exc_info=raised.value)
    said = caplog.text + "".join(traceback.format_exception(raised.value))
    assert SECRET_KEY not in said and ACCESS_KEY not in said


def test_a_service_that_is_away_is_an_error_of_the_system():
    for verb, do in VERBS.items():
        with pytest.raises(OSError, match=f"s3://easel/pictures at http://127.0.0.1:1: {verb}: Connection refused"):
            do(store(endpoint="http://127.0.0.1:1"))


@pytest.mark.parametrize("verb", VERBS)
def test_a_bucket_that_is_not_there_is_named(service, verb):
    with pytest.raises(OSError, match=f"s3://nobodys-bucket .*{verb}: NoSuchBucket"):
        VERBS[verb](store("s3://nobodys-bucket", service.endpoint))


def test_what_could_not_be_deleted_is_told():
    partly = answers(b"200 OK", PARTLY % f"pictures/{KEY}".encode())
    with serving(partly) as (endpoint, _), pytest.raises(OSError, match="delete: AccessDenied"):
        store(endpoint=endpoint).delete([KEY])


NONSENSE = {
    "no head of S3": ("put", b"what?"),
    "no XML": ("delete", b"what?"),
    "about another key, where obstore panics": ("delete", PARTLY % b"of/somebody"),
}


@pytest.mark.parametrize(("verb", "content"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_an_error_of_the_system(verb, content):
    with serving(answers(b"200 OK", content)) as (endpoint, _), pytest.raises(OSError, match=f"{verb}: "):
        VERBS[verb](store(endpoint=endpoint))


def test_many_are_deleted_at_once():
    with serving(answers(b"200 OK", DELETED)) as (endpoint, asked):
        store(endpoint=endpoint).delete([f"generations/{number}/0.jpg" for number in range(100)])
        store(endpoint=endpoint).delete([])

    assert asked == [b"POST /easel?delete HTTP/1.1"]


def test_a_large_picture_is_put_whole_in_one_request():
    with serving(answers(b'200 OK\r\nETag: "x"')) as (endpoint, asked):
        store(endpoint=endpoint).put(KEY, bytes(6_000_000), "image/png")

    assert asked == [f"PUT /easel/pictures/{KEY} HTTP/1.1".encode()]


def test_a_file_that_is_far_too_large_is_not_read():
    endless = serving(lambda client, _: client.sendall(GOOD % 20_000_001))
    with endless as (endpoint, _), pytest.raises(OSError, match="get: too large"):
        store(endpoint=endpoint).get(KEY)


def test_only_what_the_service_calls_no_such_key_is_not_there(service):
    with pytest.raises(NoSuchMedia):
        store(service.new_bucket(), service.endpoint).get(KEY)


def test_secrets_show_nowhere():
    media = store()
    settings = Settings(_env_file=None, media_access_key=ACCESS_KEY, media_secret_key=SECRET_KEY)

    for shown in (repr(media), str(vars(media)), repr(settings), settings.model_dump_json()):
        assert SECRET_KEY not in shown and ACCESS_KEY not in shown


# settings


@pytest.mark.parametrize(
    "settings",
    [
        {"media_url": "easel"},
        {"media_url": "https://easel.example"},
        {"media_url": "s3://"},
        {"media_url": "s3://E/x"},
        {"media_url": "s3://easel/../x"},
        {"media_url": "s3://easel/a b"},
        {"media_url": "s3://key:secret@easel"},
        {"media_endpoint": "s3.example"},
        {"media_endpoint": "https://s3.example/path"},
        {"media_endpoint": "https://key:secret@s3.example"},
        {"media_endpoint": "https://s3.example; script-src *"},
        {"media_endpoint": "https://s3.example:99999"},
        {"media_endpoint": "https://999.1.1.1"},
        {"media_region": "eu/../x"},
        {"media_access_key": "only half"},
        {"media_secret_key": "only half"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError) as refused:
        Settings(_env_file=None, **settings)
    assert "secret@" not in str(refused.value) and "only half" not in str(refused.value)


def test_settings_are_kept_as_browsers_need_them():
    kept = Settings(_env_file=None, media_url="s3://my-easel/a/b/", media_endpoint="http://127.0.0.1:9000/")

    assert (kept.media_url, kept.media_endpoint) == ("s3://my-easel/a/b", "http://127.0.0.1:9000")
    assert (Settings(_env_file=None).media_url, kept.media_region) == (None, "us-east-1")
