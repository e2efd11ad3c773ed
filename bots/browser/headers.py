"""What the headers of an API request wish for: a language, and how long to wait for the picture."""

import re

from starlette.requests import Request

from bots.browser.front import Front
from bots.texts import FALLBACK, languages

MOST_SECONDS = 30
_WAIT = re.compile(r'(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])', re.IGNORECASE)


def language(request: Request) -> str:
    """The first language of Accept-Language that we speak; English when there is none."""
    for wish in request.headers.get("accept-language", "").split(","):
        name = wish.partition(";")[0].strip().partition("-")[0].lower()
        if name in languages():
            return name
    return FALLBACK


def seconds_to_wait(prefer: str | None) -> int:
    """The `wait` of a Prefer header (RFC 7240) in seconds, at most MOST_SECONDS; 0 without one."""
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), MOST_SECONDS) if found else 0


def site(front: Front, request: Request) -> str:
    """Where people open the product, as this client reached it; without a slash at the end."""
    return front.settings.public_url or str(request.base_url).rstrip("/")
