"""A newcomer's walk through the product in a real browser: guest, limit, sign-up, member, many tabs, every state."""

import re
from contextlib import closing, contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine import administration, history
from engine.audit import audit
from engine.credits import Credits, parse
from engine.tables import accounts
from tests.up import house

pytestmark = pytest.mark.long

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
SLOW = 30_000


class Visitor:
    """One browser with its pages; what goes wrong in them is kept."""

    def __init__(self, context, url):
        self.context, self.url = context, url
        self.complaints = []

    def open(self, path="/"):
        page = self.context.new_page()
        page.set_default_timeout(SLOW)
        page.on(
            "console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text)
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.url + path)
        return page


@contextmanager
def visitor(chromium, url, **more):
    context = chromium.new_context(**more)
    try:
        someone = Visitor(context, url)
        yield someone
        assert someone.complaints == []
    finally:
        context.close()


def say(page, line):
    page.locator("#line").fill(line)
    page.keyboard.press("Enter")


def badge(page):
    return page.locator("#badge [data-badge]")


def pictures(page):
    return page.locator("[data-phase=done] img")


def draw(page, prompt, model="flux-dev"):
    say(page, f"/imagine {prompt} --model {model}")


def stays(page):
    """Whether the header is where it was, and the page has nothing to scroll."""
    return page.evaluate(
        "[document.querySelector('.top').getBoundingClientRect().top,"
        " document.scrollingElement.scrollHeight - document.scrollingElement.clientHeight]"
    ) == [0, 0]


def leave(running, rest):
    """Take from the newest account until only this is left, as an operator would from the terminal."""
    with closing(running.database()) as database, database.begin() as work:
        account_id = work.execute(sa.select(sa.func.max(accounts.c.id))).scalar_one()
        amount = Credits(parse(rest) - history.balance(work, account_id).spendable)
        administration.credit(work, account_id, amount, uuid4().hex, actor="terminal", reason="for the walk")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with house(tmp_path_factory.mktemp("walk"), EASEL_SKETCH_SECONDS="1.5", EASEL_REQUEST_SECONDS="0") as one:
        yield one
        with closing(one.database()) as database:
            *_, report = audit(database)
            assert report.is_clean, report.findings


def test_a_newcomer_sees_the_price_gets_a_picture_and_finds_the_charge(chromium, running):
    with visitor(chromium, running.url, viewport=DESKTOP) as newcomer:
        page = newcomer.open()
        assert "3/3" in badge(page).inner_text()

        page.locator("#line").press_sequentially("/sig")
        page.locator("#choices [role=option]").first.wait_for()
        page.keyboard.press("Enter")
        page.locator("#line").press("Enter")
        page.locator("[data-command=signup][data-options*=accept]").last.click()
        page.get_by_text(re.compile("55 credits|50 credits|50 welcome")).first.wait_for()

        say(page, "/imagine a fox in the snow")
        button = page.locator("[data-command=imagine][data-options*=flux-dev]").last
        assert "1 credit" in button.inner_text()
        button.click()
        page.locator("[data-phase=done]").wait_for()
        assert pictures(page).first.get_attribute("alt") == "a fox in the snow"
        assert pictures(page).first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        assert "1 credit" in page.locator("[data-phase=done]").inner_text()

        say(page, "/history")
        answer = page.locator("#log article, #log .card").last
        answer.wait_for()
        page.get_by_text(re.compile("a fox in the snow|charged|picture", re.IGNORECASE)).last.wait_for()

        leave(running, "10.5")
        badge(page).get_by_text("10.5 credits").wait_for()
        draw(page, "an owl in the snow")
        page.locator("[data-phase=done]").nth(1).wait_for()
        assert "9.5 credits" in page.locator(".answer[data-phase=done] + .notice").inner_text()

        leave(running, "0")
        draw(page, "a heron in the snow")
        page.locator("dialog[open]").wait_for()
        page.keyboard.press("Escape")
        leave(running, "5")
        page.locator(".note[data-answer] [data-command=imagine]").click()
        page.locator("[data-phase=done]").nth(2).wait_for()
        assert page.locator(".note[data-answer]").count() == 0

        say(page, "/settings --language es")
        page.locator("html[lang=es]").wait_for()
        page.locator("[data-answer][lang=es] [data-options*=language]").first.wait_for()
        assert page.locator(".hint").inner_text().startswith("/ para ver los comandos")
        assert stays(page)


def test_a_guest_is_told_when_the_pictures_are_used_up_and_the_composer_says_why(chromium, running):
    with visitor(chromium, running.url, viewport=PHONE, color_scheme="dark") as guest:
        page = guest.open()
        for left in (2, 1, 0):
            draw(page, f"a harbour, {left} left")
            page.locator("[data-phase=done]").nth(2 - left).wait_for()
            badge(page).get_by_text(f"{left}/3").wait_for()

        page.locator("#lock:not([hidden])").wait_for()
        assert page.locator("#line").is_disabled()
        page.reload()
        assert page.locator("#line").is_disabled()
        assert page.locator("[data-phase=done]").count() == 3

        page.locator("#lock [data-command=signup]").click()
        page.locator("[data-command=signup][data-options*=accept]").last.click()
        page.locator("#line:not([disabled])").wait_for()
        say(page, "/settings")
        page.locator("#log [data-command=settings][data-options*=language]").first.wait_for()
        assert stays(page)


def test_a_page_that_is_reloaded_in_the_middle_goes_on(chromium, running):
    with visitor(chromium, running.url, viewport=PHONE) as guest:
        page = guest.open()
        draw(page, "a lighthouse")
        page.locator("[data-phase]").first.wait_for()
        page.reload()
        assert page.locator("[data-generation]").count() == 1
        page.locator("[data-phase=done]").wait_for()


def test_seven_tabs_share_one_stream_and_all_see_the_picture(chromium, running):
    with visitor(chromium, running.url, viewport=DESKTOP) as guest:
        listening = set()
        is_stream = lambda request: urlsplit(request.url).path == "/events"
        guest.context.on("request", lambda request: is_stream(request) and listening.add(request.frame.page))
        first = guest.open()
        draw(first, "a kite over the sea")
        first.locator("[data-phase=done]").wait_for()
        tabs = [first, *(guest.open() for _ in range(6))]

        draw(tabs[3], "a kite over the hills")
        for tab in tabs:
            tab.locator("[data-phase=done]").nth(1).wait_for()
            badge(tab).get_by_text("1/3").wait_for()

        assert listening == {first}
        tabs[0].close()  # whoever held the stream, another takes over
        draw(tabs[5], "a kite over the town")
        for tab in tabs[1:]:
            tab.locator("[data-phase=done]").nth(2).wait_for()


def test_the_keyboard_alone_is_enough(chromium, running):
    with visitor(chromium, running.url, viewport=DESKTOP) as guest:
        page = guest.open()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        page.keyboard.type("a red balloon")
        page.keyboard.press("Enter")
        page.locator("[data-command=imagine][data-options*=nano-banana]").first.focus()
        page.keyboard.press("Enter")
        page.locator("[data-phase=done]").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_state_fits_its_page(chromium, running, shots, viewport, scheme):
    with visitor(chromium, running.url, viewport=viewport, color_scheme=scheme) as guest:
        page = guest.open("/demo/states")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0
        assert page.locator("[data-badge]").count() >= 4
        if shots:
            page.screenshot(path=shots / f"states-{viewport['width']}-{scheme}.png", full_page=True)


def test_the_apis_page_opens(chromium, running):
    with visitor(chromium, running.url) as guest:
        page = guest.open("/docs")
        page.get_by_text("/api/generate-image").first.wait_for()
