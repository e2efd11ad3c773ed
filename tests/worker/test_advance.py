"""The way of a picture: whatever the provider does, it ends stored and charged once, or failed and released once."""

import errno
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from engine import administration, circuits, generations, history
from engine.audit import audit
from engine.credits import parse
from engine.errors import Busy
from engine.generations import steps
from engine.generations.arriving import arrive
from engine.ports import Done, Output, ProviderTrouble, Trouble
from engine.tables import State
from tests.conftest import later
from tests.valkey import until
from tests.worker.studio import Studio
from worker.advance import advance
from worker.download import download
from worker.media import FolderMedia
from worker.providers.sketch import Sketch


@pytest.fixture
def studio(database, tmp_path):
    return Studio(database, Sketch(0, "", is_production=False), tmp_path / "media")


def balance(database, account_id):
    with database.read() as work:
        return history.balance(work, account_id)


def assert_books_are_right(database):
    *_, report = audit(database)
    assert report.is_clean, report.findings


def test_a_picture_comes_and_is_charged_once(studio, cast):
    asked = studio.ask(cast.alice)

    (done,) = studio.run(asked)

    assert (done.state, done.charged, done.submits) == (State.STORED, parse(1), 1)
    assert studio.files() == [f"generations/{done.id}/0-small.jpg", f"generations/{done.id}/0.jpg"]
    after = balance(studio.database, cast.alice)
    sizes = sum((studio.folder / name).stat().st_size for name in studio.files())
    assert (after.held, after.bytes_used, after.bytes_held) == (0, sizes, 0)
    assert cast.alice in studio.hints.woken
    assert_books_are_right(studio.database)


def test_a_guests_picture_is_free_and_uses_a_slot(studio, cast):
    (done,) = studio.run(studio.ask(cast.gus))

    assert (done.state, done.charged) == (State.STORED, 0)
    assert balance(studio.database, cast.gus).guest.left == 2


ENDS = {
    "fail": (State.FAILED, Trouble.PROVIDER),
    "refuse": (State.FAILED, Trouble.REFUSED),
    "broken": (State.FAILED, Trouble.BROKEN_PICTURE),
    "bomb": (State.FAILED, Trouble.BROKEN_PICTURE),
    "wrong-type": (State.FAILED, Trouble.BROKEN_PICTURE),
    "flagged": (State.FAILED, Trouble.REFUSED),
    "empty": (State.FAILED, Trouble.PROVIDER),
    "twice": (State.STORED, None),
    "unknown": (State.STORED, None),
    "retry": (State.STORED, None),
    "slow-submit": (State.STORED, None),
    "crawl": (State.STORED, None),
}


def test_every_mishap_ends_with_the_credits_right(studio, cast):
    asked = {word: studio.ask(cast.alice, f"a fox [{word}]") for word in list(ENDS)[:3]}
    ended = dict(zip(asked, studio.run(*asked.values()), strict=True))
    for start in range(3, len(ENDS), 3):  # three at once are allowed
        more = {word: studio.ask(cast.alice, f"a fox [{word}]") for word in list(ENDS)[start : start + 3]}
        ended |= dict(zip(more, studio.run(*more.values()), strict=True))

    assert {word: (one.state, one.trouble) for word, one in ended.items()} == ENDS
    charged = sum(one.charged for one in ended.values())
    after = balance(studio.database, cast.alice)
    assert (after.spendable, after.held) == (parse(55) - charged, 0)
    assert charged == parse(5)
    assert all(one.submits <= 2 for one in ended.values())
    assert len(studio.files()) == 2 * 5
    assert_books_are_right(studio.database)


def test_a_provider_that_stays_silent_is_given_up_at_the_models_deadline(studio, cast):
    asked = studio.ask(cast.alice, "a fox [silent]")
    advance(studio.tools, asked.id)
    studio.hints.waiting.clear()
    later(studio.database, seconds=300)

    (done,) = studio.run(asked)

    assert (done.state, done.trouble, done.charged) == (State.FAILED, Trouble.TOO_LATE, 0)
    assert balance(studio.database, cast.alice).held == 0


def test_a_lost_hint_is_found(studio, cast):
    asked = studio.ask(cast.alice)
    studio.hints.waiting.clear()
    later(studio.database, seconds=10)

    (done,) = studio.run(asked)

    assert done.state is State.STORED


def test_nobody_took_it_in_a_quarter_of_an_hour(studio, cast):
    asked = studio.ask(cast.alice)
    studio.hints.waiting.clear()
    later(studio.database, seconds=1000)

    (done,) = studio.run(asked)

    assert (done.state, done.trouble) == (State.FAILED, Trouble.TOO_LATE)


def test_two_hints_at_once_are_one_submit(studio, cast):
    asked = studio.ask(cast.alice, "a fox [slow-submit]")

    both = [threading.Thread(target=advance, args=(studio.tools, asked.id)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert studio.see(asked).submits == 1


class Scripted(Sketch):
    """The sketch, except where a test says otherwise."""

    def __init__(self, fetch=None, outputs=None):
        super().__init__(0, "", is_production=False)
        self._fetch, self._outputs = fetch, outputs
        self.cancelled = []

    async def look(self, job):
        return Done(self._outputs) if self._outputs is not None else await super().look(job)

    def fetch(self, job, output):
        return self._fetch(job, output) if self._fetch else super().fetch(job, output)

    def cancel(self, job):
        self.cancelled.append(job.request_id)


def test_banned_while_it_runs_ends_without_a_picture_and_without_a_charge(database, cast, tmp_path):
    def ban_and_fetch(job, output):
        database.run(lambda work: administration.ban(work, cast.alice, actor="test", reason="spam"))
        return Sketch.fetch(provider, job, output)

    provider = Scripted(ban_and_fetch)
    studio = Studio(database, provider, tmp_path / "media")

    (done,) = studio.run(studio.ask(cast.alice))

    assert (done.state, done.trouble, done.charged) == (State.CANCELLED, Trouble.BANNED, 0)
    assert studio.files() == []
    assert_books_are_right(database)


def test_banned_before_it_is_submitted_never_reaches_the_provider(studio, cast):
    asked = studio.ask(cast.alice)
    studio.database.run(lambda work: administration.ban(work, cast.alice, actor="test", reason="spam"))

    (done,) = studio.run(asked)

    assert (done.state, done.submits) == (State.CANCELLED, 0)


def test_some_of_the_pictures_cost_their_share(database, cast, tmp_path):
    good = drawn("teal", "white")
    outputs = (Output("1"), Output("2", is_flagged=True), Output("3"), Output("4"))
    provider = Scripted(lambda job, output: b"no" if output.url == "3" else good, outputs)
    studio = Studio(database, provider, tmp_path / "media")

    (done,) = studio.run(studio.ask(cast.alice, pictures=4))

    assert (done.state, done.price, done.charged) == (State.STORED, parse(4), parse(2))
    with database.read() as work:
        assert len(generations.stored_pictures(work, [done.id])[done.id]) == 2
    assert_books_are_right(database)


def drawn(paper, ink):
    picture, content = Image.new("RGB", (64, 64), paper), io.BytesIO()
    picture.paste(ink, (16, 16, 48, 48))
    picture.save(content, "JPEG")
    return content.getvalue()


@pytest.mark.parametrize("colour", ["black", "grey"])
def test_a_picture_without_anything_on_it_is_a_refusal_and_costs_nothing(database, cast, tmp_path, colour):
    provider = Scripted(lambda job, output: drawn(colour, colour), (Output("1"),))
    studio = Studio(database, provider, tmp_path / "media")

    (done,) = studio.run(studio.ask(cast.alice))

    assert (done.state, done.trouble, done.charged) == (State.FAILED, Trouble.REFUSED, 0)
    assert studio.files() == []


def test_of_two_pictures_the_one_with_something_on_it_is_kept(database, cast, tmp_path):
    pictures = {"1": drawn("black", "black"), "2": drawn("black", "white")}
    provider = Scripted(lambda job, output: pictures[output.url], (Output("1"), Output("2")))
    studio = Studio(database, provider, tmp_path / "media")

    (done,) = studio.run(studio.ask(cast.alice, pictures=2))

    assert (done.state, done.charged) == (State.STORED, parse(1))


class Full(FolderMedia):
    """A store without room, until there is."""

    is_full = True
    refused = 0

    def put(self, key, content, content_type):
        if self.is_full:
            self.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        super().put(key, content, content_type)


def test_a_full_disk_gives_the_credits_back_and_says_storage(database, cast, tmp_path, monkeypatch):
    monkeypatch.setattr("worker.advance.PATIENCE", timedelta(seconds=1))
    monkeypatch.setattr("engine.generations.steps.SOONEST_FINISH", timedelta(seconds=0.2))
    media = Full(tmp_path / "media", b"secret", "")
    studio = Studio(database, Sketch(0, "", is_production=False), tmp_path / "media", media)

    (done,) = studio.run(studio.ask(cast.alice))

    assert (done.state, done.trouble) == (State.FAILED, Trouble.STORAGE)
    assert balance(database, cast.alice).held == 0


def test_a_picture_that_is_made_waits_for_a_store_that_comes_back(database, cast, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.generations.steps.SOONEST_FINISH", timedelta(seconds=0.1))
    monkeypatch.setattr("engine.generations.steps.LATEST_FINISH", timedelta(seconds=0.1))
    media = Full(tmp_path / "media", b"secret", "")
    studio = Studio(database, Sketch(0, "", is_production=False), tmp_path / "media", media)
    asked = studio.ask(cast.alice)
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(studio.run, asked)
        until(lambda: media.refused > 2 * steps.FINISHES)
        media.is_full = False
        (done,) = running.result()

    assert (done.state, done.finishes) == (State.STORED, 1)


def test_a_picture_that_kills_its_worker_is_not_tried_for_ever(studio, cast):
    asked = studio.ask(cast.alice)
    advance(studio.tools, asked.id)
    studio.hints.waiting.clear()
    made = Done((Output("sketch:x/0"),))
    studio.database.run(lambda work: arrive(work, asked.id, 1, studio.see(asked).request_id, made))
    for _ in range(steps.FINISHES):  # taken up, and dead
        assert studio.database.run(lambda work: steps.lease(work, asked.id))
        studio.database.offset += steps.LEASE * 1.1

    (done,) = studio.run(asked)

    assert (done.state, done.trouble) == (State.FAILED, Trouble.BROKEN_PICTURE)


def test_what_nobody_wants_any_more_is_cancelled_at_the_provider(database, cast, tmp_path):
    provider = Scripted()
    studio = Studio(database, provider, tmp_path / "media")
    asked = studio.ask(cast.alice)
    advance(studio.tools, asked.id)
    studio.hints.waiting.clear()
    database.run(lambda work: steps.fail(work, asked.id, Trouble.TOO_LATE))

    studio.run(asked)

    assert provider.cancelled == [studio.see(asked).request_id]


def test_what_the_provider_has_answered_is_written_down_however_busy_the_database_is(studio, cast, monkeypatch):
    monkeypatch.setattr("worker.advance.INSIST_PAUSE", 0.01)
    real, refused = steps.submitted, []

    def busy(*given):
        if len(refused) < 3:
            refused.append(given)
            raise Busy()
        return real(*given)

    monkeypatch.setattr(steps, "submitted", busy)
    (done,) = studio.run(studio.ask(cast.alice))

    assert (done.state, done.submits, len(refused)) == (State.STORED, 1, 3)


class Refusing(Sketch):
    """The sketch, which says what a test wants it to say to a submit."""

    def __init__(self):
        super().__init__(0, "", is_production=False)
        self.says = None

    def submit(self, job):
        if self.says:
            raise self.says
        return super().submit(job)


@pytest.mark.parametrize(
    ("says", "lets_us_in"),
    [
        (ProviderTrouble(Trouble.UNFIT, is_permanent=True, has_answered=True), True),
        (ProviderTrouble(Trouble.PROVIDER, is_permanent=True, has_answered=True), True),
        (ProviderTrouble(Trouble.PROVIDER, is_permanent=False), False),
        (ProviderTrouble(Trouble.PROVIDER, is_permanent=True, is_ours=True), False),
        (ProviderTrouble(Trouble.UNKNOWN, is_permanent=False), False),
        (None, True),
    ],
)
def test_whatever_a_provider_answers_but_that_it_does_not_let_us_in_shows_that_it_does(
    database, cast, tmp_path, says, lets_us_in
):
    provider = Refusing()
    studio = Studio(database, provider, tmp_path / "media")
    first = studio.ask(cast.alice)
    provider.says = ProviderTrouble(Trouble.PROVIDER, is_permanent=True, is_ours=True)
    advance(studio.tools, first.id)
    later(database, seconds=31)
    provider.says = says

    advance(studio.tools, studio.ask(cast.alice, "a hare").id)

    with database.read() as work:
        assert circuits.shuts_us_out(work, "sketch") is not lets_us_in


def test_a_generation_whose_try_is_in_no_book_ends_at_its_deadline(studio, cast):
    asked = studio.ask(cast.alice)
    advance(studio.tools, asked.id)
    studio.hints.waiting.clear()
    with studio.database.begin() as work:
        work.connection.exec_driver_sql("DELETE FROM submissions")
    later(studio.database, minutes=10)

    (done,) = studio.run(asked)

    assert (done.state, done.trouble) == (State.FAILED, Trouble.TOO_LATE)


@pytest.fixture
def web():
    """A server of pictures that misbehaves by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(200):
                    self.wfile.write(b"\xff")
                    self.wfile.flush()
                    if stopping.wait(0.05):
                        return
            except OSError:
                return

        def log_message(self, *given):
            pass

    stopping = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    stopping.set()
    server.shutdown()
    server.server_close()


def test_a_result_that_drips_is_cut_off_and_the_credits_go_back(database, cast, tmp_path, monkeypatch, web):
    monkeypatch.setattr("worker.advance.PATIENCE", timedelta(seconds=1))
    monkeypatch.setattr("engine.generations.steps.SOONEST_FINISH", timedelta(seconds=0.2))
    drip = lambda job, output: download(f"{web}/drip.jpg", hosts=("127.0.0.1",), seconds=0.3)
    studio = Studio(database, Scripted(drip), tmp_path / "media")

    (done,) = studio.run(studio.ask(cast.alice))

    assert (done.state, done.charged) == (State.FAILED, 0)
    assert balance(database, cast.alice).held == 0


def test_an_error_of_the_provider_that_lasts_ends_after_two_submits(database, cast, tmp_path, monkeypatch):
    monkeypatch.setattr("worker.advance.RETRY_SECONDS", 0.01)

    class Down(Scripted):
        def submit(self, job):
            raise ProviderTrouble(Trouble.PROVIDER, is_permanent=False, detail="503")

    studio = Studio(database, Down(), tmp_path / "media")

    (done,) = studio.run(studio.ask(cast.alice))

    assert (done.state, done.trouble, done.submits) == (State.FAILED, Trouble.PROVIDER, 2)
