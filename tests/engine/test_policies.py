"""May this generation start? One story a rule, with the facts that its refusal tells."""

from dataclasses import asdict
from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from engine import accounts, administration, allowance, catalog, generations, ledger, purchases
from engine.credits import parse
from engine.errors import (
    Banned,
    GuestLimit,
    GuestModelTooDear,
    InsufficientCredits,
    ModelOff,
    NotOffered,
    PriceChanged,
    PromptEmpty,
    PromptForbidden,
    PromptTooLong,
    QueueFull,
    Refusal,
    Shortages,
    StorageFull,
    TooSoon,
    UnderMaintenance,
)
from engine.generations import Ask
from engine.settings import MEGABYTE
from engine.tables import State, models, spaces
from tests.conftest import later, make_cast, make_pool

DAY = timedelta(days=1)
DANA = {"actor": "telegram:dana", "reason": "a test of Dana"}
_messages = count(1)


def request(database, account_id, model_id="flux-dev", **more):
    ask = Ask(account_id, "telegram", f"message {next(_messages)}", model_id, more.pop("prompt", "a fox"), **more)
    return database.run(lambda work: generations.request(work, ask))


def refusal(database, account_id, model_id="flux-dev", **more):
    with pytest.raises(Refusal) as refused:
        request(database, account_id, model_id, **more)
    return refused.value


def picture(database, account_id, bytes_stored=1000, **more):
    """A whole generation, stored and paid."""
    generation = request(database, account_id, **more)
    stored = (generation.id, State.STORED, generation.price, bytes_stored)
    return database.run(lambda work: generations.end(work, *stored))


def end(database, generation, state):
    return database.run(lambda work: generations.end(work, generation.id, state))


def window(database, account_id, at=None):
    with database.read() as work:
        return allowance.guest_window(work, account_id, at or work.now())


def new_space(database, name):
    row = sa.insert(spaces).values(platform="discord", platform_id=name).returning(spaces.c.id)
    return database.run(lambda work: work.execute(row).scalar_one())


def switch(database, is_on, space_id=0):
    database.run(lambda work: administration.maintenance(work, is_on, space_id=space_id, **DANA))


# maintenance


def test_maintenance_everywhere_stops_everyone_in_every_space(database, cast):
    guild = new_space(database, "guild")
    switch(database, True)

    for somebody, space_id in ((cast.alice, 0), (cast.gus, guild), (cast.dana, guild)):
        told = refusal(database, somebody, space_id=space_id)
        assert (type(told), told.is_everywhere) == (UnderMaintenance, True)

    switch(database, False)
    assert request(database, cast.alice, space_id=guild).state is State.QUEUED


def test_maintenance_of_one_space_stops_that_space_only(database, cast):
    guild, other_guild = new_space(database, "guild"), new_space(database, "other guild")
    switch(database, True, guild)

    told = refusal(database, cast.alice, space_id=guild)

    assert (type(told), told.is_everywhere) == (UnderMaintenance, False)
    assert request(database, cast.alice, space_id=other_guild)
    assert request(database, cast.alice)


def test_what_is_running_ends_as_usual_under_maintenance(database, cast):
    running = request(database, cast.alice)
    switch(database, True)

    ended = database.run(lambda work: generations.end(work, running.id, State.STORED, parse(1), 1000))

    assert ended.state is State.STORED


# bans


def test_a_ban_tells_its_reason_and_holds_everywhere_until_it_is_lifted(database, cast):
    guild = new_space(database, "guild")
    database.run(lambda work: administration.ban(work, cast.alice, actor="telegram:dana", reason="spam"))
    with database.read() as work:
        now = work.now()

    for space_id in (0, guild):
        told = refusal(database, cast.alice, space_id=space_id)
        assert (type(told), told.reason, told.is_everywhere) == (Banned, "spam", True)
        assert timedelta() <= now - told.since < timedelta(minutes=1)
    assert request(database, cast.carol, space_id=guild)

    database.run(lambda work: administration.unban(work, cast.alice, **DANA))
    assert request(database, cast.alice, space_id=guild)


def test_a_space_bans_for_itself_only(database, cast):
    guild = new_space(database, "guild")
    database.run(
        lambda work: administration.ban(work, cast.alice, actor="discord:sam", reason="rude here", space_id=guild)
    )

    told = refusal(database, cast.alice, space_id=guild)

    assert (type(told), told.reason, told.is_everywhere) == (Banned, "rude here", False)
    assert request(database, cast.alice)


def test_of_two_bans_the_one_that_holds_everywhere_is_told(database, cast):
    guild = new_space(database, "guild")
    for reason, space_id in (("rude here", guild), ("spam", 0)):
        database.run(
            lambda work, reason=reason, space_id=space_id: administration.ban(
                work, cast.alice, actor="telegram:dana", reason=reason, space_id=space_id
            )
        )

    assert refusal(database, cast.alice, space_id=guild).reason == "spam"


# the prompt


def test_a_prompt_says_something_and_not_too_much(database, cast):
    for nothing in ("", " \n\t"):
        assert type(refusal(database, cast.alice, prompt=nothing)) is PromptEmpty
    told = refusal(database, cast.alice, prompt="x" * 2001)

    assert type(told) is PromptTooLong
    assert asdict(told) == {"length": 2001, "limit": 2000}
    assert request(database, cast.alice, prompt=" " + "x" * 2000 + "\n")


def test_what_nobody_may_draw_is_refused_and_what_sounds_like_it_is_not(database, cast):
    assert type(refusal(database, cast.alice, prompt="a ch1ld nude!")) is PromptForbidden
    assert request(database, cast.alice, prompt="children playing in snow, an old nude marble statue of David")


def test_an_operators_own_words_are_forbidden_instead(new_database, tmp_path):
    (tmp_path / "words.txt").write_text("the moon")
    database = new_database(request_seconds=0, forbidden_words=tmp_path / "words.txt")
    cast = make_cast(database)

    assert type(refusal(database, cast.alice, prompt="The Moon over Berlin")) is PromptForbidden


# what the model offers, and its price


def change_model(database, **values):
    database.run(lambda work: work.execute(sa.update(models).where(models.c.id == "flux-dev").values(values)))


def test_a_model_that_is_off_starts_nothing(database, cast):
    change_model(database, is_enabled=False)

    told = refusal(database, cast.alice)

    assert (type(told), told.model) == (ModelOff, "flux-dev")


def test_a_size_is_one_of_the_models_own(database, cast):
    told = refusal(database, cast.alice, "nano-banana", size="7:3")

    assert (type(told), told.model, told.option, told.value) == (NotOffered, "nano-banana", "size", "7:3")
    assert told.offered == ("1:1", "4:3", "3:4", "16:9", "9:16")
    assert request(database, cast.alice, "nano-banana", size=told.offered[3]).size == "16:9"
    with database.read() as work:
        assert {tuple(model.sizes) for model in catalog.all_models(work)} == {told.offered}  # no provider's own words


def test_a_seed_is_for_models_that_take_one_and_the_others_get_their_own(database, cast):
    told = refusal(database, cast.alice, "nano-banana", seed=7)

    assert (type(told), told.option, told.value, told.offered) == (NotOffered, "seed", "7", ())
    assert request(database, cast.alice, seed=0).seed == 0
    assert 0 <= request(database, cast.alice, "nano-banana").seed < 2**31


@pytest.mark.parametrize("price", [parse(2), parse("0.5")])
def test_nobody_pays_another_price_than_the_one_that_was_shown(database, cast, price):
    change_model(database, price=price)

    told = refusal(database, cast.alice, pictures=2, shown_price=parse(2))

    assert type(told) is PriceChanged
    assert asdict(told) == {"model": "flux-dev", "shown": parse(2), "price": price * 2}
    assert request(database, cast.alice, pictures=2, shown_price=told.price).price == price * 2
    assert request(database, cast.alice).price == price


def test_what_a_guest_was_shown_as_free_is_free_only_while_he_is_one(database, cast):
    told = refusal(database, cast.gus, shown_price=parse(1))
    assert (type(told), told.shown, told.price) == (PriceChanged, parse(1), 0)
    assert request(database, cast.gus, shown_price=parse(0)).price == 0

    database.run(lambda work: accounts.sign_up(work, cast.gus))

    told = refusal(database, cast.gus, shown_price=parse(0))
    assert (type(told), told.shown, told.price) == (PriceChanged, 0, parse(1))


# one request in so many seconds


def test_a_second_request_is_too_soon_and_says_when_it_is_welcome(kind, new_database):
    database = new_database(kind, request_seconds=10)
    cast = make_cast(database)
    first = request(database, cast.alice)

    told = refusal(database, cast.alice)

    assert type(told) is TooSoon
    assert asdict(told) == {"seconds": 10, "retry_at": first.created_at + timedelta(seconds=10)}
    assert request(database, cast.carol)
    later(database, seconds=10)
    assert request(database, cast.alice)


def test_a_cancelled_request_was_a_request_too(kind, new_database):
    database = new_database(kind, request_seconds=10)
    cast = make_cast(database)
    end(database, request(database, cast.alice), State.CANCELLED)

    assert type(refusal(database, cast.alice)) is TooSoon


def test_a_refused_request_starts_no_new_wait(kind, new_database):
    database = new_database(kind, request_seconds=10)
    cast = make_cast(database)
    request(database, cast.alice)
    later(database, seconds=7)
    refusal(database, cast.alice)
    later(database, seconds=3)

    assert request(database, cast.alice)


# the queue


def test_three_run_at_once_and_the_fourth_waits_for_an_end(database, cast):
    running = [request(database, cast.alice) for _ in range(3)]

    told = refusal(database, cast.alice)

    assert type(told) is QueueFull
    assert asdict(told) == {"running": 3, "limit": 3, "is_total": False}
    end(database, running[0], State.FAILED)
    assert request(database, cast.alice)


def test_the_total_is_full_for_everyone(kind, new_database):
    database = new_database(kind, request_seconds=0, running_total=2)
    cast = make_cast(database)
    running = [request(database, cast.alice), request(database, cast.carol)]

    told = refusal(database, cast.dana)

    assert type(told) is QueueFull
    assert asdict(told) == {"running": 2, "limit": 2, "is_total": True}
    end(database, running[0], State.CANCELLED)
    assert request(database, cast.dana)


def test_a_limit_of_zero_running_lets_nothing_run(new_database):
    database = new_database(request_seconds=0, running_per_account=0)
    cast = make_cast(database)

    assert asdict(refusal(database, cast.alice)) == {"running": 0, "limit": 0, "is_total": False}


# storage


def test_storage_counts_what_running_pictures_may_still_need(database, cast):
    picture(database, cast.alice, bytes_stored=189 * MEGABYTE + 1)
    request(database, cast.alice)

    told = refusal(database, cast.alice, pictures=2)

    assert type(told) is StorageFull
    assert asdict(told) == {
        "needed": 10 * MEGABYTE,
        "used": 189 * MEGABYTE + 1,
        "held": 5 * MEGABYTE,
        "limit": 200 * MEGABYTE,
    }
    assert request(database, cast.alice)


def test_storage_can_be_filled_to_the_last_byte(database, cast):
    picture(database, cast.alice, bytes_stored=195 * MEGABYTE)

    assert request(database, cast.alice).bytes_held == 5 * MEGABYTE


def test_a_guest_has_less_storage_than_a_member(database, cast):
    picture(database, cast.gus, bytes_stored=15 * MEGABYTE + 1)

    told = refusal(database, cast.gus)

    assert (type(told), told.limit) == (StorageFull, 20 * MEGABYTE)
    database.run(lambda work: accounts.sign_up(work, cast.gus))
    assert request(database, cast.gus)


# the guests' window


def test_a_guest_has_three_pictures_in_a_rolling_day(database, cast):
    first = picture(database, cast.gus)
    later(database, hours=1)
    second = picture(database, cast.gus)
    later(database, hours=1)
    picture(database, cast.gus)

    told = refusal(database, cast.gus)

    assert type(told) is GuestLimit
    assert asdict(told) == {"needed": 1, "limit": 3, "used": 3, "returns_at": first.created_at + DAY}
    later(database, hours=22)
    picture(database, cast.gus)
    assert refusal(database, cast.gus).returns_at == second.created_at + DAY


def test_a_slot_returns_exactly_a_day_after_it_was_used(database, cast):
    used_at = picture(database, cast.gus).created_at

    assert window(database, cast.gus, used_at + DAY - timedelta(microseconds=1)).left == 2
    assert window(database, cast.gus, used_at + DAY).left == 3


def test_a_running_picture_uses_a_slot_and_one_that_failed_or_was_cancelled_does_not(database, cast):
    failed, cancelled, _running = (request(database, cast.gus) for _ in range(3))
    assert window(database, cast.gus).left == 0

    end(database, failed, State.FAILED)
    end(database, cancelled, State.CANCELLED)

    assert window(database, cast.gus).left == 2
    assert request(database, cast.gus)


def test_a_window_of_zero_pictures_is_zero(kind, new_database):
    database = new_database(kind, request_seconds=0, guest_generations=0)
    cast = make_cast(database)

    told = refusal(database, cast.gus)

    assert type(told) is GuestLimit
    assert asdict(told) == {"needed": 1, "limit": 0, "used": 0, "returns_at": None}


def test_guests_use_models_up_to_one_credit(database, cast):
    told = refusal(database, cast.gus, "nano-banana-pro")

    assert type(told) is GuestModelTooDear
    assert asdict(told) == {"model": "nano-banana-pro", "price": parse(2), "limit": parse(1)}
    for affordable in ("nano-banana", "flux-dev"):
        assert picture(database, cast.gus, model_id=affordable).is_guest


def test_two_pictures_in_one_request_are_too_dear_for_a_guest(database, cast):
    assert type(refusal(database, cast.gus, pictures=2)) is GuestModelTooDear


def test_a_guest_pays_nothing_and_owns_nothing(database, cast):
    generation = request(database, cast.gus)

    assert (generation.price, generation.is_guest) == (0, True)
    with database.read() as work:
        assert ledger.look(work, cast.gus).account.version == 0


def test_a_guest_whose_pool_pays_uses_no_slot(database, cast):
    space, pool = make_pool(database)
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25)))
    database.run(lambda work: ledger.give(work, cast.alice, pool, parse(3), "pool:1"))

    generation = request(database, cast.gus, "nano-banana-pro", payer_id=pool, space_id=space)

    assert (generation.price, generation.is_guest) == (parse(2), False)
    assert window(database, cast.gus).used == 0
    told = refusal(database, cast.gus, "nano-banana-pro", payer_id=pool, space_id=space)
    assert (type(told), told.available, told.tops_up_at) == (InsufficientCredits, parse(1), None)


def test_a_guest_of_two_platforms_is_told_when_a_slot_really_returns(database, cast):
    on_discord = database.run(lambda work: accounts.find_or_create(work, "discord", "gus"))
    for account_id in (cast.gus, on_discord, cast.gus, on_discord):
        picture(database, account_id)
        later(database, hours=1)
    database.run(lambda work: ledger.link(work, on_discord, cast.gus, "link:1"))

    told = refusal(database, cast.gus)

    assert (type(told), told.used) == (GuestLimit, 4)
    assert window(database, cast.gus, told.returns_at).left == 1


# credits


def test_too_few_credits_are_refused_with_the_facts_of_the_payer(database, cast):
    told = refusal(database, cast.bob, "nano-banana-pro")

    midnight = told.tops_up_at
    assert type(told) is InsufficientCredits
    assert (told.needed, told.available, told.missing) == (parse(2), 0, parse(2))
    assert (midnight.hour, midnight.minute, told.tops_up_to) == (0, 0, parse(5))


def test_what_only_the_day_lacks_the_next_day_brings(database, cast):
    later(database, days=1)  # five credits for Bob, who owns no others
    for _ in range(2):
        end_stored = (request(database, cast.bob, "nano-banana-pro").id, State.STORED, parse(2))
        database.run(lambda work, ended=end_stored: generations.end(work, *ended))

    told = refusal(database, cast.bob, "nano-banana-pro")

    assert (told.available, told.daily_left, told.is_daily_limit) == (parse(1), parse(1), True)
    assert not refusal(database, cast.bob, "nano-banana-pro", pictures=3).is_daily_limit  # more than any day has
    database.run(lambda work: administration.credit(work, cast.bob, parse("0.5"), "half", **DANA))
    assert not refusal(database, cast.bob, "nano-banana-pro").is_daily_limit


def test_the_price_is_for_all_pictures(database, cast):
    database.run(lambda work: administration.credit(work, cast.bob, parse(2), "two", **DANA))

    assert refusal(database, cast.bob, pictures=3).needed == parse(3)
    assert request(database, cast.bob, pictures=2).price == parse(2)


# what is told first


def test_the_first_refusal_in_the_order_of_the_rules_is_told(kind, new_database):
    database = new_database(kind, request_seconds=10, running_per_account=1, member_storage_mb=5)
    cast = make_cast(database)
    database.run(lambda work: administration.credit(work, cast.bob, parse(1), "one", **DANA))
    running = request(database, cast.bob)
    database.run(lambda work: administration.ban(work, cast.bob, **DANA))
    switch(database, True)

    told = [type(refusal(database, cast.bob, prompt=""))]
    switch(database, False)
    told.append(type(refusal(database, cast.bob, prompt="")))
    database.run(lambda work: administration.unban(work, cast.bob, **DANA))
    told.append(type(refusal(database, cast.bob, size="7:3", prompt="")))
    told.append(type(refusal(database, cast.bob, size="7:3", shown_price=1)))
    told.append(type(refusal(database, cast.bob, shown_price=1)))
    told.append(type(refusal(database, cast.bob)))
    later(database, seconds=10)
    told.append(type(refusal(database, cast.bob)))
    database.run(lambda work: generations.end(work, running.id, State.STORED, parse(1), 1))
    told.append(type(refusal(database, cast.bob)))

    assert told == [UnderMaintenance, Banned, PromptEmpty, NotOffered, PriceChanged, TooSoon, QueueFull, Shortages]


def test_shortages_of_storage_and_credits_are_told_together(kind, new_database):
    database = new_database(kind, request_seconds=0, member_storage_mb=4)
    cast = make_cast(database)

    told = refusal(database, cast.bob)

    assert type(told) is Shortages
    storage, credits = told.shortages
    assert (type(storage), storage.needed, storage.limit) == (StorageFull, 5 * MEGABYTE, 4 * MEGABYTE)
    assert (type(credits), credits.missing) == (InsufficientCredits, parse(1))


def test_a_single_shortage_is_told_by_itself(new_database):
    database = new_database(request_seconds=0, member_storage_mb=4)
    cast = make_cast(database)

    assert type(refusal(database, cast.alice)) is StorageFull


def test_what_no_shortage_can_mend_is_told_before_a_shortage(new_database):
    database = new_database(request_seconds=0, guest_storage_mb=4)
    cast = make_cast(database)

    assert type(refusal(database, cast.gus, "nano-banana-pro")) is GuestModelTooDear
