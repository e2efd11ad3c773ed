"""Credits as numbers: read, written, split and ordered, for any amounts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.credits import MOST, Source, burn_order, parse, show, split

AMOUNTS = st.integers(-MOST, MOST)
PORTIONS = st.lists(
    st.tuples(st.integers(1, 50), st.integers(0, 1000)), max_size=20, unique_by=lambda portion: portion[0]
)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def for_any(*strategies):
    """Many examples, the same ones each time, however slow the machine is."""
    return lambda test: settings(deadline=None, derandomize=True)(given(*strategies)(test))


@dataclass(frozen=True)
class Lot:
    number: int
    source: Source
    born_at: datetime
    expires_at: datetime | None
    available: int = 1


@st.composite
def lots(draw):
    """Grants as they can be: days and subscriptions end, purchases never, others may."""
    source = draw(st.sampled_from(Source))
    ends = {Source.DAILY: True, Source.SUBSCRIPTION: True, Source.PURCHASE: False}.get(source)
    if ends is None:
        ends = draw(st.booleans())
    expires_at = NOON + timedelta(hours=draw(st.integers(1, 5))) if ends else None
    return Lot(draw(st.integers(1, 1000)), source, NOON - timedelta(hours=draw(st.integers(0, 3))), expires_at)


MANY_LOTS = st.lists(lots(), min_size=2, max_size=12, unique_by=lambda lot: lot.number)


# reading and writing


@for_any(AMOUNTS)
def test_what_is_written_can_be_read_again(amount):
    assert parse(show(amount)) == amount


@for_any(AMOUNTS)
def test_what_is_written_is_as_short_as_people_write_it(amount):
    text = show(amount)

    assert Decimal(text) * 100 == amount
    assert "." not in text or not text.endswith(("0", "."))


@for_any(st.integers(-(10**9), 10**9))
def test_whole_credits_are_read_from_a_number(number):
    assert parse(number) == parse(str(number)) == parse(Decimal(number)) == number * 100


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.5", 50), ("-3", -300), ("+3", 300), (".25", 25), ("2.50", 250), (0.1, 10), ("-0", 0)],
)
def test_credits_are_read_as_people_write_them(text, amount):
    assert parse(text) == amount


@pytest.mark.parametrize(
    ("amount", "text"), [(50, "0.5"), (2500, "25"), (5, "0.05"), (-50, "-0.5"), (-1, "-0.01"), (0, "0"), (110, "1.1")]
)
def test_credits_are_written_as_people_read_them(amount, text):
    assert show(amount) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "five",
        "1,5",
        "1.5.5",
        "0x10",
        "5 credits",
        "--1",
        "NaN",
        "sNaN",
        "inf",
        "-Infinity",
        True,
        float("nan"),
    ],
)
def test_what_is_no_number_is_a_value_error(text):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize("text", ["0.005", "1.999", 0.125, "0.50000000000000000000000000000001", "1e-3", "1e-99999999"])
def test_less_than_a_hundredth_is_never_lost_silently(text):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize("text", ["1000000000.01", "-1000000000.01", "1e12", "1e400", "1e999999", "9" * 5000])
def test_more_than_a_billion_is_a_value_error(text):
    with pytest.raises(ValueError):
        parse(text)


@for_any(st.text(max_size=12))
def test_any_text_is_an_amount_in_bounds_or_a_value_error(text):
    try:
        amount = parse(text)
    except ValueError:
        return
    assert -MOST <= amount <= MOST


# splitting


@for_any(PORTIONS, st.integers(0, 20_000))
def test_a_split_takes_what_is_asked_or_everything_there_is(portions, amount):
    taken = split(portions, amount)

    assert sum(part for _, part in taken) == min(amount, sum(there for _, there in portions))


@for_any(PORTIONS, st.integers(0, 20_000))
def test_a_split_takes_no_more_than_is_there_and_never_nothing(portions, amount):
    there = dict(portions)

    for number, part in split(portions, amount):
        assert 0 < part <= there[number]


@for_any(PORTIONS, st.integers(0, 20_000))
def test_a_split_empties_each_portion_before_it_touches_the_next(portions, amount):
    taken = split(portions, amount)

    full = [(number, there) for number, there in portions if there]
    assert [number for number, _ in taken] == [number for number, _ in full[: len(taken)]]
    assert taken[:-1] == full[: len(taken)][:-1]


# the burn order


@for_any(MANY_LOTS, st.randoms(use_true_random=False))
def test_the_burn_order_is_the_same_however_the_grants_come(many, random):
    shuffled = random.sample(many, len(many))

    assert sorted(many, key=burn_order) == sorted(shuffled, key=burn_order)


@for_any(MANY_LOTS)
def test_whatever_ends_burns_before_what_never_does_and_the_soonest_first(many):
    ends = [lot.expires_at for lot in sorted(many, key=burn_order)]

    assert ends == sorted(ends, key=lambda end: (end is None, end or NOON))


@for_any(MANY_LOTS)
def test_bought_credits_burn_after_all_others_that_never_end(many):
    endless = [lot.source for lot in sorted(many, key=burn_order) if lot.expires_at is None]

    bought = endless.count(Source.PURCHASE)
    assert endless[len(endless) - bought :] == [Source.PURCHASE] * bought


@for_any(MANY_LOTS)
def test_of_two_alike_the_older_burns_first(many):
    in_order = sorted(many, key=burn_order)

    for first, second in pairwise(in_order):
        if (first.source, first.expires_at) == (second.source, second.expires_at):
            assert (first.born_at, first.number) < (second.born_at, second.number)


def test_every_source_has_its_place():
    without_end = [Lot(number, source, NOON, None) for number, source in enumerate(Source)]

    assert [lot.source for lot in sorted(without_end, key=burn_order)] == [
        Source.DAILY,
        Source.SUBSCRIPTION,
        Source.WELCOME,
        Source.GIFT,
        Source.REFERRAL,
        Source.ADJUSTMENT,
        Source.PURCHASE,
    ]
