"""The table of dialogues straight through dispatch, and at the terminal's prompt."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from rich.console import Console

from bots import terminal
from bots.commands import results
from bots.commands.conversation import Reply, Request
from bots.commands.dispatch import dispatch, hear
from bots.commands.plain import plain, pressable, words
from engine.database import Database
from tests.commands.dialogues import DIALOGUES, Turn
from tests.commands.stage import direct, enter, newest
from tests.conftest import NewDatabase


@pytest.mark.parametrize("story", DIALOGUES)
def test_a_dialogue_with_the_commands(database: Database, story: str) -> None:
    who, turns = DIALOGUES[story]
    enter(database, "telegram", who)
    reply, keys = Reply(language="en"), count(1)
    for says, expects in turns:
        reply = _say(database, who, says, str(next(keys)), reply)
        check(says, expects, "\n".join(plain(reply)))


@pytest.mark.parametrize("story", DIALOGUES)
def test_a_dialogue_at_the_terminal(new_database: NewDatabase, story: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one kind of database: what differs between the two is below dispatch."""
    who, turns = DIALOGUES[story]
    database = new_database("sqlite", request_seconds=0)
    enter(database, terminal.following.PLATFORM, who)
    screen = io.StringIO()
    keyboard = Keyboard(database, who, turns, screen)
    monkeypatch.setattr("sys.stdin", keyboard)

    terminal.chat(
        database,
        NoStore(),
        who,
        where=lambda picture: f"file of picture {picture.generation_id}",
        console=Console(file=screen, highlight=False),
        pause=keyboard.pause,
    )

    assert keyboard.is_over


def check(says: str, expects: list[str], heard: str) -> None:
    """Everything expected was heard, and nothing else that begins with `!`."""
    for text in expects:
        if text.startswith("!"):
            assert text[1:] not in heard, f"after {says!r}, {text[1:]!r} in:\n{heard}"
        else:
            assert text in heard, f"after {says!r}, no {text!r} in:\n{heard}"


def _say(database: Database, who: str, says: str, key: str, last: Reply) -> Reply:
    request = Request("telegram", who, key, "", locale="en-GB", address="a chat")
    if says.startswith("("):
        direct(database, "telegram", who, says)
        account_id, generation_id = newest(database, "telegram", who)
        with database.read() as work:
            return (
                results.show(work, account_id, generation_id, "en") if generation_id and "hours" not in says else last
            )
    if not says.startswith("["):
        return hear(database, request, says)
    button = next(each for each in pressable(last) if says[1:-1] in words(last.language, each.label))
    return dispatch(database, replace(request, command=button.command, options=button.options))


class NoStore:
    """No picture is fetched here: the terminal is told where they are."""

    def put(self, key: str, content: bytes, content_type: str) -> None: ...
    def get(self, key: str) -> bytes: ...
    def delete(self, keys: object) -> None: ...
    def link(self, key: str, filename: str | None = None) -> str: ...


class Keyboard:
    """Types the turns of a dialogue, and lets stage directions happen while the terminal waits for a picture."""

    def __init__(self, database: Database, who: str, turns: list[Turn], screen: io.StringIO) -> None:
        self.database, self.who, self.screen = database, who, screen
        self.turns: Iterator[Turn] = iter(turns)
        self.next: Turn | None = next(self.turns)
        self.said: Turn = ("", [])

    @property
    def is_over(self) -> bool:
        return self.next is None

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        """The next line; an empty one after a direction, so that the terminal shows what has happened."""
        self._listen()
        if self.next is None:
            return ""
        says = self._advance()
        if says.startswith("("):
            direct(self.database, terminal.following.PLATFORM, self.who, says)
            return "\n"
        if says.startswith("["):
            return self._number(says[1:-1]) + "\n"
        return says + "\n"

    def pause(self) -> None:
        """A look later: what happens meanwhile, or the user stops looking because he has more to say."""
        if self.next is None or not self.next[0].startswith("(") or "hours" in self.next[0]:
            raise KeyboardInterrupt
        self._listen()
        direct(self.database, terminal.following.PLATFORM, self.who, self._advance())

    def _advance(self) -> str:
        assert self.next is not None
        self.said, self.next = self.next, next(self.turns, None)
        return self.said[0]

    def _listen(self) -> None:
        """What was heard since the last turn; the screen is kept for a button that a later turn presses."""
        heard = self.screen.getvalue()
        check(*self.said, heard)
        if heard.strip():
            self.last = heard
        self.screen.seek(0)
        self.screen.truncate()

    def _number(self, label: str) -> str:
        found = [line for line in self.last.splitlines() if re.match(r" *\d+\) ", line) and label in line]
        return found[0].split(")")[0].strip()
