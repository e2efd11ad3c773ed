"""What the simulated fal publishes beside its queue: keys, prices, descriptions; and the tests' own switchboard."""

import json
from collections import Counter
from typing import Any

from tests.simulators import fal_errors, fal_models
from tests.simulators.fal_http import Answer, Request, in_json
from tests.simulators.fal_mishaps import MISHAPS
from tests.simulators.fal_state import State
from tests.simulators.fal_submit import unauthorized


def keys(state: State, request: Request) -> Answer:
    """The keys with which webhooks are signed."""
    answer = in_json(state.signer.published()) if state.has_keys else fal_errors.refused("500")
    state.journal.write("jwks", status=answer.status)
    return answer


def prices(state: State, request: Request) -> Answer:
    """The prices of the endpoints that are asked for; all of them when one is unknown is a 404, as fal's."""
    asked = request.query.get("endpoint_id", [])
    answer = unauthorized(request)
    if not answer and not all(endpoint in fal_models.ENDPOINTS for endpoint in asked):
        answer = fal_errors.sentence(404, "Endpoint not found")
    if not answer:
        found = [fal_models.price(endpoint) for endpoint in asked or fal_models.ENDPOINTS]
        answer = in_json({"prices": found, "next_cursor": None, "has_more": False})
    state.journal.write("pricing", endpoints=asked, status=answer.status)
    return answer


def schema(state: State, request: Request) -> Answer:
    """The OpenAPI document of an endpoint's queue."""
    endpoint = request.first("endpoint_id") or ""
    is_known = endpoint in fal_models.ENDPOINTS
    answer = in_json(fal_models.openapi(endpoint)) if is_known else fal_errors.sentence(404, "Endpoint not found")
    state.journal.write("schema", endpoint=endpoint, status=answer.status)
    return answer


def control(state: State, request: Request) -> Answer:
    """GET: counts. POST: change what happens from now on; the docstring of fal.py has the words."""
    if request.method == "GET":
        return in_json(_counts(state))
    wishes = json.loads(request.body)
    try:
        for name, value in wishes.items():
            _change(state, name, value)
    except (KeyError, ValueError) as error:
        return in_json({"refused": str(error)}, 400)
    state.journal.write("control", wishes=wishes)
    return in_json(_counts(state))


def _change(state: State, name: str, value: Any) -> None:
    match name, value:
        case "jwks", "ok" | "down":
            state.has_keys = value == "ok"
        case "jwks", "rotate":
            state.signer.rotate()
            state.has_keys = True
        case "webhooks", "on" | "off":
            state.has_webhooks = value == "on"
        case "odds" | "seconds", float() | int():
            setattr(state, name, float(value))
        case "mishaps", [*names] if set(names) <= set(MISHAPS):
            state.among = tuple(names)
        case "down", bool():
            state.is_down = value
        case _:
            raise ValueError(f"{name}: {value!r}")


def _counts(state: State) -> dict[str, Any]:
    states = Counter(job.state for job in state.jobs.values())
    return {
        "lines": state.journal.counts,
        "queued": states["queued"],
        "drawing": states["drawing"],
        "done": states["done"],
        "microdollars": state.microdollars,
    }
