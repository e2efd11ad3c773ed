"""What a browser is told without asking."""

import sqlalchemy as sa

from bots.browser import stream
from engine.tables import deliveries
from tests.browser.conftest import Site
from tests.browser.guest import Guest
from tests.commands.stage import direct

FOX = "/imagine a fox --model flux-dev"


def of(guest: Guest, site: Site, direction: str) -> None:
    """Let something happen to the guest's newest generation, and ring as a wake-up over Redis would."""
    direct(site.database, "browser", guest.user_id(site.database), direction)
    site.soon(lambda: [site.front.bells.ring(account_id) for account_id in range(1, 9)])


def until(events, kind, phase=None):
    """The next event of this kind, with this phase in it."""
    for event in events:
        if event.kind == kind and (phase is None or f'data-phase="{phase}"' in event.data["html"]):
            return event
    raise AssertionError(f"the stream ended without {kind} {phase}")


def test_the_first_event_is_the_state(site: Site, guest: Guest):
    guest.say(FOX)
    with guest.listen() as events:
        first = next(events)
    assert first.kind == "state"
    assert "Free preview: 2/3 left" in first.data["badge"]
    assert [piece["id"] for piece in first.data["generations"]] == [1]
    assert 'data-phase="queued"' in first.data["generations"][0]["html"]
    assert first.data["known"] is True


def test_somebody_who_said_nothing_hears_of_nothing_but_the_badge(site: Site, guest: Guest):
    with guest.listen() as events:
        first = next(events)
    assert first.data["generations"] == [] and first.data["known"] is False
    assert "Free preview: 3/3 left" in first.data["badge"]


def test_a_picture_is_told_from_the_queue_to_the_wall(site: Site, guest: Guest):
    guest.say(FOX)
    with guest.listen() as events:
        next(events)
        of(guest, site, "(it is being drawn)")
        until(events, "generation", "drawing")
        of(guest, site, "(the picture comes)")
        done = until(events, "generation", "done")
    assert "/media/generations/1/0.jpg-small?" in done.data["html"]
    assert 'alt="a fox"' in done.data["html"]


def test_what_was_shown_counts_as_delivered(site: Site, guest: Guest):
    guest.say(FOX)
    of(guest, site, "(the picture comes)")
    with guest.listen() as events:
        next(events)
        guest.say("/imagine an owl --model flux-dev")
        until(events, "generation", "queued")
    with site.database.read() as work:
        assert work.execute(sa.select(deliveries.c.state)).scalars().all() == ["done"]


def test_a_stream_that_resumes_tells_only_what_has_changed(site: Site, guest: Guest):
    guest.say(FOX)
    of(guest, site, "(the picture comes)")
    with guest.listen() as events:
        state = next(events)
    later = str(int(state.id) + 60_000_000)
    with guest.listen(latest=later) as events:
        assert next(events).data["generations"] == []
    guest.say("/imagine an owl --model flux-dev")
    with guest.listen(latest=later) as events:
        assert [piece["id"] for piece in next(events).data["generations"]] == [2]


def test_what_changed_a_moment_before_is_told_again(site: Site, guest: Guest):
    guest.say(FOX)
    of(guest, site, "(the picture comes)")
    with guest.listen() as events:
        state = next(events)
    with guest.listen(latest=state.id) as events:
        assert [piece["id"] for piece in next(events).data["generations"]] == [1]


def test_what_another_program_writes_is_seen_without_a_bell(site: Site, guest: Guest, monkeypatch):
    assert stream.OTHERWISE <= 5, "an operator's credit waits for nobody longer"
    monkeypatch.setattr(stream, "OTHERWISE", 0.1)
    guest.press("signup", accept=site.database.settings.terms_version)
    with guest.listen() as events:
        next(events)
        direct(site.database, "browser", guest.user_id(site.database), "(spends all but: 2.5)")
        assert "2.5 credits" in until(events, "badge").data["badge"]


def test_a_lock_comes_when_the_free_pictures_are_used_up(site: Site, guest: Guest):
    with guest.listen() as events:
        assert next(events).data["lock"] == ""
    for prompt in ("one", "two", "three"):
        answer = guest.say(f"/imagine {prompt} --model flux-dev")
    assert "Your free pictures are used up." in answer["lock"]
    with guest.listen() as events:
        assert next(events).data["lock"] == answer["lock"]


def test_streams_end_when_the_server_stops(site: Site, guest: Guest):
    with guest.listen() as events:
        next(events)
        site.soon(site.front.stopping.set)
        assert list(events) == []


def test_the_newest_streams_of_a_visitor_win(site: Site, guest: Guest):
    with guest.listen() as first, guest.listen() as second, guest.listen() as third:
        for events in (first, second, third):
            next(events)
        with guest.listen() as newest:
            assert next(newest).kind == "state"
            assert [event.kind for event in first] == ["taken"]


def test_without_a_session_there_is_nobody_to_tell(site: Site, guest: Guest):
    guest.client.cookies.clear()
    assert guest.client.get("/events").status_code == 204


def test_nobody_hears_of_anothers_pictures(site: Site, guest: Guest):
    guest.say(FOX)
    with Guest(site.url) as other, other.listen() as events:
        assert next(events).data["generations"] == []
