"""What a button says it does: its price, its words, the reason why it cannot be pressed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bots import commands
from bots.commands import refusals
from bots.commands.conversation import Command, Reply, Request, Text
from bots.commands.dispatch import dispatch, hear
from bots.commands.plain import plain, words
from engine import accounts, errors, preferences, purchases
from engine.credits import Credits, parse
from tests.commands.stage import direct, enter, newest

WISH = {"prompt": "a fox", "size": "16:9", "seed": 4}


@pytest.fixture
def here(new_database):
    """One kind of database is enough for buttons."""
    return new_database("sqlite", request_seconds=0)


def ask(user_id, command, key="1", **options):
    return Request("telegram", user_id, key, command, options)


def button(reply, label):
    every = [each for row in reply.card.rows for each in (row.button, row.extra) if each] + list(reply.buttons)
    return next(each for each in every if label in words("en", each.label))


def press(here, who, reply, label, key):
    pressed = button(reply, label)
    return dispatch(here, replace(ask(who, pressed.command, key), options=pressed.options))


def sign_up(here, who):
    account_id, _ = newest(here, "telegram", who)
    here.run(lambda work: accounts.sign_up(work, account_id))
    return account_id


def test_what_a_guest_saw_as_free_asks_first_when_he_is_a_member(here):
    shown = hear(here, ask("gus", ""), "/imagine a fox")
    hear(here, ask("gus", "", "2"), "/imagine a fox --model flux-dev")
    direct(here, "telegram", "gus", "(the picture comes)")
    there = dispatch(here, ask("gus", "last"))
    press(here, "gus", shown, "Make it my default", "3")
    sign_up(here, "gus")

    for number, (reply, label) in enumerate([(there, "Again · free"), (shown, "Draw for free")]):
        answer = press(here, "gus", reply, label, f"late {number}")
        assert "It was free, it is" in "\n".join(plain(answer))
    assert "It was free" in "\n".join(plain(press(here, "gus", shown, "Make it my default", "4")))
    assert "It was free" in "\n".join(plain(hear(here, ask("gus", "", "5"), "/imagine a hen")))


def test_a_wish_reaches_the_picture_over_a_new_default_and_over_a_new_price(here):
    enter(here, "telegram", "alice")
    shown = dispatch(here, ask("alice", "imagine", **WISH))

    chosen = press(here, "alice", shown, "Make it my default", "2")

    (draw, _) = chosen.buttons
    assert (draw.is_main, draw.command) == (True, "imagine")
    assert draw.options == {"prompt": "a fox", "size": "16:9", "model": "nano-banana", "price": 50}
    direct(here, "telegram", "alice", "(the price changes: nano-banana 0.7)")
    asked = dispatch(here, ask("alice", "imagine", "3", prompt="a fox", size="16:9"))
    assert button(asked, "Yes, and keep it my default · 0.7 credits").options["size"] == "16:9"
    kept = press(here, "alice", asked, "Yes, and keep it my default", "4")
    assert button(kept, "Draw it now · 0.7 credits").options["size"] == "16:9"


def test_a_default_that_changed_meanwhile_is_confirmed_and_draws_nothing(here):
    enter(here, "telegram", "alice")
    shown = dispatch(here, ask("alice", "imagine", **WISH))
    direct(here, "telegram", "alice", "(the price changes: nano-banana 0.7)")

    asked = press(here, "alice", shown, "Make it my default", "2")
    press(here, "alice", asked, "keep it my default · 0.7 credits", "3")

    account_id, generation_id = newest(here, "telegram", "alice")
    with here.read() as work:
        assert preferences.get(work, account_id).default_price == 70
    assert generation_id is None


@pytest.mark.parametrize(
    ("who", "reason"), [("bob", "1 credit missing"), ("gus", "no free picture left, the next in 24 h 0 min")]
)
def test_again_is_greyed_with_the_reason(here, who, reason):
    enter(here, "telegram", who)
    if who == "bob":
        direct(here, "telegram", "bob", "(hours pass: 13)")  # five credits of a new day
    for number in range(5 if who == "bob" else 3):
        hear(here, ask(who, "", str(number)), "/imagine a fox --model flux-dev")
        direct(here, "telegram", who, "(the picture comes)")

    again = button(dispatch(here, ask(who, "last")), "Again")

    assert words("en", again.reason) == reason


def test_the_waitlist_is_spoken_of_where_there_is_one(here, monkeypatch):
    enter(here, "telegram", "bob")
    asked = ask("bob", "imagine", prompt="a fox", model="flux-dev")
    without = plain(dispatch(here, asked))
    waitlist = Command("waitlist", lambda work, request: Reply(text=Text("buttons.waitlist")))
    monkeypatch.setattr(commands, "COMMANDS", (*commands.COMMANDS, waitlist))

    told = plain(dispatch(here, asked))

    assert not any("waitlist" in line for line in without)
    assert "Join the Pro waitlist for unlimited access." in told
    assert any(line.endswith(") Join the Pro waitlist") for line in told)


CAPPED = errors.OwnCapReached(parse(2), parse(5), parse("4.5"), datetime.now(UTC) + timedelta(days=2))
FULL = errors.StorageFull(5, 3, 1, 4)
POOR = errors.InsufficientCredits(parse(2), parse(1))


@pytest.mark.parametrize(
    ("shortages", "title", "cheaper"),
    [
        ((FULL, POOR), "Too few credits, and no room", False),
        ((FULL, CAPPED), "Your daily cap is reached, and no room", False),
        ((CAPPED, POOR), "Too few credits, and your daily cap is reached", True),
        ((FULL, CAPPED, POOR), "3 things are in the way", False),
    ],
)
def test_of_several_shortages_each_has_its_meter_and_one_way_is_the_main_one(here, shortages, title, cheaper):
    enter(here, "telegram", "alice")
    account_id, _ = newest(here, "telegram", "alice")
    asked = replace(ask("alice", "imagine", prompt="a fox"), account_id=account_id)

    with here.read() as work:
        reply = refusals.card(work, asked, errors.Shortages(shortages))

    assert words("en", reply.card.title) == title
    assert [row.meter is not None for row in reply.card.rows] == [True] * len(shortages)
    assert [each.label.key for each in reply.buttons if each.label.key.startswith("refusal.cheaper")] == (
        ["refusal.cheaper.price"] if cheaper else []
    )
    assert sum(each.is_main for each in reply.buttons) == 1


def test_a_yes_to_bought_credits_is_the_main_way_before_a_cheaper_model(here):
    enter(here, "telegram", "alice")
    account_id, _ = newest(here, "telegram", "alice")
    asked = replace(ask("alice", "imagine", prompt="a fox", model="flux-dev"), account_id=account_id)

    with here.read() as work:
        reply = refusals.card(
            work, asked, errors.BoughtCreditsNeeded(parse(1), parse("0.5"), parse("0.5"), is_never=False)
        )

    assert [each.label.key for each in reply.buttons if each.is_main] == ["refusal.bought.yes"]
    assert button(reply, "Nano Banana instead").options["price"] == Credits(50)
    assert button(reply, "Yes, spend").options["price"] == Credits(100)


def test_a_member_by_payment_is_shown_the_terms_once(here):
    account_id = here.run(lambda work: accounts.find_or_create(work, "telegram", "paul"))
    here.run(lambda work: purchases.paid(work, "p1", account_id, parse(10)))

    terms = hear(here, ask("paul", ""), "/signup")
    welcome = press(here, "paul", terms, "I accept", "2")

    assert "50 credits for you, without an end date." in plain(welcome)
    assert "You are a member already." in plain(hear(here, ask("paul", "", "3"), "/signup"))


def test_a_welcome_is_no_refusal_in_spanish(here):
    def spanish(key, **options):
        return replace(ask("gus", "signup", key, **options), locale="es")

    assert plain(dispatch(here, spanish("1", accept="2026-11-20")))[0] == "¡Te damos la bienvenida!"
    assert plain(dispatch(here, spanish("2")))[0] == "Ya eres miembro."
