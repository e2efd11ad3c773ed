"""A Reply on the screen: framed and coloured at a terminal, plain lines anywhere else."""

from collections.abc import Callable

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text as Styled

from bots.commands.conversation import Card, Meter, Picture, Reply, Tone
from bots.commands.plain import bar, button_line, plain, pressable, row_lines, words
from bots.texts import FALLBACK, say

COLOURS = {Tone.GOOD: "green", Tone.LOW: "yellow", Tone.OUT: "red", Tone.GUEST: "blue"}


def draw(console: Console, reply: Reply, where: Callable[[Picture], str]) -> None:
    """The whole answer, and where its pictures are."""
    if console.is_terminal:
        console.print(frame(reply))
    else:
        console.print("\n".join(plain(reply)), markup=False, soft_wrap=True)
    for picture in reply.pictures:
        note(console, reply.language, "terminal.picture", where=where(picture))


def frame(reply: Reply) -> Group:
    """Text, card and buttons for a terminal. Users' words are never read as markup."""
    language = reply.language or FALLBACK
    numbers = {id(button): number for number, button in enumerate(pressable(reply), 1)}
    parts: list[Panel | Styled] = [Styled(words(language, reply.text))] if reply.text else []
    if reply.card:
        parts.append(_panel(language, reply.card, numbers))
    parts += [Styled(words(language, reply.notice))] if reply.notice else []
    return Group(*parts, *(Styled(button_line(language, button, numbers), "bold") for button in reply.buttons))


def note(console: Console, language: str, key: str, **facts: object) -> None:
    """One line that is the terminal's own."""
    console.print(Styled(say(language or FALLBACK, key, facts), "dim"), soft_wrap=True)


def _panel(language: str, card: Card, numbers: dict[int, int]) -> Panel:
    lines = [Styled(words(language, line)) for line in card.lines]
    lines += [_meter(language, meter) for meter in card.meters]
    for row in card.rows:
        lines += [Styled(line) for line in row_lines(language, row)]
        lines += [_meter(language, row.meter)] if row.meter else []
        buttons = [button for button in (row.button, row.extra) if button]
        lines += [Styled(button_line(language, button, numbers), "bold") for button in buttons]
    title = Styled(words(language, card.title), "bold")
    return Panel(Group(*lines), title=title, title_align="left", border_style=COLOURS[card.tone])


def _meter(language: str, meter: Meter) -> Styled:
    return Styled.assemble((bar(meter), COLOURS[meter.tone]), f" {words(language, meter.label)}")
