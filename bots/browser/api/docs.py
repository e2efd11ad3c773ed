"""What the API's description says beyond the shapes: security, headers, and the problems of each status."""

from typing import Any

from fastapi.params import Depends
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from bots.browser.api.problems import MEDIA_TYPE
from bots.browser.front import Front
from bots.browser.visitor import cookie_name

Responses = dict[int | str, dict[str, Any]]

NAMED = {
    400: "The body cannot be read.",
    401: "No key or cookie, or one that is not known here. /apikey in the chat makes a key.",
    402: "Too few credits (`needed`, `available`, `missing`, `frozen`, `tops_up_at`), or bought ones would be needed "
    "(`free`, `bought_needed`): see `use_bought_credits`.",
    403: "Banned, or not for guests, or sent by another site with our cookie.",
    404: "There is none, or it is another's.",
    409: "It is too late for that, or a price has changed.",
    413: "The body is too large.",
    422: "The request cannot be understood, a model cannot do it, or an Idempotency-Key came with another wish.",
    429: "Guest limit (`limit`, `used`, `returns_at`), daily limit (`needed`, `available`, `tops_up_at`), your own cap "
    "(`cap`, `spent`, `resets_at`), too soon (`seconds`, `retry_at`), or too many at once (`running`, `limit`).",
    500: "Trouble on our side, written down under `id`.",
    503: "Maintenance, or too busy. Nothing was done.",
    507: "No room for another picture: `needed`, `used`, `held` and `limit` in bytes.",
}
BEFORE_US = 413
"""The app answers this one before a route is asked, in plain text."""

WAIT = {"Retry-After": {"description": "Seconds, at least 1", "schema": {"type": "integer", "minimum": 1}}}
QUOTA = {
    f"RateLimit-{name}": {"description": about, "schema": {"type": "integer", "minimum": 0}}
    for name, about in (
        ("Limit", "Pictures or whole credits"),
        ("Remaining", "What is left of them, rounded down"),
        ("Reset", "Seconds until the limit is whole again"),
    )
}
HEADERS = {
    401: {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}},
    429: {**WAIT, **QUOTA},
    503: WAIT,
}
LOCATION = {"Location": {"description": "The generation's `status_url`", "schema": {"type": "string"}}}
APPLIED = {"Preference-Applied": {"description": "`wait=N` when we waited", "schema": {"type": "string"}}}


class WrongField(BaseModel):
    """One thing that is wrong with the request."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """RFC 9457. The refusal's facts are further fields: credits as numbers, moments in UTC, sizes in bytes."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`/problems/<name>`; the name never changes", examples=["/problems/daily-limit"])
    title: str = Field(description="In the language of Accept-Language")
    status: int
    detail: str | None = Field(None, description="The same with facts")
    errors: list[WrongField] | None = Field(None, description="What is wrong with the request")
    shortages: list[dict[str, Any]] | None = Field(None, description="A problem for each shortage, if several")


def problems(*statuses: int) -> Responses:
    """The problems that an operation may answer with, besides those of all."""
    return {status: _problem(status) for status in (*statuses, 500, 503)}


def security(front: Front) -> list[Depends]:
    """How callers say who they are; only to describe it, `api_callers` does the looking."""
    key = HTTPBearer(scheme_name="key", description="A personal key from /apikey", auto_error=False)
    about = "The chat page's own cookie; to change something, only from that page"
    cookie = APIKeyCookie(name=cookie_name(front), scheme_name="visitor", description=about, auto_error=False)
    return [Depends(key), Depends(cookie)]


def _problem(status: int) -> dict[str, Any]:
    if status == BEFORE_US:
        return {"description": NAMED[status]}
    schema = ProblemDetails.model_json_schema()
    del schema["$defs"]
    schema["properties"]["errors"]["anyOf"][0]["items"] = WrongField.model_json_schema()
    content = {MEDIA_TYPE: {"schema": schema}}
    return {"description": NAMED[status], "content": content, "headers": HEADERS.get(status, {})}
