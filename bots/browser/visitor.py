"""Who is there: a cookie with a random token. It becomes an account when its visitor first says something."""

from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from bots.browser.front import Front
from bots.browser.headers import language
from engine import sessions
from engine.database import Work

LIFE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Visitor:
    """`user_id` is None without a session that is known here."""

    user_id: str | None
    locale: str

    @property
    def tag(self) -> str:
        """Tells two visitors of one browser apart, and nothing else."""
        return sha256((self.user_id or "").encode()).hexdigest()[:8]


def cookie_name(front: Front) -> str:
    """`__Host-` binds the cookie to this very host; browsers take it over https only."""
    return "__Host-easel" if _is_https(front) else "easel"


async def visitor(front: Front, request: Request) -> Visitor:
    """The visitor behind a request."""
    token, locale = request.cookies.get(cookie_name(front)), language(request)
    if not token:
        return Visitor(None, locale)

    def find() -> str | None:
        with front.database.read() as work:
            return sessions.find(work, token)

    return Visitor(await front.looking.run(find), locale)


async def arrive(front: Front, request: Request) -> tuple[Visitor, str]:
    """The visitor of a page and the token of the session, a new one for who has none; a visit is noted once a day."""
    known, token = await visitor(front, request), request.cookies.get(cookie_name(front), "")
    if known.user_id:
        await front.looking.run(lambda: _note(front, token))
        return known, token
    token, user_id = await front.looking.run(lambda: front.database.run(_create))
    return Visitor(user_id, known.locale), token


def _note(front: Front, token: str) -> None:
    with front.database.read() as work:  # nearly always enough: a page that is only looked at writes nothing
        is_noted = sessions.is_noted(work, token)
    if not is_noted:
        front.database.run(lambda work: sessions.note_visit(work, token))


def give_cookie(front: Front, response: Response, token: str) -> None:
    """Hand the token to the browser: not for scripts, not across sites."""
    response.set_cookie(
        cookie_name(front), token, LIFE_SECONDS, path="/", secure=_is_https(front), httponly=True, samesite="lax"
    )


def is_from_our_page(front: Front, request: Request) -> bool:
    """Whether our own page sent this. Browsers say so themselves; older ones name the origin at least."""
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    if front.settings.public_url and origin == front.settings.public_url:
        return True
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def _create(work: Work) -> tuple[str, str | None]:
    token = sessions.create(work)
    return token, sessions.find(work, token)


def _is_https(front: Front) -> bool:
    return (front.settings.public_url or "").startswith("https://")
