"""What the simulated fal has in its books, against what we have in ours."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from engine.database import Work
from engine.tables import Outcome, State, generations, submissions
from tests.crash.house import House
from tests.simulators import fal_log
from tests.simulators.fal_process import FalSimulator

KEPT = (State.STORED, State.CANCELLED)


def posts(log: Path):
    """A book for `end_well`: how often fal was asked for each generation."""

    def book(here: House, work: Work) -> Counter[int]:
        ids = {row.prompt: row.id for row in work.execute(sa.select(generations.c.id, generations.c.prompt))}
        return Counter(ids[line["arguments"]["prompt"]] for line in fal_log.submissions(log))

    return book


def is_quiet(fal: FalSimulator) -> bool:
    """Nothing is on its way to a bill any more; what draws for ever never gets one."""
    endless = sum("never-drawing" in (line["mishap"] or "") for line in fal_log.accepted(fal.log))
    counts = fal.control()
    return counts["queued"] == 0 and counts["drawing"] <= endless


def wrong_costs(work: Work, log: Path, is_told: bool) -> Iterator[str]:
    """Everything that was billed is in our cost column, to the microdollar; and nothing else is.

    What fal never told us of cannot be: its try must say so, by being `asked` (no answer came) or `lost` (fal forgot
    it). Where webhooks come (`is_told`), that is only what had none.
    """
    ours = {row.request_id: row for row in work.execute(sa.select(submissions)) if row.request_id}
    bills, silent = fal_log.billed_by_request(log), Counter(_unknown(work))
    told = {line["request"] for line in fal_log.webhooks(log) if line["status"] in range(200, 300)} - _mixed_up(log)
    for request_id, billed in bills.items():
        row = ours.get(request_id)
        if row is not None and row.outcome != Outcome.LOST:
            if row.cost_microdollars != billed:
                yield f"{request_id} ({row.outcome}): {row.cost_microdollars} is written, {billed} was billed"
        elif is_told and request_id in told:
            yield f"{request_id} was billed {billed}, we were told, and nothing is written down"
        elif row is None:
            silent[_asked(log)[request_id]] -= 1
    yield from (f"of {prompt!r} was billed what no try of ours can be" for prompt, left in silent.items() if left < 0)
    for request_id, row in ours.items():
        if row.cost_microdollars and request_id not in bills:
            yield f"{request_id}: {row.cost_microdollars} written, nothing billed"


def lost_pictures(work: Work, log: Path) -> Iterator[str]:
    """Where webhooks come: what fal has made as it should, and billed, was stored, unless its owner had cancelled."""
    bills = fal_log.billed_by_request(log)
    good = {line["request"] for line in fal_log.accepted(log) if not line["mishap"]} & bills.keys()
    ends = {row.id: row.state for row in work.execute(sa.select(generations.c.id, generations.c.state))}
    for row in work.execute(sa.select(submissions)):
        if row.request_id in good and (row.outcome != Outcome.DONE or ends[row.generation_id] not in KEPT):
            yield f"{row.request_id} ({row.generation_id}, {row.outcome}) was made and ended {ends[row.generation_id]}"


def _unknown(work: Work) -> Iterator[str]:
    """The prompt of each try of which nobody knows whether it was taken."""
    asked = submissions.c.outcome == Outcome.ASKED.value
    joined = sa.select(generations.c.prompt).join(submissions, submissions.c.generation_id == generations.c.id)
    yield from work.execute(joined.where(asked)).scalars()


def _mixed_up(log: Path) -> set[str]:
    """Requests of which fal spoke under another's name: nobody believes that."""
    return {line["request"] for line in fal_log.accepted(log) if "other-request-id" in (line["mishap"] or "")}


def _asked(log: Path) -> dict[str, str]:
    """The prompt of each request."""
    return {line["request"]: line["arguments"]["prompt"] for line in fal_log.accepted(log)}
