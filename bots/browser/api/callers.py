"""Who calls the API: the owner of a personal key, a browser's visitor, or nobody that we know."""

import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import Request

from bots.browser.api.problems import Problem
from bots.browser.front import Front
from bots.browser.headers import language, site
from bots.browser.visitor import cookie_name, is_from_our_page
from engine import accounts, keys, sessions
from engine.database import Work
from engine.errors import Busy

NOTED_FOR = 300.0
MOST_NOTED = 10_000
_CHALLENGE = 'Bearer realm="api"'

_noted: dict[bytes, float] = {}
"""Keys whose use this process has written down lately: reads are to stay reads."""


@dataclass(frozen=True)
class Caller:
    """`user_id` is a browser's visitor, who has no `account_id` before saying something; without both it is nobody.

    `site` is the address at which the caller reached us.
    """

    account_id: int | None
    user_id: str | None
    language: str
    site: str

    @property
    def is_known(self) -> bool:
        return self.account_id is not None or self.user_id is not None


def anyone(work: Work, front: Front, request: Request) -> Caller:
    """Whoever it is, also nobody. Raises Problem 401 for a key that is wrong: who shows one wants it to count."""
    spoken, here = language(request), site(front, request)
    if (shown := request.headers.get("authorization")) is not None:
        return Caller(_owner(work, shown), None, spoken, here)
    token = request.cookies.get(cookie_name(front))
    user_id = sessions.find(work, token) if token else None
    account_id = accounts.find(work, sessions.PLATFORM, user_id) if user_id else None
    return Caller(account_id, user_id, spoken, here)


def known(work: Work, front: Front, request: Request) -> Caller:
    """The same for what is somebody's own. Raises Problem 401."""
    caller = anyone(work, front, request)
    if not caller.is_known:
        raise Problem(401, "no-credentials", headers={"WWW-Authenticate": _CHALLENGE})
    return caller


def speaking(work: Work, front: Front, request: Request) -> Caller:
    """The same with an account for sure: a visitor who now says something for the first time becomes a guest."""
    caller = known(work, front, request)
    if caller.account_id is not None:
        return caller
    account_id = accounts.find_or_create(work, sessions.PLATFORM, caller.user_id or "")
    return Caller(account_id, caller.user_id, caller.language, caller.site)


def refuse_other_sites(front: Front, request: Request) -> None:
    """A cookie comes with whatever a browser sends, so only our own page may change something by it.

    Raises Problem 403.
    """
    is_by_cookie = "authorization" not in request.headers and cookie_name(front) in request.cookies
    if is_by_cookie and not is_from_our_page(front, request):
        raise Problem(403, "cross-site")


def note_use(front: Front, request: Request) -> None:
    """Remember that a key that was found to be right was used, every few minutes."""
    secret = _secret(request.headers.get("authorization", ""))
    mark, now = sha256(secret.encode()).digest(), time.monotonic()
    if not secret or now < _noted.get(mark, 0):
        return
    if len(_noted) >= MOST_NOTED:
        _noted.clear()
    _noted[mark] = now + NOTED_FOR
    with suppress(Busy):
        front.database.run(lambda work: keys.note_use(work, secret))


def _owner(work: Work, shown: str) -> int:
    secret = _secret(shown)
    account_id = keys.owner(work, secret) if secret else None
    if account_id is None:
        raise Problem(401, "wrong-key", headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})
    return account_id


def _secret(authorization: str) -> str:
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""
