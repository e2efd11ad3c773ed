"""What a visitor says or presses, and the answer. The page names each press: a repetition is the same request."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from bots.browser import desk, fragments, shown
from bots.browser.front import Front
from bots.browser.visitor import Visitor
from bots.commands.conversation import Request
from bots.commands.dispatch import dispatch, hear

RUNNING_ONLY = 2**62
MOST_OPTIONS = 20
Words = Annotated[str, StringConstraints(max_length=25_000)]
Name = Annotated[str, StringConstraints(max_length=40)]
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


def _few(options: object) -> object:
    """Counted before any is looked at: thousands of wrong ones would cost a second and megabytes of complaints."""
    if isinstance(options, dict) and len(options) > MOST_OPTIONS:
        raise ValueError("too many options")
    return options


class Said(BaseModel):
    """A typed line, or a command with its options; `key` is the page's own name of this press."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{8,64}$")]
    line: Words | None = None
    command: Name | None = None
    options: Annotated[dict[Name, bool | Whole | Words], BeforeValidator(_few)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Said":
        if (self.line is None) == (self.command is None):
            raise ValueError("a line or a command")
        return self


@dataclass(frozen=True)
class Press:
    """Something said, by somebody who is known."""

    user_id: str
    visitor: Visitor
    said: Said


@dataclass(frozen=True)
class Answer:
    """What the page gets, and whose streams may have something new to tell."""

    account_id: int | None
    body: dict[str, object]


def answer(front: Front, press: Press) -> Answer:
    """Answer it: one commit, then one short read for what the page shows around it. Raises Busy."""
    request = _request(press)
    line = press.said.line
    reply = dispatch(front.database, request) if line is None else hear(front.database, request, line)
    with front.database.read() as work:
        now = desk.look(work, press.user_id, press.visitor.locale, RUNNING_ONLY)
        about = shown.answered(work, now.account_id, reply) if now.account_id else None
    html = fragments.answer(front, reply, about)
    return Answer(now.account_id, {"html": html, **fragments.badge(front, press.visitor, now)})


def _request(press: Press) -> Request:
    """Keys are the visitor's own, so that nobody can take another's."""
    return Request(
        platform=desk.PLATFORM,
        user_id=press.user_id,
        key=f"{press.user_id}:{press.said.key}",
        command=press.said.command or "",
        options=press.said.options,
        locale=press.visitor.locale,
        address=press.user_id,
    )
