"""Who somebody is without a chat platform: personal keys for the API, and visitors of the pages. And what they say."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine import accounts, feedback, keys, ledger, sessions
from engine.errors import AccountClosed, FeedbackEmpty, FeedbackTooLong, NotFound, TooManyKeys
from engine.tables import consents, personal_keys
from engine.tables import feedback as said
from engine.tables import sessions as visits
from tests.conftest import later


def create(database, account_id):
    return database.run(lambda work: keys.create(work, account_id))


def owner(database, secret):
    with database.read() as work:
        return keys.owner(work, secret)


def all_keys(database, account_id):
    with database.read() as work:
        return keys.all_keys(work, account_id)


def revoke(database, account_id, key_id):
    database.run(lambda work: keys.revoke(work, account_id, key_id))


def find(database, token):
    with database.read() as work:
        return sessions.find(work, token)


# keys


def test_a_key_is_its_owners_and_only_its_hash_is_kept(database, cast):
    key = create(database, cast.alice)

    assert owner(database, key.secret) == cast.alice
    assert owner(database, key.secret[:-1]) is None
    (known,) = all_keys(database, cast.alice)
    assert (known.id, known.hint, known.last_used_at) == (key.id, key.secret[-4:], None)
    with database.read() as work:
        row = work.execute(sa.select(personal_keys)).one()
    assert key.secret not in str(row) and key.secret.encode() not in bytes(row.secret_hash)


def test_a_revoked_key_is_dead_at_once(database, cast):
    key, other = create(database, cast.alice), create(database, cast.alice)
    with pytest.raises(NotFound):
        revoke(database, cast.carol, key.id)

    revoke(database, cast.alice, key.id)

    assert (owner(database, key.secret), owner(database, other.secret)) == (None, cast.alice)
    assert [known.id for known in all_keys(database, cast.alice)] == [other.id]
    with pytest.raises(NotFound):
        revoke(database, cast.alice, key.id)


def test_only_so_many_keys_are_alive_at_once(database, cast):
    first, *_ = [create(database, cast.alice) for _ in range(5)]
    with pytest.raises(TooManyKeys) as refused:
        create(database, cast.alice)
    assert refused.value.limit == 5

    revoke(database, cast.alice, first.id)

    assert create(database, cast.alice)


def test_a_key_follows_its_owner_when_accounts_are_linked(database, cast):
    key = create(database, cast.carol_on_discord)
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    assert owner(database, key.secret) == cast.carol
    revoke(database, cast.carol, key.id)
    with pytest.raises(AccountClosed):
        create(database, cast.carol_on_discord)


def test_the_use_of_a_key_is_noted_every_few_minutes(database, cast):
    secret = create(database, cast.alice).secret

    def used(**wait):
        later(database, **wait)
        database.run(lambda work: keys.note_use(work, secret))
        return all_keys(database, cast.alice)[0].last_used_at

    first = used()
    assert first is not None
    assert used(minutes=4) == first
    assert used(minutes=2) - first > timedelta(minutes=5)


# sessions


def test_a_visitor_is_known_by_the_token_alone(database):
    token, other = database.run(sessions.create), database.run(sessions.create)

    assert find(database, token) == find(database, token)
    assert len({find(database, token), find(database, other), find(database, "made up")}) == 3
    assert find(database, "made up") is None
    with database.read() as work:
        assert token.encode() not in b"".join(work.execute(sa.select(visits.c.token_hash)).scalars())


def test_a_session_ends_a_year_after_the_last_visit(database):
    token = database.run(sessions.create)
    later(database, days=300)
    database.run(lambda work: sessions.note_visit(work, token))
    later(database, days=300)
    assert find(database, token)

    later(database, days=66)

    assert find(database, token) is None


def test_a_visit_is_to_be_written_down_once_a_day(database):
    token = database.run(sessions.create)

    def is_noted(**wait):
        later(database, **wait)
        with database.read() as work:
            return sessions.is_noted(work, token)

    assert is_noted(hours=23)
    assert not is_noted(hours=2)
    database.run(lambda work: sessions.note_visit(work, token))
    assert is_noted()
    with database.read() as work:
        assert not sessions.is_noted(work, "made up")


def test_visitors_who_said_nothing_are_forgotten_and_those_who_spoke_are_not(database):
    silent, spoke = database.run(sessions.create), database.run(sessions.create)
    user_id = find(database, spoke)
    database.run(lambda work: accounts.find_or_create(work, sessions.PLATFORM, user_id))
    assert database.run(sessions.forget_old) == 0

    later(database, days=3)
    assert database.run(sessions.forget_old) == 1
    assert (find(database, silent), find(database, spoke)) == (None, user_id)
    later(database, days=363)
    assert database.run(sessions.forget_old) == 1


# what they say


def test_feedback_is_kept_and_follows_its_author(database, cast):
    database.run(lambda work: feedback.give(work, cast.carol_on_discord, "discord", "  more foxes \n"))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    with database.read() as work:
        row = work.execute(sa.select(said)).one()
    assert (row.account_id, row.platform, row.text) == (cast.carol, "discord", "more foxes")


def test_feedback_says_something_and_not_too_much(database, cast):
    with pytest.raises(FeedbackEmpty):
        database.run(lambda work: feedback.give(work, cast.alice, "telegram", " \n"))
    with pytest.raises(FeedbackTooLong) as refused:
        database.run(lambda work: feedback.give(work, cast.alice, "telegram", "x" * 4001))
    assert (refused.value.length, refused.value.limit) == (4001, 4000)


def test_the_terms_that_were_accepted_are_kept_once(database, cast):
    database.run(lambda work: accounts.sign_up(work, cast.gus, terms="2026-11-20"))

    with database.read() as work:
        agreed = work.execute(sa.select(consents.c.account_id, consents.c.document, consents.c.version)).all()
    assert [tuple(row) for row in agreed] == [(cast.gus, "terms", "2026-11-20")]
