"""Where pictures are kept, folder or bucket: all or nothing, no key leads out, no link is made up or lasts too long."""

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.ports import NoSuchMedia
from tests.valkey import until
from tests.worker.s3 import ACCESS_KEY, SECRET_KEY, s3
from worker.bucket_media import BucketMedia
from worker.media import HOUR, LONGEST_KEY, UNFINISHED, FolderMedia, Links

KEY = "generations/7/0.jpg"
SECRET, SITE = b"a secret of the settings", "https://easel.example/"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with s3(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    return FolderMedia(tmp_path / "media", SECRET, SITE)


@pytest.fixture(params=["folder", "bucket"])
def media(request):
    """The test runs on each kind of store."""
    if request.param == "folder":
        return request.getfixturevalue("folder")
    service = request.getfixturevalue("service")
    keys = (ACCESS_KEY, SECRET_KEY)
    return BucketMedia(service.new_bucket(), Links(SECRET, SITE), endpoint=service.endpoint, keys=keys)


@pytest.fixture
def kept(media, request):
    """Asks what there is, without asking the store."""
    if isinstance(media, FolderMedia):
        return lambda: files(media)
    service = request.getfixturevalue("service")
    return lambda: [key.removeprefix("pictures/here/") for key in service.keys(media.url)]


def files(folder):
    return sorted(str(path.relative_to(folder.root)) for path in folder.root.rglob("*") if path.is_file())


def told(link):
    """A link's parts, as the web front reads them."""
    parts = urlsplit(link)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return {
        "key": parts.path.removeprefix("/media/"),
        "until": int(query["until"]),
        "name": query["name"],
        "signature": query["signature"],
    }


def test_what_was_put_is_there_until_it_is_deleted(media, kept):
    media.put(KEY, b"one", "image/jpeg")
    media.put(KEY, b"two", "image/jpeg")
    media.put("generations/7/0-small.jpg", b"small", "image/jpeg")

    assert media.get(KEY) == b"two"
    assert kept() == ["generations/7/0-small.jpg", KEY]

    media.delete([])
    media.delete([KEY, KEY, "never/was.jpg", f"{KEY}/below"])

    assert kept() == ["generations/7/0-small.jpg"]
    with pytest.raises(NoSuchMedia):
        media.get(KEY)


def test_a_picture_is_where_its_path_says(folder):
    folder.put(KEY, b"one", "image/jpeg")

    assert folder.path(KEY).read_bytes() == b"one"


@pytest.mark.parametrize("size", [0, 6_000_000], ids=["empty", "large"])
def test_it_comes_back_as_it_was(media, size):
    content = os.urandom(size)
    media.put(KEY, content, "image/jpeg")

    assert media.get(KEY) == content


@pytest.mark.parametrize("key", ["generations/8/0.jpg", "generations", f"{KEY}/below"])
def test_what_was_never_put_is_not_there(media, key):
    media.put(KEY, b"one", "image/jpeg")

    with pytest.raises(NoSuchMedia):
        media.get(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "../secret",
        "a/../../secret",
        "a/..",
        ".",
        "..",
        "a//b",
        "a/",
        "a/./b",
        ".hidden",
        f"a/{UNFINISHED}1",
        "A.jpg",
        "a b.jpg",
        "a\\b",
        "a\x00.jpg",
        "a.jpg\n",
        "\uff0e\uff0e/a",
        "ä.jpg",
        "%2e%2e/a",
        "a" * (LONGEST_KEY + 1),
    ],
)
def test_a_key_that_is_none_leads_nowhere(media, kept, key):
    for verb in (
        media.get,
        media.link,
        lambda key: media.link(key, "a fox.jpg"),
        lambda key: media.put(key, b"", ""),
        lambda key: media.delete([key]),
        getattr(media, "path", media.get),
    ):
        with pytest.raises(NoSuchMedia):
            verb(key)
    assert kept() == []


def test_a_reader_never_sees_half_a_picture(media):
    """One writes again and again while others read: every read is one whole version."""
    versions = [bytes([number]) * 300_000 for number in range(1, 9)]
    media.put(KEY, versions[0], "image/jpeg")
    stop, seen = threading.Event(), set()

    def read():
        while not stop.is_set():
            seen.add(media.get(KEY))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for version in versions * 3:
            media.put(KEY, version, "image/jpeg")
    finally:
        stop.set()
        for reader in readers:
            reader.join()

    assert seen <= set(versions)


FULL_DISK = """
import resource, sys
from pathlib import Path
from worker.media import FolderMedia
media = FolderMedia(Path(sys.argv[1]), b"secret", "")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    media.put("generations/7/0.jpg", bytes(300_000), "image/jpeg")
except OSError as error:
    print("refused")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
media.put("generations/8/0.jpg", bytes(300_000), "image/jpeg")
"""


def test_a_full_disk_leaves_nothing_behind_and_the_old_picture_alone(folder):
    folder.put(KEY, b"old", "image/jpeg")
    run = subprocess.run([sys.executable, "-c", FULL_DISK, folder.root], capture_output=True, text=True)

    assert (run.stdout.strip(), run.stderr) == ("refused", "")
    assert files(folder) == [KEY, "generations/8/0.jpg"]
    assert folder.get(KEY) == b"old"


def test_what_a_crash_left_is_cleaned_away_once_it_is_old(folder):
    folder.put(KEY, b"one", "image/jpeg")
    old, new = (folder.root / f"{UNFINISHED}{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half a pict")
    os.utime(old, (time.time() - 2 * HOUR,) * 2)
    os.utime(folder.path(KEY), (time.time() - 2 * HOUR,) * 2)

    assert folder.clean(older_than_seconds=HOUR) == 1
    assert not old.exists() and new.exists() and folder.get(KEY) == b"one"


def test_cleaning_before_anything_was_put_is_no_error(media):
    assert media.clean(older_than_seconds=0) == 0


def test_a_link_to_a_folder_needs_no_name(folder):
    parts = told(folder.link(KEY))

    assert (parts["key"], parts["name"]) == (KEY, "")
    assert folder.verify(**parts, now=time.time())


@pytest.mark.parametrize("name", ["a fox.jpg", "Füchse & Söhne?.jpg", "狐.png", 'x"\r\nSet-Cookie: a=b'])
def test_a_link_to_save_it_is_good_for_at_least_an_hour_and_at_most_two(media, name):
    before = time.time()
    link = media.link(KEY, name)
    parts = told(link)

    assert link.startswith(f"https://easel.example/media/{KEY}?until=")
    assert link.isascii() and link.isprintable()
    assert parts["name"] == name
    assert before + HOUR <= parts["until"] <= time.time() + 2 * HOUR
    assert parts["until"] % HOUR == 0
    assert media.verify(**parts, now=parts["until"] - 1)
    assert not media.verify(**parts, now=parts["until"])


def test_a_link_stays_the_same_for_an_hour(media, monkeypatch):
    begun = int(time.time())
    monkeypatch.setattr(time, "time", lambda: 1_800_000_001.0)
    first = media.link(KEY)
    until(lambda: datetime.now(UTC).timestamp() >= begun + 2)  # a bucket's link has the second of its signature
    monkeypatch.setattr(time, "time", lambda: 1_800_003_599.0)

    assert media.link(KEY) == first

    monkeypatch.setattr(time, "time", lambda: 1_800_003_601.0)

    assert media.link(KEY) != first


@pytest.mark.parametrize(
    "change",
    [
        {"key": "generations/8/0.jpg"},
        {"until": 4_000_000_000},
        {"name": "other.jpg"},
        {"name": ""},
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": "ä\ud800"},
    ],
)
def test_a_link_that_was_changed_is_no_link(media, change):
    parts = told(media.link(KEY, "a fox.jpg"))

    assert media.verify(**parts, now=time.time())
    assert not media.verify(**{**parts, **change}, now=time.time())


def test_another_secret_signs_otherwise(folder):
    other = FolderMedia(folder.root, b"another secret", SITE)

    assert not other.verify(**told(folder.link(KEY)), now=time.time())


def test_parts_of_a_link_cannot_be_moved_over_to_the_next(media):
    parts = told(media.link("a", "1\n2"))

    assert not media.verify("a\n1", parts["until"], "2", parts["signature"], time.time())


KILLED = """
import sys, time
from pathlib import Path
from worker import media
media.os.fsync = lambda _: (print("now", flush=True), time.sleep(60))
media.FolderMedia(Path(sys.argv[1]), b"", "").put("a/0.jpg", bytes(9), "")
"""


def test_a_killed_writer_leaves_no_picture_but_what_can_be_cleaned(folder):
    writer = subprocess.Popen([sys.executable, "-c", KILLED, folder.root], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "now\n"
    writer.kill()
    writer.communicate()

    with pytest.raises(NoSuchMedia):
        folder.get("a/0.jpg")
    assert len(files(folder)) == 1
    assert folder.clean(older_than_seconds=0) == 1
    assert files(folder) == []
