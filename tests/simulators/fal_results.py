"""What a request that ran to its end answers with: the family's shape, its pictures' addresses, and its bill."""

import base64
import json
from typing import Any

from tests.simulators import fal_errors, fal_models
from tests.simulators.fal_http import Answer
from tests.simulators.fal_mishaps import MODEL_ERRORS
from tests.simulators.fal_pictures import plain, plain_size
from tests.simulators.fal_state import Job, State

UNITS = "X-Fal-Billable-Units"


def finish(state: State, job: Job) -> int:
    """Settle how the job ended, in `result`, `payload`, `error` and `error_type`; the units that fal bills for it."""
    units = fal_models.units(job.endpoint, job.arguments, _pictures(job))
    prompt = job.arguments["prompt"]
    failure = next((name for name in job.mishaps if name.startswith("error-")), None)
    if failure:
        fail(job, failure.removeprefix("error-"))
        return 0
    if job.has("no-media"):
        _refuse(job, fal_errors.details(422, [fal_errors.problem("no_media_generated", prompt)]))
        return 0
    if job.has("refuse"):
        problem = fal_errors.problem("content_policy_violation", prompt)
        _refuse(job, fal_errors.details(422, [problem], (UNITS, str(units)), ("X-Fal-Retryable", "false")))
        return units
    job.payload = payload(state, job)
    about = job.id[::-1] if job.has("other-request-id") else job.id
    headers = ((UNITS, str(units)), ("x-fal-request-id", about))
    job.result = Answer(200, json.dumps(job.payload).encode(), headers=headers)
    return units


def fail(job: Job, kind: str) -> None:
    """End with an error of the provider."""
    job.result = fal_errors.failed(kind)
    if kind in MODEL_ERRORS:
        _refuse(job, job.result)
    else:  # no runner answered, so there is nothing to pass on
        job.error, job.error_type = kind.replace("_", " ").capitalize(), kind


def payload(state: State, job: Job, variant: str = "") -> dict[str, Any]:
    """The result itself. With a variant, the same with other pictures."""
    images = [_image(state, job, f"{variant}{number}") for number in range(_pictures(job))]
    if job.has("no-images"):
        images = []
    if not fal_models.is_flux(job.endpoint):
        return {"images": images, "description": ""}
    return {
        "images": images,
        "timings": {"inference": round(job.draw, 3)},
        "seed": job.seed,
        "has_nsfw_concepts": [job.has("flagged")] * len(images),
        "prompt": job.arguments["prompt"],
    }


def picture_format(job: Job) -> str:
    """jpeg, png or webp; the families differ in what they make unasked."""
    unasked = "jpeg" if fal_models.is_flux(job.endpoint) else "png"
    return str(job.arguments.get("output_format", unasked))


def _pictures(job: Job) -> int:
    return 2 if job.has("two-images") else int(job.arguments.get("num_images", 1))


def _refuse(job: Job, answer: Answer) -> None:
    job.result, job.payload = answer, json.loads(answer.body)
    job.error = f"Unexpected status code: {answer.status}"
    job.error_type = job.payload["detail"][0]["type"]


def _image(state: State, job: Job, number: str) -> dict[str, Any]:
    kind = picture_format(job)
    media, name = f"image/{kind}", f"{number}.{kind}"
    url = f"{state.url}/files/{job.id}/{name}"
    if job.has("foreign-host"):
        url = "http://169.254.169.254/x.png"
    elif job.has("file-url"):
        url = "file:///etc/passwd"
    elif job.has("data-uri"):
        url = f"data:{media};base64,{base64.b64encode(plain(kind)).decode()}"
    if not fal_models.is_flux(job.endpoint):
        return {"url": url, "content_type": media, "file_name": name, "file_size": None, "width": None, "height": None}
    width, height = plain_size if state.is_plain else fal_models.size(job.endpoint, job.arguments)
    return {"url": url, "width": width, "height": height, "content_type": media}
