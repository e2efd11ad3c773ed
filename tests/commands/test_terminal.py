"""What is the terminal's own: frames and colours, numbers, pictures that end while nobody looks."""

import io

import pytest
from rich.console import Console

from bots import terminal
from bots.commands.conversation import Card, Meter, Reply, Row, Text, Tone
from bots.terminal.drawing import draw
from tests.commands.stage import direct, enter


class Typist:
    """Standard input: lines, some of which do something when they are asked for."""

    def __init__(self, *lines):
        self.lines = list(lines)

    def isatty(self):
        return False

    def readline(self):
        line = self.lines.pop(0) if self.lines else ""
        return f"{line() or ''}\n" if callable(line) else f"{line}\n" if line else ""


@pytest.fixture
def here(new_database):
    """One kind of database is enough here; the dialogues use both."""
    return new_database("sqlite", request_seconds=0)


def talk(database, monkeypatch, *lines, pause=lambda: None, is_terminal=False):
    """What the screen shows."""
    screen = io.StringIO()
    console = Console(
        file=screen, width=120, force_terminal=is_terminal, color_system="standard" if is_terminal else None
    )
    monkeypatch.setattr("sys.stdin", Typist(*lines))
    terminal.chat(database, Store(), "alice", console=console, pause=pause)
    return screen.getvalue()


class Store:
    """Links to pictures, and nothing else."""

    def link(self, key, filename=None):
        return f"file:///media/{key}"


def test_the_end_of_the_input_ends_the_chat(here, monkeypatch):
    assert "Ctrl-D leaves" in talk(here, monkeypatch)


def test_a_number_without_a_button_is_said_so(here, monkeypatch):
    assert "There is no button 99 here." in talk(here, monkeypatch, "99")


def test_a_picture_is_followed_to_its_end_in_frames_and_colours(here, monkeypatch):
    enter(here, "terminal", "alice")
    ahead = iter(["(it is being drawn)", "(it is ready)", "(the picture comes)"])

    def pause():
        direct(here, "terminal", "alice", next(ahead))

    shown = talk(here, monkeypatch, "a fox --model flux-dev", pause=pause, is_terminal=True)

    assert "Drawn with Flux Dev" in shown
    assert "file:///media/generations/1/0.jpg" in shown
    assert "╭" in shown
    assert "\x1b[32m" in shown


def test_who_stops_looking_is_shown_the_picture_once_when_it_is_there(here, monkeypatch):
    enter(here, "terminal", "alice")

    def stop():
        raise KeyboardInterrupt

    def arrives():
        direct(here, "terminal", "alice", "(the picture comes)")

    shown = talk(here, monkeypatch, "a fox --model flux-dev", arrives, "/credits", pause=stop)

    assert "/last shows it" in shown
    assert shown.count("Picture: file:///media/") == 1


def test_words_of_users_are_no_markup(here):
    screen = io.StringIO()
    reply = Reply(card=Card("list", Text("catalog.own", {"words": "[bold]fox[/] [link=x]"}), Tone.LOW), language="en")

    draw(Console(file=screen, width=80, force_terminal=True, color_system=None), reply, lambda picture: "")

    assert "[bold]fox[/] [link=x]" in screen.getvalue()


def test_a_notice_and_the_meters_of_rows_are_in_the_frame(here):
    screen = io.StringIO()
    row = Row(Text("refusal.storage.title"), meter=Meter(1, 2, Tone.OUT, Text("catalog.own", {"words": "half"})))
    reply = Reply(card=Card("disk", Text("delete.title"), rows=(row,)), notice=Text("settings.changed"), language="en")

    draw(Console(file=screen, width=80, force_terminal=True, color_system=None), reply, lambda picture: "")

    assert "██████████░░░░░░░░░░ half" in screen.getvalue()
    assert "Saved." in screen.getvalue()
