"""A request for a picture, from the order to the answer."""

import secrets
from dataclasses import dataclass

from fastapi import Request, Response

from bots.browser.api import answers as api_answers
from bots.browser.api import asking as api_asking
from bots.browser.api import callers as api_callers
from bots.browser.api.callers import Caller
from bots.browser.api.shapes import Drawing, Wish
from bots.browser.api.waiting import Waiting
from bots.browser.front import Front
from bots.browser.headers import seconds_to_wait
from engine import generations
from engine.database import Work
from engine.errors import Busy
from engine.generations import Generation
from engine.tables import State


@dataclass(frozen=True)
class Order:
    """A picture to draw, under the name its client or we have given the request, and how long the client waits."""

    wish: Wish
    model_id: str | None
    name: str
    seconds: int


def ordered(wish: Wish, model_id: str | None, key: str | None, prefer: str | None) -> Order:
    """The order of a request; one without a key is a new one each time."""
    return Order(wish, model_id, key or secrets.token_hex(16), seconds_to_wait(prefer))


async def draw(front: Front, waiting: Waiting, request: Request, response: Response, order: Order) -> Drawing:
    """Begin it and perhaps wait for its end: 200 when it is stored, else 202, also when it has failed."""
    api_callers.refuse_other_sites(front, request)
    caller, made, told = await front.saying.run(lambda: _begin(front, request, order))
    if order.seconds and await waiting.for_end(made, order.seconds, request.is_disconnected):
        response.headers["Preference-Applied"] = f"wait={order.seconds}"
        told = await _again(front, caller, made, told)
    response.headers["Location"] = told.status_url
    response.status_code = 200 if told.state is State.STORED else 202
    return told


def _begin(front: Front, request: Request, order: Order) -> tuple[Caller, Generation, Drawing]:
    def begin(work: Work) -> tuple[Caller, Generation, Drawing]:
        caller = api_callers.speaking(work, front, request)
        made = api_asking.ask(work, caller, order.wish, order.model_id, order.name)
        return caller, made, api_answers.drawing(work, front, caller, made)

    begun = api_asking.once_more_when_joined(lambda: front.database.run(begin))
    api_callers.note_use(front, request)
    return begun


async def _again(front: Front, caller: Caller, made: Generation, told: Drawing) -> Drawing:
    """What has become of it; what was known before when there is too much going on to look."""

    def look() -> Drawing:
        with front.database.read() as work:
            return api_answers.drawing(work, front, caller, generations.get(work, made.id))

    try:
        return await front.looking.run(look)
    except Busy:
        return told
