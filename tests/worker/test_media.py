"""The folder of pictures: all or nothing, no key leads out of it, and no link is made up or outlives its time."""

import os
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.ports import NoSuchMedia
from worker.media import HOUR, LONGEST_KEY, UNFINISHED, FolderMedia

KEY = "generations/7/0.jpg"


@pytest.fixture
def media(tmp_path):
    return FolderMedia(tmp_path / "media", b"a secret of the settings", "https://easel.example/")


def files(media):
    return sorted(str(path.relative_to(media.root)) for path in media.root.rglob("*") if path.is_file())


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


def test_what_was_put_is_there_until_it_is_deleted(media):
    media.put(KEY, b"one", "image/jpeg")
    media.put(KEY, b"two", "image/jpeg")
    media.put("generations/7/0-small.jpg", b"small", "image/jpeg")

    assert media.get(KEY) == b"two"
    assert media.path(KEY).read_bytes() == b"two"
    assert files(media) == ["generations/7/0-small.jpg", KEY]

    media.delete([KEY, KEY, "never/was.jpg", f"{KEY}/below"])

    assert files(media) == ["generations/7/0-small.jpg"]
    with pytest.raises(NoSuchMedia):
        media.get(KEY)


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
def test_a_key_that_is_none_leads_nowhere(media, key):
    for verb in (
        media.get,
        media.path,
        media.link,
        lambda key: media.put(key, b"", ""),
        lambda key: media.delete([key]),
    ):
        with pytest.raises(NoSuchMedia):
            verb(key)
    assert not media.root.exists()


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
    for version in versions * 3:
        media.put(KEY, version, "image/jpeg")
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


def test_a_full_disk_leaves_nothing_behind_and_the_old_picture_alone(media):
    media.put(KEY, b"old", "image/jpeg")
    run = subprocess.run([sys.executable, "-c", FULL_DISK, media.root], capture_output=True, text=True)

    assert (run.stdout.strip(), run.stderr) == ("refused", "")
    assert files(media) == [KEY, "generations/8/0.jpg"]
    assert media.get(KEY) == b"old"


def test_what_a_crash_left_is_cleaned_away_once_it_is_old(media):
    media.put(KEY, b"one", "image/jpeg")
    old, new = (media.root / f"{UNFINISHED}{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half a pict")
    os.utime(old, (time.time() - 2 * HOUR,) * 2)
    os.utime(media.path(KEY), (time.time() - 2 * HOUR,) * 2)

    assert media.clean(older_than_seconds=HOUR) == 1
    assert not old.exists() and new.exists() and media.get(KEY) == b"one"


def test_cleaning_before_anything_was_put_is_no_error(media):
    assert media.clean(older_than_seconds=0) == 0


@pytest.mark.parametrize("name", [None, "a fox.jpg", "Füchse & Söhne?.jpg", "狐.png", 'x"\r\nSet-Cookie: a=b'])
def test_a_link_is_good_for_at_least_an_hour_and_at_most_two(media, name):
    before = time.time()
    link = media.link(KEY, name)
    parts = told(link)

    assert link.startswith(f"https://easel.example/media/{KEY}?until=")
    assert link.isascii() and link.isprintable()
    assert parts["name"] == (name or "")
    assert before + HOUR <= parts["until"] <= time.time() + 2 * HOUR
    assert parts["until"] % HOUR == 0
    assert media.verify(**parts, now=parts["until"] - 1)
    assert not media.verify(**parts, now=parts["until"])


def test_a_link_stays_the_same_for_an_hour(media, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_800_000_001.0)
    first = media.link(KEY)
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


def test_another_secret_signs_otherwise(media):
    other = FolderMedia(media.root, b"another secret", "https://easel.example")

    assert not other.verify(**told(media.link(KEY)), now=time.time())


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


def test_a_killed_writer_leaves_no_picture_but_what_can_be_cleaned(media):
    writer = subprocess.Popen([sys.executable, "-c", KILLED, media.root], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "now\n"
    writer.kill()
    writer.communicate()

    with pytest.raises(NoSuchMedia):
        media.get("a/0.jpg")
    assert len(files(media)) == 1
    assert media.clean(older_than_seconds=0) == 1
    assert files(media) == []
