"""Pieces of the page as HTML: the page itself, the answer to a press and the stream all send the same ones."""

from collections.abc import Mapping

from bots.browser.desk import Desk
from bots.browser.front import Front
from bots.browser.rendering import render
from bots.browser.shown import Shown
from bots.browser.visitor import Visitor
from bots.commands.conversation import Reply

Piece = Mapping[str, object]


def badge(front: Front, visitor: Visitor, desk: Desk) -> Piece:
    """The badge, why the composer is closed (empty: it is open), and the language the page should be in."""
    lock = render("lock.html", desk.language, front.media.link, lock=desk.lock) if desk.lock else ""
    html = render("badge.html", desk.language, front.media.link, badge=desk.badge, slots=desk.slots, tag=visitor.tag)
    return {"badge": html, "lock": lock, "known": desk.account_id is not None, "language": desk.language}


def generation(front: Front, language: str, shown: Shown) -> Piece:
    """One generation, whatever has become of it."""
    html = render("generation.html", language, front.media.link, shown=shown)
    return {"id": shown.id, "version": shown.version, "html": html}


def answer(front: Front, reply: Reply, shown: Shown | None) -> str:
    """A command's answer: a generation in its place, or a reply; then what is said beside it."""
    spoken, link = reply.language, front.media.link
    html = (
        render("generation.html", spoken, link, shown=shown)
        if shown
        else render("reply.html", spoken, link, reply=reply)
    )
    return html + (render("notice.html", spoken, link, notice=reply.notice) if reply.notice else "")
