"""What fal's refusals mean in our words: one table of its error types, for submits, looks, results and webhooks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from engine.ports import Failed, ProviderTrouble, Trouble

NOT_LET_IN = (401, 403)
TOO_EARLY = (408, 409, 425, 429)
"""Not taken, not decided: the same may be asked later."""
UNFIT = 422
OVERLOADED, TIMED_OUT = 503, 408
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 60.0
LONGEST_TEXT = 200
MOST_TYPES = 5

FOR_GOOD, FOR_NOW = True, False
_USERS = (
    *("image_too_small", "image_too_large", "image_load_error", "file_download_error", "file_too_large"),
    *("face_detection_error", "unsupported_image_format", "greater_than", "greater_than_equal", "less_than"),
    *("less_than_equal", "multiple_of", "sequence_too_short", "sequence_too_long", "one_of", "feature_not_supported"),
)
_PROVIDERS = (
    *("internal_server_error", "generation_timeout", "downstream_service_error", "downstream_service_unavailable"),
    *("request_timeout", "startup_timeout", "runner_scheduling_failure", "runner_connection_timeout"),
    *("runner_connection_refused", "runner_connection_error", "runner_disconnected", "runner_incomplete_response"),
    *("runner_server_error", "internal_error", "client_disconnected"),
)
TYPES: Mapping[str, tuple[Trouble, bool]] = {
    "content_policy_violation": (Trouble.REFUSED, FOR_GOOD),
    "no_media_generated": (Trouble.REFUSED, FOR_GOOD),  # the model has declined, in words instead of pictures
    **dict.fromkeys(_USERS, (Trouble.UNFIT, FOR_GOOD)),
    **dict.fromkeys(_PROVIDERS, (Trouble.PROVIDER, FOR_NOW)),
    "bad_request": (Trouble.PROVIDER, FOR_GOOD),
    "client_cancelled": (Trouble.PROVIDER, FOR_GOOD),
}
"""fal's documented error types: what each is to us, and whether the same request would fail again."""


@dataclass(frozen=True)
class Answer:
    """What fal answered instead of what was asked for. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)

    @property
    def body(self) -> object:
        """Its JSON, or None."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def error_type(self) -> str | None:
        """What the header calls it."""
        return self.headers.get("x-fal-error-type")

    @property
    def is_models_own(self) -> bool:
        """Whether it lists what is wrong, as only a model does: the queue and gateways say a sentence."""
        body = self.body
        return isinstance(body, Mapping) and isinstance(body.get("detail"), list)

    @property
    def is_retryable(self) -> bool | None:
        """Whether fal says that the same request may succeed; None when it says nothing."""
        return {"true": True, "false": False}.get(self.headers.get("x-fal-retryable", "").strip().lower())


def failed(
    status: int | None,
    body: object,
    error_type: str | None = None,
    is_retryable: bool | None = None,
    cost_microdollars: int = 0,
) -> Failed:
    """A request that ended without a result: the status and the body with which that is told, and what fal's own
    header or field calls it, as far as known."""
    types = _types(body, error_type)
    trouble, is_permanent = _verdict(status, types, is_retryable)
    return Failed(trouble, is_permanent, _detail(status, types, body), cost_microdollars)


def not_taken(answer: Answer) -> ProviderTrouble:
    """A submit that was answered with an error. UNKNOWN when it may be in the queue all the same: something on the way
    may have said it, or fal itself may have stumbled after it was taken. Then it is never asked for again unseen."""
    end = failed(answer.status, answer.body, answer.error_type, answer.is_retryable)
    if answer.status == TIMED_OUT or (answer.status >= 500 and answer.status != OVERLOADED):
        return ProviderTrouble(Trouble.UNKNOWN, is_permanent=False, detail=end.detail)
    return ProviderTrouble(
        end.trouble,
        is_permanent=end.is_permanent,
        detail=end.detail,
        has_answered=isinstance(answer.body, Mapping),
        is_ours=_shuts_us_out(answer),
        wait_seconds=wait_seconds(answer),
    )


def not_told(answer: Answer) -> ProviderTrouble:
    """A question about a request that was answered with an error: the request itself goes on, so it is asked again."""
    return ProviderTrouble(
        Trouble.PROVIDER,
        is_permanent=False,
        detail=_detail(answer.status, _types(answer.body, answer.error_type), answer.body),
        is_ours=_shuts_us_out(answer),
        wait_seconds=wait_seconds(answer),
    )


def unanswered(why: str, *, may_be_taken: bool) -> ProviderTrouble:
    """A call without an answer that can be read. `may_be_taken`: it was a submit, and fal may have got it."""
    trouble = Trouble.UNKNOWN if may_be_taken else Trouble.PROVIDER
    return ProviderTrouble(trouble, is_permanent=False, detail=f"fal: {_line(why)}")


def wait_seconds(answer: Answer) -> float | None:
    """How long Retry-After (seconds, or a date) wants us to wait, at most a minute; None without one to read."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        seconds = float(text)
    else:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def _shuts_us_out(answer: Answer) -> bool:
    """fal says it in a sentence of JSON; a page is a gateway's, which may only have disliked this one prompt."""
    body = answer.body
    return answer.status in NOT_LET_IN and isinstance(body, Mapping) and isinstance(body.get("detail"), str)


def _types(body: object, error_type: object) -> list[str]:
    """Everything that fal calls it, what the model said of it first."""
    found: list[object] = []
    if isinstance(body, Mapping):
        details = body.get("detail")
        found = [one.get("type") for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
        found.append(body.get("error_type"))
    return [one for one in dict.fromkeys(str(one) for one in (*found, error_type) if isinstance(one, str)) if one]


def _verdict(status: int | None, types: list[str], is_retryable: bool | None) -> tuple[Trouble, bool]:
    known = [TYPES[one] for one in types if one in TYPES]
    if known:
        return next((one for one in known if one[0] is Trouble.REFUSED), known[0])
    if status == UNFIT and is_retryable is not True:
        return Trouble.UNFIT, FOR_GOOD
    if is_retryable is not None:
        return Trouble.PROVIDER, not is_retryable
    return Trouble.PROVIDER, status is not None and 400 <= status < 500 and status not in TOO_EARLY


def _detail(status: int | None, types: list[str], body: object) -> str:
    """For operators. fal's sentence belongs to it, but not what a model says: that may repeat the prompt."""
    sentence = body.get("detail") if isinstance(body, Mapping) else None
    told = sentence if isinstance(sentence, str) else ""
    return _line(" ".join(("fal:", str(status or "no status"), *types[:MOST_TYPES], told)))


def _line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text[:LONGEST_TEXT]).strip()
