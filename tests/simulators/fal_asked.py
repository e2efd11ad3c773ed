"""What the simulated fal answers about a request that it took: status, result, cancel."""

from dataclasses import replace
from uuid import uuid4

from tests.simulators import fal_errors, fal_queue
from tests.simulators.fal_http import DROPPED, Answer, Request, in_json
from tests.simulators.fal_state import Job, State
from tests.simulators.fal_submit import addresses, unauthorized

NOT_FOUND = fal_errors.sentence(404, "Request not found")
RUNNING = fal_errors.sentence(400, "Request is still in progress", "bad_request")


def ask(state: State, request: Request, root: str, request_id: str, what: str) -> Answer:
    """`what` is "status", "result" or "cancel"."""
    job = state.jobs.get(request_id)
    refusal = unauthorized(request)
    if refusal:
        answer = refusal
    elif job is None or job.root != root:
        answer = in_json({"status": "NOT_FOUND"}, 404) if what == "cancel" else NOT_FOUND
    elif what == "cancel":
        answer = _cancel(state, job)
    elif what == "result":
        answer = _result(job)
    else:
        answer = _status(state, job, request.first("logs") in ("1", "true", "True"))
    state.journal.write(
        what,
        request_id,
        endpoint=job.endpoint if job else root,
        mishap=",".join(job.mishaps) or None if job else None,
        status=answer.status or "dropped",
        authorized=refusal is None,
        **({"state": job.state} if job else {}),
    )
    return answer


def _status(state: State, job: Job, has_logs: bool) -> Answer:
    if job.has("status-404"):
        return NOT_FOUND
    if job.strikes_once("status-500-once"):
        return fal_errors.refused("500")
    if job.strikes_once("status-429-once"):
        return fal_errors.refused("429")
    if job.has("status-junk"):
        return Answer(200, b'{"status": "IN_PRO')
    about = str(uuid4()) if job.has("other-request-id") else job.id
    content = {"status": _word(job), "request_id": about, **addresses(state, job), "logs": None}
    if has_logs and job.state != "queued":
        content["logs"] = [
            {"message": "Drawing", "level": "INFO", "source": "stdout", "timestamp": "2026-11-20T12:00:00"}
        ]
    if job.state == "queued":
        del content["logs"]
        content["queue_position"] = 7 if job.has("never-queued") else fal_queue.position(job)
    if job.state == "done":
        content["metrics"] = {"inference_time": job.draw}
        if job.error:
            content |= {"error": job.error, "error_type": job.error_type}
    answer = in_json(content, 200 if job.state == "done" else 202)
    return replace(answer, drips="body") if job.has("status-drip") else answer


def _word(job: Job) -> str:
    if job.has("status-unknown"):
        return "DREAMING"
    return {"queued": "IN_QUEUE", "drawing": "IN_PROGRESS", "done": "COMPLETED"}[job.state]


def _result(job: Job) -> Answer:
    if job.result is None:
        return RUNNING
    if job.has("result-404"):
        return NOT_FOUND
    if job.has("result-500") or job.strikes_once("result-500-once"):
        return fal_errors.refused("500")
    if job.has("result-html"):
        return fal_errors.HTML
    return DROPPED if job.strikes_once("result-drop-once") else job.result


def _cancel(state: State, job: Job) -> Answer:
    if job.state == "done":
        return in_json({"status": "ALREADY_COMPLETED"}, 400)
    fal_queue.cancel(job)
    return in_json({"status": "CANCELLATION_REQUESTED"}, 202)
