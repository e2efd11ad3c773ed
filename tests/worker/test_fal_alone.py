"""Each mishap of fal alone, through the real product: it ends, the credits are right, and so is what fal has billed."""

from contextlib import nullcontext

import pytest

from tests.conftest import later
from tests.simulators import fal_log
from tests.simulators.fal_mishaps import (
    ACCEPTED_ERRORS,
    MISHAPS,
    MODEL_ERRORS,
    PICTURES,
    REQUEST_ERRORS,
    SUBMIT_ERRORS,
    USER_ERRORS,
    WEBHOOK,
)

pytest_plugins = "tests.worker.fal_house"

LATE_SECONDS = 1.5
COME_AGAIN = 503
"""What those are told who come while fal's keys are being fetched."""
LOCKED_OUT = ("submit-401", "submit-403")
GATEWAYS = ("408", "500", "502-nginx", "504")
"""Submits that may have been taken, whatever they are answered."""
REFUSED_AT_ONCE = ("content_policy_violation", "no_media_generated")
UNANSWERED = (
    *(f"submit-{name}-accepted" for name in ACCEPTED_ERRORS),
    *("drop-after", "slow-submit", "drip-submit", "junk-json", "deep-json", "no-request-id", "huge-json"),
)
"""They run, and only a webhook can say so."""
UNTOLD = ("result-500", "result-html", "status-404", "status-junk", "status-unknown", "status-drip")
"""They end, and only a webhook says how."""
BROKEN = ("svg", "html", "zero-bytes", "truncated", "bomb", "huge", "gzip-bomb")
BLANK = ("flagged", "black", "blank")

ENDS = {
    **dict.fromkeys(("foreign-urls", "late", "result-404", "two-images", *UNANSWERED, *UNTOLD, *WEBHOOK), "stored"),
    **dict.fromkeys(("result-500-once", "result-drop-once", "status-500-once", "status-429-once"), "stored"),
    **dict.fromkeys((f"submit-{name}" for name in SUBMIT_ERRORS), "provider"),
    **dict.fromkeys((f"submit-{name}" for name in GATEWAYS), "unknown"),
    **dict.fromkeys(("drop-before", "html-200"), "unknown"),
    **dict.fromkeys((f"submit-422-{name}" for name in USER_ERRORS), "unfit"),
    **dict.fromkeys((f"submit-422-{name}" for name in REFUSED_AT_ONCE), "refused"),
    **dict.fromkeys(("refuse", "no-media", *BLANK), "refused"),
    **dict.fromkeys(("never-drawing", "other-request-id"), "too_late"),
    **dict.fromkeys(("never-queued", *(f"error-{name}" for name in (*MODEL_ERRORS, *REQUEST_ERRORS))), "provider"),
    **dict.fromkeys(set(PICTURES) - {"two-images", *BROKEN, *BLANK}, "provider"),
    **dict.fromkeys(BROKEN, "broken_picture"),
}
POLLED = {
    **dict.fromkeys(UNANSWERED, "unknown"),
    **dict.fromkeys(UNTOLD, "too_late"),
    "result-404": "provider",
}
"""What ends otherwise where fal cannot call us."""

BELIEVED = {("true", 204), ("duplicate", 204), ("second payload", 204)}
DISBELIEVED = {("forged", 401), ("stale", 401)}


@pytest.mark.long
@pytest.mark.parametrize(
    ("mode", "kind"),
    [("webhook", "sqlite"), ("webhook", "postgresql"), ("polling", "sqlite"), ("away", "sqlite")],
)
def test_each_mishap_alone_ends_as_it_should_and_every_dollar_is_known(mode, kind, open_house, caplog):
    house = open_house(kind=kind, is_called=mode != "polling")
    like = "nano-banana" if mode == "polling" else "flux-dev"  # each shape of a result has its turn
    asked = {}
    for name in MISHAPS:
        house.add_model(name, like, timeout_seconds=10, start_seconds=3)  # whose circuit is its own
        if name not in LOCKED_OUT:
            asked[name] = _ask(house, name)

    with nullcontext() if mode == "polling" else house.door(after=LATE_SECONDS if mode == "away" else 0):
        ended = dict(zip(asked, house.run(*asked.values()), strict=True))
    for name in LOCKED_OUT:  # alone indeed: then everybody rests
        (ended[name],) = house.run(_ask(house, name))
        later(house.database, seconds=61)

    expected = {**ENDS, **POLLED} if mode == "polling" else ENDS
    assert {name: _end(one) for name, one in ended.items()} == expected
    assert house.wrong(list(ended.values()), is_told=mode != "polling") == []
    assert {name for name, one in ended.items() if house.posts(one) > 1 and _end(one) in ("refused", "unfit")} == set()
    lost = {name for name, one in ended.items() if "lost" in (outcome for _, outcome, _ in house.tries(one))}
    assert lost == {name for name, end in expected.items() if end == "too_late"}
    unseen = {f"a fox [{name}]" for name in UNANSWERED} if mode == "polling" else set()
    assert set(house.unseen()) == unseen
    assert set(house.alerts()) == {"provider fal"}
    assert [one.getMessage() for one in caplog.records if one.exc_info] == []
    answers = {(line["kind"], line["status"]) for line in fal_log.webhooks(house.fal.log)}
    unheard = DISBELIEVED if mode == "away" else set()  # they come once, perhaps before somebody listens
    answered = {(kind, status) for kind, status in answers if status not in ("no answer", COME_AGAIN)}
    assert answered | unheard == (set() if mode == "polling" else BELIEVED | DISBELIEVED)
    assert (("true", "no answer") in answers) == (mode == "away")


def _ask(house, name):
    return house.ask(house.cast.alice, f"a fox [{name}]", model=name)


def _end(generation):
    return generation.trouble.value if generation.trouble else generation.state.value
