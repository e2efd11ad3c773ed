"""How a generation's end, the badge and the statement read; what the recommendation is worth."""

import pytest

from bots.commands import results, statement
from bots.commands.badge import badge
from bots.commands.conversation import Meter, Text, Tone
from bots.commands.offers import Purse, all_offers, recommended
from bots.commands.plain import bar, plain, words
from bots.texts import languages
from engine import accounts, generations
from engine.credits import parse
from engine.generations import Ask, steps
from engine.history import Line
from engine.ports import Trouble
from tests.commands.stage import enter, newest

KINDS = [
    "hold",
    "settle",
    "grant",
    "daily",
    "welcome",
    "lapse",
    "revoke",
    "debt",
    "give",
    "receive",
    "link",
    "join",
    "move",
    "once",
    "reversal",
]


@pytest.fixture
def here(new_database):
    """One kind of database is enough for wording."""
    return new_database("sqlite", request_seconds=0)


def line(kind, change=0, spent=0, key="hold:7"):
    return Line(1, 1, None, kind, key, parse(change), parse(spent), parse(10))


@pytest.mark.parametrize("trouble", Trouble)
def test_every_end_says_why_and_that_nothing_was_charged(here, trouble):
    enter(here, "telegram", "alice")
    account_id, _ = newest(here, "telegram", "alice")
    asked = here.run(lambda work: generations.request(work, Ask(account_id, "telegram", "1", "flux-dev", "a fox")))
    here.run(lambda work: steps.fail(work, asked.id, trouble))

    with here.read() as work:
        for language in languages():
            reply = results.show(work, account_id, asked.id, language)
            assert plain(reply)[0] == words(language, Text(f"result.failed.{trouble.value}"))
            assert reply.card.lines[1].key == "result.back.price"
    assert bool(reply.buttons) is (trouble is not Trouble.BANNED)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_transaction_is_told_in_words(kind):
    assert not statement.words(line(kind)).key.endswith(".other")


def test_a_settle_says_what_became_of_the_hold():
    told = [
        words("en", statement.words(line("settle", change, spent, "settle:7")))
        for change, spent in ((0, "0.5"), ("0.5", 0), ("0.5", "0.5"), (0, 0))
    ]

    assert told == [
        "Charged for picture 7: 0.5 credits",
        "Given back for picture 7",
        "Charged for picture 7: 0.5 credits, the rest came back",
        "Picture 7 ended; its credits went back to a refunded payment",
    ]


def test_grants_name_where_they_came_from():
    told = [statement.words(line("grant", 1, 0, key)).key for key in ("purchase:p1", "admin:1", "gift:1")]

    assert told == ["statement.purchase", "statement.from_operator", "statement.grant"]


@pytest.mark.parametrize(
    ("who", "tone", "said"),
    [
        ("nora", Tone.GUEST, "Free preview: 3/3 left"),
        ("gus", Tone.GUEST, "Free preview: 3/3 left"),
        ("alice", Tone.GOOD, "Free preview: 5/5 left today"),
        ("carol", Tone.LOW, "Free preview: 0/5 left today"),
        ("bob", Tone.OUT, "Free preview: 0/5 left today"),
    ],
)
def test_the_badge_shows_what_is_free_and_how_it_stands(here, who, tone, said):
    enter(here, "telegram", who)

    with here.read() as work:
        shown = badge(work, accounts.find(work, "telegram", who))

    assert (shown.tone, words("en", shown.text)) == (tone, said)
    assert who != "alice" or words("en", shown.meter.label) == "5 of 5 of the day's free credits left"
    assert (shown.total and words("en", shown.total)) == {"alice": "55 credits in all", "carol": "1 credit in all"}.get(
        who
    )


def test_without_a_daily_allowance_the_badge_shows_the_balance(new_database):
    here = new_database("sqlite", daily_credits=0)
    enter(here, "telegram", "alice")

    with here.read() as work:
        shown = badge(work, accounts.find(work, "telegram", "alice"))

    assert words("en", shown.text) == "50 credits"


def test_without_free_pictures_the_badge_is_red(new_database):
    here = new_database("sqlite", guest_generations=0)

    with here.read() as work:
        assert badge(work, None).tone is Tone.OUT


@pytest.mark.parametrize(
    ("mine", "best"),
    [
        (Purse(False, parse(55), 0, parse(1)), "nano-banana"),
        (Purse(False, parse("0.4"), 0, parse(1)), None),
        (Purse(True, parse(0), 3, parse(1)), "gemini-flash"),
        (Purse(True, parse(0), 3, parse("0.5")), "nano-banana"),
        (Purse(True, parse(0), 0, parse(1)), None),
    ],
)
def test_the_recommended_model_is_in_reach_and_worth_most(here, mine, best):
    with here.read() as work:
        offer = recommended(all_offers(work, mine))

    assert (offer.model.id if offer else None) == best


@pytest.mark.parametrize(
    ("value", "most", "filled"), [(0, 5, 0), (3, 5, 12), (5, 5, 20), (9, 5, 20), (-1, 5, 0), (1, 0, 0)]
)
def test_a_meter_is_drawn_within_its_ends(value, most, filled):
    assert bar(Meter(value, most, Tone.GOOD, Text("buttons.show"))).count("█") == filled
