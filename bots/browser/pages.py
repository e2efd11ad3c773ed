"""The chat page as a whole, from one short read."""

from bots.browser import desk as desks
from bots.browser.composer import composer
from bots.browser.desk import PLATFORM, Desk
from bots.browser.front import Front
from bots.browser.rendering import render
from bots.browser.visitor import Visitor
from bots.commands import examples
from bots.commands.conversation import Request
from bots.texts import say

SCRIPT_WORDS = ("reconnecting", "offline", "lost", "retry", "renew")


def chat(front: Front, visitor: Visitor) -> str:
    """The page of a visitor. Raises Busy."""
    with front.database.read() as work:
        desk = desks.look(work, visitor.user_id, visitor.locale)
        values = {"composer": composer(work, desk), "examples": examples.buttons(work, _asked(visitor, desk))}
    return render("chat.html", desk.language, front.media.link, **frame(front, visitor, desk), **values)


def missing(front: Front, language: str) -> str:
    """The page for an address where nothing is."""
    return render("missing.html", language, front.media.link, name=front.settings.name)


def frame(front: Front, visitor: Visitor, desk: Desk) -> dict[str, object]:
    """What header and script of a page need."""
    return {
        "name": front.settings.name,
        "badge": desk.badge,
        "slots": desk.slots,
        "tag": visitor.tag,
        "since": desk.at,
        "is_known": desk.account_id is not None,
        "shown_all": desk.generations,
        "words": {name: say(desk.language, f"browser.line.{name}") for name in SCRIPT_WORDS},
    }


def _asked(visitor: Visitor, desk: Desk) -> Request:
    """Nothing yet, by whoever looks at the page."""
    account_id = desk.account_id or 0
    return Request(PLATFORM, visitor.user_id or "", "", "", account_id=account_id, language=desk.language)
