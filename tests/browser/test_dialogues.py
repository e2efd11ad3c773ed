"""The table of dialogues through the pages' own routes: what is typed or pressed there, and what the page shows."""

import json
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa

from engine.tables import sessions
from tests.browser.guest import Guest
from tests.commands.dialogues import DIALOGUES
from tests.commands.stage import direct, enter, newest

SHOWN_AS_A_DRAWING = re.compile(r"step \d of 4")


@pytest.fixture
def kind():
    """On one kind of database: what differs between the two is below dispatch."""
    return "sqlite"


class Seen(HTMLParser):
    """What a reader of a fragment sees, and the buttons there are to press: (label, command, options)."""

    def __init__(self, html):
        super().__init__()
        self.words, self.buttons = [], []
        self._button = None
        self.feed(html)

    @property
    def text(self):
        return bare(" ".join(self.words))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "button" and "data-command" in given:
            self._button = ([], given) if given.get("aria-disabled") != "true" else None

    def handle_data(self, data):
        self.words.append(data)
        if self._button:
            self._button[0].append(data)

    def handle_endtag(self, tag):
        if tag == "button" and self._button:
            label, given = self._button
            options = json.loads(given.get("data-options") or "{}")
            self.buttons.append((bare(" ".join(label)), given["data-command"], options))
            self._button = None


def bare(text):
    """Words alone: a line of text has signs between its parts where a page has space."""
    return " ".join(re.sub(r"[·()\[\]]", " ", text).split())


def article(page, generation_id):
    """One generation, as the whole page shows it."""
    found = re.search(rf'<article [^>]*data-generation="{generation_id}".*?</article>', page, re.DOTALL)
    return found[0] if found else ""


def sit_down(site, who):
    """A browser whose session is this person's."""
    guest = Guest(site.url)
    mine = sessions.c.token_hash == sha256(guest.client.cookies["easel"].encode()).digest()
    with site.database.begin() as work:
        work.execute(sa.update(sessions).where(mine).values(user_id=who))
    return guest


@pytest.mark.parametrize("story", DIALOGUES)
def test_a_dialogue_in_the_browser(site, story):
    who, turns = DIALOGUES[story]
    enter(site.database, "browser", who)
    with sit_down(site, who) as guest:
        seen = Seen("")
        for says, expects in turns:
            if says.startswith("("):
                direct(site.database, "browser", who, says)
                _, generation_id = newest(site.database, "browser", who)
                if generation_id and "hours" not in says:
                    seen = Seen(article(guest.client.get("/").text, generation_id))
            elif says.startswith("["):
                wanted = bare(says[1:-1])
                _, command, options = next(button for button in seen.buttons if wanted in button[0])
                seen = Seen(guest.press(command, **options)["html"])
            else:
                seen = Seen(guest.say(says)["html"])
            check(says, expects, seen.text)


def check(says, expects, heard):
    for text in expects:
        wanted = bare(text.removeprefix("!"))
        if not SHOWN_AS_A_DRAWING.fullmatch(text):
            assert (wanted in heard) is not text.startswith("!"), f"after {says!r}, {text!r} in:\n{heard}"
