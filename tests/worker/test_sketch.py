"""The provider without a key: the same picture for the same words, nothing kept in between, mishaps on demand."""

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image, ImageChops

from engine.ports import Done, Drawing, Failed, ImageProvider, Output, ProviderTrouble, Trouble, Waiting
from tests.worker import jobs
from worker.images import BrokenPicture, Facts, finish
from worker.providers.caption import caption
from worker.providers.painting import SIZES, paint
from worker.providers.sketch import Mishap, Sketch

JOB = replace(jobs.ONE, provider="sketch", model_id="demo", endpoint="sketch/demo", prompt="a fox in the snow")

FACTS = Facts("Easel", 7, "demo", datetime(2026, 11, 20, tzinfo=UTC))


def sketch(seconds=0.0, mishap="", is_production=False) -> ImageProvider:
    return Sketch(seconds, mishap, is_production)


def submitted(provider, job=JOB):
    return replace(job, request_id=provider.submit(job).request_id)


def look(provider, job):
    return asyncio.run(provider.look(job))


def began(seconds_ago, lasts, mishap="none"):
    """A job as if it had been submitted then."""
    started = time.time_ns() // 1000 - int(seconds_ago * 1_000_000)
    return replace(JOB, request_id=f"sketch-{started}-{lasts * 1000}-{mishap}-ab12")


def opened(content):
    image = Image.open(BytesIO(content))
    image.load()
    return image


def trouble(function, *given):
    with pytest.raises(ProviderTrouble) as raised:
        function(*given)
    return raised.value.trouble, raised.value.is_permanent


def test_a_picture_is_submitted_looked_at_and_fetched():
    provider = sketch()
    job = submitted(provider, replace(JOB, pictures=3))
    done = look(provider, job)
    pictures = [provider.fetch(job, output) for output in done.outputs]

    assert provider.name == "sketch"
    assert len(set(pictures)) == 3
    assert {opened(picture).format for picture in pictures} == {"JPEG"}
    assert not any(output.is_flagged for output in done.outputs)
    provider.cancel(job)


def test_it_waits_in_line_then_draws_then_is_done():
    looks = [look(sketch(), began(seconds_ago, 100)) for seconds_ago in (1, 11, 21, 50, 101)]

    assert looks[:3] == [Waiting(3), Waiting(2), Waiting(1)]
    assert isinstance(looks[3], Drawing)
    assert 0 < looks[3].seconds_left <= 50
    assert isinstance(looks[4], Done)


def test_another_process_knows_as_much_and_paints_the_same():
    job = submitted(sketch())
    here = sketch().fetch(job, look(sketch(), job).outputs[0])
    script = f"""
import asyncio, sys
from engine.ports import Job
from worker.providers.sketch import Sketch
provider, job = Sketch(60, "fail", True), {job!r}
sys.stdout.buffer.write(provider.fetch(job, asyncio.run(provider.look(job)).outputs[0]))
"""

    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == here


def test_each_request_has_an_id_of_its_own():
    assert len({sketch().submit(JOB) for _ in range(100)}) == 100


def test_other_words_seeds_and_models_make_other_pictures():
    pictures = [
        paint("a fox", "demo", 1, None),
        paint("an owl", "demo", 1, None),
        paint("a fox", "other", 1, None),
        paint("a fox", "demo", 2, None),
    ]

    assert len(set(pictures)) == 4
    assert paint("a fox", "demo", 1, None) == pictures[0]


@pytest.mark.parametrize(
    ("size", "shape"), [("16:9", 16 / 9), ("3:4", 3 / 4), ("1:1", 1), (None, 1), ("no such size", 1)]
)
def test_a_picture_has_the_shape_that_was_asked_for(size, shape):
    picture = opened(paint("a boat", "demo", 1, size))

    assert picture.width / picture.height == pytest.approx(shape, rel=0.01)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_about_a_megapixel(size):
    width, height = SIZES[size]

    assert 0.9e6 < width * height < 1.1e6


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " \n\t ",
        "東京の夜, 狐",
        "😀👩‍👩‍👧‍👦🏳️‍🌈",
        "שלום עולם مرحبا بالعالم",
        "a\u0000b\u200b\u202e\ufffe\uffff",
        "\ud800 lonely \udfff",
        "e\u0301" * 500,
        "x" * 5000,
        "word " * 2000,
        "{braces} %s %(x)s <b>&amp;",
        "\U0010ffff\U000e0001",
    ],
)
def test_any_words_can_be_painted(prompt):
    for size in ("1:1", "9:16"):
        finish(paint(prompt, "demo", 1, size), FACTS)


def test_the_words_are_on_the_picture():
    picture = Image.new("RGB", (1024, 1024))
    caption(picture, "a fox in the snow")
    bare = Image.new("RGB", (1024, 1024))
    caption(bare, "\u72d0")  # of which the font knows nothing: "demo" is all there is
    demo, words = bare.convert("L").getbbox(), ImageChops.difference(picture, bare).getbbox()

    assert demo and words
    assert words[3] < 1024 - 40, "the mark's place stays free"


@pytest.mark.parametrize(
    ("mishap", "expected"), [("fail", (Trouble.PROVIDER, True)), ("refuse", (Trouble.REFUSED, True))]
)
def test_some_fail_while_they_are_looked_at(mishap, expected):
    assert isinstance(look(sketch(), began(5, 10, mishap)), Drawing)
    failed = look(sketch(), began(11, 10, mishap))
    assert isinstance(failed, Failed)
    assert (failed.trouble, failed.is_permanent) == expected


@pytest.mark.parametrize("how", ["by the prompt", "by the settings"])
@pytest.mark.parametrize(
    ("mishap", "outputs", "flagged"), [("twice", 2, 0), ("empty", 0, 0), ("flagged", 1, 1), ("slow-submit", 1, 0)]
)
def test_some_end_with_other_outputs(how, mishap, outputs, flagged):
    by_settings = how == "by the settings"
    provider = sketch(mishap=mishap if by_settings else "")
    job = submitted(provider, JOB if by_settings else replace(JOB, prompt=f"a fox [{mishap.upper()}]"))
    found = look(provider, job).outputs

    assert (len(found), sum(output.is_flagged for output in found)) == (outputs, flagged)


@pytest.mark.parametrize("mishap", ["broken", "bomb", "wrong-type"])
def test_some_deliver_what_is_no_picture(mishap):
    provider = sketch(mishap=mishap)
    job = submitted(provider)
    content = provider.fetch(job, look(provider, job).outputs[0])

    assert len(content) < 100_000
    with pytest.raises(BrokenPicture):
        finish(content, FACTS)


@pytest.mark.parametrize(("mishap", "expected"), [("unknown", Trouble.UNKNOWN), ("retry", Trouble.PROVIDER)])
def test_some_are_taken_only_at_the_second_attempt(mishap, expected):
    provider = sketch()
    job = replace(JOB, prompt=f"a fox [{mishap}]")

    assert trouble(provider.submit, job) == (expected, False)
    assert isinstance(look(provider, submitted(provider, replace(job, attempt=2))), Done)


def test_a_crawling_one_takes_ten_times_as_long():
    crawling = replace(JOB, prompt="a fox [crawl]")
    assert "-40000-crawl-" in sketch(seconds=4).submit(crawling).request_id
    assert "-4000-none-" in sketch(seconds=4).submit(JOB).request_id


def test_a_silent_one_never_ends():
    assert look(sketch(), began(1_000_000, 4, "silent")) == Drawing()


@pytest.mark.parametrize("mishap", [mishap for mishap in Mishap if mishap is not Mishap.NONE])
def test_in_production_words_are_only_words(mishap):
    provider = sketch(is_production=True)
    job = submitted(provider, replace(JOB, prompt=f"a fox [{mishap}]"))
    found = look(provider, job).outputs

    assert len(found) == 1
    assert opened(provider.fetch(job, found[0])).size == (1024, 1024)


def test_a_mishap_that_does_not_exist_is_refused_at_once():
    with pytest.raises(ValueError, match="no-such-thing"):
        sketch(mishap="no-such-thing")


@pytest.mark.parametrize("request_id", [None, "", "fal-1", "sketch-1-2-no-such-thing-ab", "sketch-1-2-none-ab/../x"])
def test_a_request_of_somebody_else_is_nothing_to_look_at(request_id):
    failed = look(sketch(), replace(JOB, request_id=request_id))

    assert isinstance(failed, Failed)
    assert (failed.trouble, failed.is_permanent) == (Trouble.PROVIDER, True)


@pytest.mark.parametrize("url", ["https://elsewhere.net/1.jpg", "sketch:other/0", "sketch:{id}/x", "sketch:{id}"])
def test_an_output_of_somebody_else_is_nothing_to_fetch(url):
    job = submitted(sketch())

    assert trouble(sketch().fetch, job, Output(url.format(id=job.request_id))) == (Trouble.PROVIDER, True)
