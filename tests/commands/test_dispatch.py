"""The door of the command layer: accounts, rights, one commit, refusals, trouble."""

import logging
from dataclasses import replace

import pytest
import sqlalchemy as sa

from bots import commands
from bots.commands import dispatch as door
from bots.commands.conversation import Command, Reply, Request, Text, Who
from bots.commands.dispatch import dispatch, hear
from bots.commands.plain import plain
from engine import accounts, history, ledger
from engine.tables import accounts as account_rows
from engine.tables import generations


def ask(user_id, command, key="1", platform="telegram", **options):
    return Request(platform, user_id, key, command, options, address="a chat")


def count(database, table):
    with database.read() as work:
        return work.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def text(reply):
    return "\n".join(plain(reply))


def test_a_stranger_becomes_a_guest_once(database):
    for key in ("1", "2"):
        dispatch(database, ask("nora", "credits", key))

    assert count(database, account_rows) == 1


def test_a_refused_stranger_leaves_nothing_behind(database):
    reply = dispatch(database, ask("nora", "imagine", prompt="a fox", model="nano-banana-pro"))

    assert reply.is_refusal
    assert "is for members" in text(reply)
    assert (count(database, account_rows), count(database, generations)) == (0, 0)


def test_the_same_request_twice_makes_one_picture(database, cast):
    replies = [dispatch(database, ask("alice", "imagine", prompt="a fox", model="flux-dev")) for _ in range(2)]

    assert replies[0].generation_id == replies[1].generation_id
    assert count(database, generations) == 1


def test_reading_waits_for_no_writer(database, cast):
    with database.begin() as writer:
        ledger.lock(writer, cast.alice)
        reply = dispatch(database, ask("alice", "credits"))

    assert "You can spend 55 credits" in text(reply)


def test_an_account_that_is_joined_while_we_look_is_looked_for_again(database, cast, monkeypatch):
    """Between the look at the identity and the lock on the account, Carol links her two accounts."""
    answers = iter([cast.carol_on_discord])
    monkeypatch.setattr(door.accounts, "find", lambda *who: next(answers, cast.carol))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "1"))

    reply = dispatch(database, ask("carol", "imagine", platform="discord", prompt="a fox", model="flux-dev"))

    assert "next in line" in text(reply)


def test_a_door_that_knows_the_account_is_believed_also_after_linking(database, cast):
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "1"))

    reply = dispatch(
        database, replace(ask("", "imagine", prompt="a fox", model="flux-dev"), account_id=cast.carol_on_discord)
    )

    with database.read() as work:
        assert history.balance(work, cast.carol).held == 100
    assert reply.generation_id


def test_trouble_is_told_kindly_and_found_in_the_log(database, monkeypatch, caplog):
    def breaks(work, request):
        accounts.find_or_create(work, "telegram", "somebody else")
        raise RuntimeError("a bug")

    monkeypatch.setattr(commands, "COMMANDS", (Command("credits", breaks),))
    with caplog.at_level(logging.ERROR):
        reply = dispatch(database, ask("nora", "credits"))

    assert "went wrong on our side" in text(reply)
    trace = str(reply.text.facts["id"])
    assert trace in text(reply)
    assert f"trouble {trace}: /credits on telegram" in caplog.text
    assert count(database, account_rows) == 0


def test_commands_of_operators_are_for_operators(database, cast, monkeypatch):
    secret = Command("stats", lambda work, request: Reply(text=Text("buttons.show")), who=Who.OPERATOR, is_private=True)
    monkeypatch.setattr(commands, "COMMANDS", (*commands.COMMANDS, secret))

    refused, allowed = (dispatch(database, ask(who, "stats")) for who in ("alice", "dana"))

    assert refused.is_refusal
    assert "/stats is for the people who run this" in text(refused)
    assert allowed.is_private
    assert text(allowed) == "Show it"
    assert "/stats" not in text(dispatch(database, ask("dana", "help")))


def test_buttons_lead_to_commands_that_exist(database, cast):
    reply = dispatch(database, ask("bob", "imagine", platform="discord", prompt="a fox", model="flux-dev"))
    names = {command.name for command in commands.COMMANDS}

    assert [button.command for button in reply.buttons if button.command not in names] == [""]


@pytest.mark.parametrize(
    ("locale", "title"), [("es-MX", "Historial"), ("es_ES", "Historial"), ("fr", "History"), ("", "History")]
)
def test_a_platforms_locale_chooses_the_language(database, cast, locale, title):
    reply = dispatch(database, replace(ask("alice", "history"), locale=locale))

    assert plain(reply)[0] == title


def test_a_bad_line_is_answered_in_the_accounts_own_language(database, cast):
    hear(database, ask("alice", ""), "/settings --language es")

    reply = hear(database, ask("alice", ""), "/creditos")

    assert "¿Querías decir /credits?" in text(reply)


def test_an_invented_command_is_refused(database):
    assert dispatch(database, ask("nora", "__class__")).is_refusal


def test_an_invented_option_is_refused(database):
    assert dispatch(database, ask("nora", "credits", account_id=1)).is_refusal


def test_a_statements_page_that_was_never_handed_out_is_refused(database, cast):
    reply = dispatch(database, ask("alice", "history", after="1-x"))

    assert "That page is gone" in text(reply)


def test_the_statement_goes_on_page_by_page(database, cast):
    for number in range(6):
        request = ask("alice", "imagine", key=str(number), prompt="a fox", model="nano-banana")
        generation_id = dispatch(database, request).generation_id
        dispatch(database, ask("alice", "cancel", id=generation_id))

    first = dispatch(database, ask("alice", "history"))
    older = first.buttons[0]
    second = dispatch(database, ask("alice", "history", **older.options))

    assert len(first.card.rows) == 10
    assert [plain(second)[-1].split(" · ")[0], len(second.buttons)] == ["Welcome credits", 0]


def test_only_own_pictures_are_shown_cancelled_or_deleted(database, cast):
    generation_id = dispatch(database, ask("alice", "imagine", prompt="a fox", model="flux-dev")).generation_id

    for command in ("last", "cancel", "delete"):
        assert f"You have no picture {generation_id}" in text(dispatch(database, ask("gus", command, id=generation_id)))


def test_deleting_twice_takes_nothing_else(database, cast):
    reply = dispatch(database, ask("alice", "delete", ids=f"7,8,x,{'9' * 5000}"))

    assert "0 pictures deleted" in text(reply)


def test_yes_to_older_terms_shows_the_present_ones(database):
    reply = dispatch(database, ask("gus", "signup", accept="2020-01-01"))

    assert "Terms of 2026-11-20." in text(reply)
    with database.read() as work:
        assert accounts.find(work, "telegram", "gus") is None


def test_what_is_anybodys_own_is_answered_privately():
    private = {command.name for command in commands.COMMANDS if command.is_private}

    assert private == {"credits", "history", "signup", "settings", "delete", "apikey", "feedback"}
