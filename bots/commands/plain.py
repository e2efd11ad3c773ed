"""A Reply as plain lines of text, its buttons numbered."""

from bots.commands.conversation import Button, Card, Meter, Reply, Row, Text
from bots.texts import FALLBACK, say

WIDTH = 20


def plain(reply: Reply) -> list[str]:
    """The lines in the Reply's language, without its pictures. Buttons are numbered in the order of `pressable`."""
    language = reply.language or FALLBACK
    numbers = {id(button): number for number, button in enumerate(pressable(reply), 1)}
    lines = [words(language, reply.text)] if reply.text else []
    if reply.card:
        lines += _card(language, reply.card, numbers)
    lines += [words(language, reply.notice)] if reply.notice else []
    return lines + [button_line(language, button, numbers) for button in reply.buttons]


def pressable(reply: Reply) -> list[Button]:
    """Every button that can be pressed: those of the rows first, then those below."""
    rows = reply.card.rows if reply.card else ()
    everything = [*(button for row in rows for button in (row.button, row.extra)), *reply.buttons]
    return [button for button in everything if button and button.reason is None]


def words(language: str, text: Text) -> str:
    """A text in a language."""
    return say(language, text.key, text.facts)


def bar(meter: Meter) -> str:
    """A meter as signs: what is there, then what is not."""
    filled = round(WIDTH * min(max(meter.value, 0), meter.most) / meter.most) if meter.most > 0 else 0
    return "█" * filled + "░" * (WIDTH - filled)


def button_line(language: str, button: Button, numbers: dict[int, int]) -> str:
    """A button with its number, or with the reason why it has none."""
    label = words(language, button.label)
    if button.reason:
        return f"  -  {label} ({words(language, button.reason)})"
    return f" {numbers[id(button)]:>2}) {label}"


def row_lines(language: str, row: Row) -> list[str]:
    """A row's title and details in one line."""
    mark = f" [{words(language, row.mark)}]" if row.mark else ""
    details = "".join(f" · {words(language, detail)}" for detail in row.details)
    return [f"{words(language, row.title)}{mark}{details}"]


def _card(language: str, card: Card, numbers: dict[int, int]) -> list[str]:
    lines = [words(language, card.title), *(words(language, line) for line in card.lines)]
    lines += [f"{bar(meter)} {words(language, meter.label)}" for meter in card.meters]
    for row in card.rows:
        lines += row_lines(language, row)
        lines += [f"{bar(row.meter)} {words(language, row.meter.label)}"] if row.meter else []
        lines += [button_line(language, button, numbers) for button in (row.button, row.extra) if button]
    return lines
