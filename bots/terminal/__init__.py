"""The commands at a prompt: the smallest front, and the quickest to try.

drawing.py    a Reply on the screen
following.py  a generation until its end, and results that are owed
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from time import sleep
from uuid import uuid4

from rich.console import Console

from bots.commands.conversation import Button, Picture, Reply, Request
from bots.commands.dispatch import dispatch, hear
from bots.commands.plain import pressable
from bots.terminal import following
from bots.terminal.drawing import draw, note
from bots.terminal.following import Seat
from engine.database import Database
from engine.ports import MediaStore


def chat(
    database: Database,
    media: MediaStore,
    user_id: str,
    *,
    locale: str = "en",
    where: Callable[[Picture], str] | None = None,
    console: Console | None = None,
    pause: Callable[[], None] = lambda: sleep(0.3),
) -> None:
    """Read a line, show its answer, follow its picture until its end; until the input ends (Ctrl-D).

    `where` says where a picture is, otherwise the store's link does; `pause` passes between two looks at a picture.
    """
    find = where or (lambda picture: media.link(picture.key))
    seat = Seat(database, console or Console(highlight=False), user_id, locale, find, pause)
    reply = _show(seat, dispatch(database, replace(following.request(seat), command="start")))
    note(seat.console, reply.language, "terminal.hint")
    while (line := _read(seat)) is not None:
        if line.strip():
            reply = _answer(seat, reply, line.strip())


def _answer(seat: Seat, last: Reply, line: str) -> Reply:
    """What a line brings: a number presses a button of the last answer, everything else is said."""
    asked = replace(following.request(seat), key=uuid4().hex)
    if not line.isdecimal():
        return _show(seat, hear(seat.database, asked, line))
    buttons = pressable(last)
    if not 0 < int(line) <= len(buttons):
        note(seat.console, last.language, "terminal.no_button", number=line)
        return last
    return _press(seat, asked, buttons[int(line) - 1], last)


def _press(seat: Seat, asked: Request, button: Button, last: Reply) -> Reply:
    if not button.command:
        return Reply(language=last.language)
    return _show(seat, dispatch(seat.database, replace(asked, command=button.command, options=button.options)))


def _show(seat: Seat, reply: Reply) -> Reply:
    draw(seat.console, reply, seat.where)
    return following.follow(seat, reply)


def _read(seat: Seat) -> str | None:
    """The next line; None at the end of the input. Ctrl-C gives up the line that was begun."""
    following.show_owed(seat)
    while True:
        try:
            return seat.console.input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return None
        except KeyboardInterrupt:
            seat.console.print()
