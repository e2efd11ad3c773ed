"""Every refusal as a card that says what is missing, when it comes back, and the ways on."""

from collections.abc import Callable
from typing import Any

from bots.commands import bad_requests, shortages, signup
from bots.commands.bad_requests import no
from bots.commands.conversation import Button, Reply, Request, Text, Tone
from bots.commands.parsing import BadLine
from bots.commands.picker import close, dismiss
from bots.commands.rights import NotAllowed
from bots.commands.shortages import try_again
from bots.texts import Amount
from engine import errors
from engine.database import Work
from engine.errors import Busy, Refusal


def card(work: Work, request: Request, refusal: Refusal) -> Reply:
    """The answer to a refused request. The Work is a new one: the refused one was rolled back."""
    return TABLE[type(refusal)](work, request, refusal)


def busy(request: Request, refusal: Busy) -> Reply:
    """The one card that is made without a database, because that is what was busy."""
    lines = (Text("refusal.busy.how", {"seconds": refusal.retry_in_seconds}),)
    return no("clock", Text("refusal.busy.title"), lines, (try_again(request), dismiss()), Tone.LOW)


def _not_allowed(work: Work, request: Request, refusal: NotAllowed) -> Reply:
    return no("person", Text("refusal.not_allowed", {"command": refusal.command}), (), (close(),))


def _too_soon(work: Work, request: Request, refusal: errors.TooSoon) -> Reply:
    lines = (Text("refusal.too_soon.how", {"seconds": refusal.seconds, "left": refusal.retry_at - work.now()}),)
    return no("clock", Text("refusal.too_soon.title"), lines, (try_again(request), dismiss()), Tone.LOW)


def _queue_full(work: Work, request: Request, refusal: errors.QueueFull) -> Reply:
    if refusal.is_total:
        lines = (Text("refusal.queue.total_how"),)
        return no("clock", Text("refusal.queue.total"), lines, (try_again(request), dismiss()), Tone.LOW)
    facts = {"running": refusal.running, "limit": refusal.limit}
    ways = (try_again(request), Button(Text("refusal.queue.cancel"), "cancel"), dismiss())
    return no("clock", Text("refusal.queue.own", facts), (Text("refusal.queue.own_how"),), ways, Tone.LOW)


def _maintenance(work: Work, request: Request, refusal: errors.UnderMaintenance) -> Reply:
    title = Text("refusal.maintenance.title") if refusal.is_everywhere else Text("refusal.maintenance.here")
    return no("wrench", title, (Text("refusal.maintenance.how"),), (try_again(request), dismiss()), Tone.LOW)


def _banned(work: Work, request: Request, refusal: errors.Banned) -> Reply:
    title = Text("refusal.banned.title") if refusal.is_everywhere else Text("refusal.banned.here")
    reason = Text("refusal.banned.reason", {"reason": refusal.reason})
    since = Text("refusal.banned.since", {"since": refusal.since})
    return no("person", title, (reason, since, Text("refusal.banned.appeal")), (close(),))


def _busy(work: Work, request: Request, refusal: Busy) -> Reply:
    return busy(request, refusal)


def _not_a_member(work: Work, request: Request, refusal: errors.NotAMember) -> Reply:
    ways = (Button(Text("buttons.sign_up"), "signup", is_main=True), dismiss())
    return no("person", Text("refusal.not_a_member"), (), ways, Tone.GUEST)


def _already_member(work: Work, request: Request, refusal: errors.AlreadyMember) -> Reply:
    ways = (Button(Text("buttons.credits"), "credits"), dismiss())
    return no("person", Text("refusal.already_member"), (), ways, Tone.GOOD)


def _not_givable(work: Work, request: Request, refusal: errors.NotGivable) -> Reply:
    facts = {"needed": Amount(refusal.needed), "givable": Amount(refusal.givable)}
    how = Text("refusal.not_givable.frozen") if refusal.is_frozen else Text("refusal.not_givable.how", facts)
    return no("coin", Text("refusal.not_givable.title"), (how,), (close(),))


def _not_linkable(work: Work, request: Request, refusal: errors.NotLinkable) -> Reply:
    return no("person", Text("refusal.not_linkable"), (), (close(),))


def _not_below_zero(work: Work, request: Request, refusal: errors.NotBelowZero) -> Reply:
    facts = {"wanted": Amount(refusal.wanted), "available": Amount(refusal.available)}
    return no("coin", Text("refusal.not_below_zero", facts), (), (close(),))


def _too_late(work: Work, request: Request, refusal: errors.TooLateToCancel) -> Reply:
    has_ended = refusal.state in ("stored", "failed")
    how = Text("refusal.too_late.ended") if has_ended else Text("refusal.too_late.drawing")
    ways = (Button(Text("buttons.show"), "last", {"id": refusal.generation_id}), dismiss())
    return no("clock", Text("refusal.too_late.title"), (how,), ways, Tone.LOW)


def _terms(work: Work, request: Request, refusal: errors.TermsNotAccepted) -> Reply:
    return signup.terms(work)


def _too_many_keys(work: Work, request: Request, refusal: errors.TooManyKeys) -> Reply:
    ways = (Button(Text("buttons.keys"), "apikey", is_main=True), dismiss())
    return no("list", Text("refusal.keys.title", {"limit": refusal.limit}), (Text("refusal.keys.how"),), ways)


TABLE: dict[type[Refusal], Callable[[Work, Request, Any], Reply]] = {
    BadLine: bad_requests.bad_line,
    NotAllowed: _not_allowed,
    errors.Shortages: shortages.several,
    **dict.fromkeys(shortages.PARTS, shortages.one),
    errors.GuestModelTooDear: bad_requests.guest_model,
    errors.TooSoon: _too_soon,
    errors.QueueFull: _queue_full,
    errors.UnderMaintenance: _maintenance,
    errors.Banned: _banned,
    errors.Busy: _busy,
    errors.NotAMember: _not_a_member,
    errors.AlreadyMember: _already_member,
    errors.NotGivable: _not_givable,
    errors.NotLinkable: _not_linkable,
    errors.NotFound: bad_requests.not_found,
    errors.NotBelowZero: _not_below_zero,
    errors.PromptEmpty: bad_requests.prompt_empty,
    errors.PromptTooLong: bad_requests.prompt_too_long,
    errors.PromptForbidden: bad_requests.prompt_forbidden,
    errors.NotOffered: bad_requests.not_offered,
    errors.ModelOff: bad_requests.model_off,
    errors.ModelResting: bad_requests.model_resting,
    errors.PriceChanged: bad_requests.price_changed,
    errors.TooLateToCancel: _too_late,
    errors.TermsNotAccepted: _terms,
    errors.FeedbackEmpty: bad_requests.feedback_empty,
    errors.FeedbackTooLong: bad_requests.feedback_long,
    errors.TooManyKeys: _too_many_keys,
}
