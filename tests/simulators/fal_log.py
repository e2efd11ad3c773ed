"""The simulator's log, one JSON object a line: written by the simulator, read by tests."""

import json
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Journal:
    """Appends; a line is on its way to the file before the call returns. `counts` is how many there are of each."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1)
        self.counts: Counter[str] = Counter()

    def write(self, what: str, request: str | None = None, **facts: Any) -> None:
        """One line; `at` is in unix seconds."""
        self.counts[what] += 1
        self._file.write(json.dumps({"at": time.time(), "what": what, "request": request, **facts}) + "\n")


def read(path: Path, what: str | None = None) -> list[Line]:
    """All lines in order, or those of one kind. A half-written last line is left out."""
    text = path.read_text() if path.exists() else ""
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [line for line in lines if what in (None, line["what"])]


def submissions(path: Path) -> list[Line]:
    """Every POST to an endpoint: accepted or not, answered or dropped."""
    return read(path, "submit")


def accepted(path: Path) -> list[Line]:
    """The submissions that were taken into the queue: each may cost money."""
    return [line for line in submissions(path) if line["accepted"]]


def by_prompt(lines: list[Line]) -> dict[str, list[Line]]:
    """Submissions by their prompt."""
    return _grouped(lines, lambda line: (line["arguments"] or {}).get("prompt"))


def by_webhook(lines: list[Line]) -> dict[str, list[Line]]:
    """Submissions by their webhook's URL."""
    return _grouped(lines, lambda line: line["webhook"])


def undocumented(path: Path) -> list[Line]:
    """The submissions that the endpoint's documents do not allow; `undocumented` in each names the fields."""
    return [line for line in submissions(path) if line.get("undocumented")]


def billed_by_request(path: Path) -> dict[str, int]:
    """Microdollars by request id; what was not billed is not in it."""
    bills: dict[str, int] = defaultdict(int)
    for line in read(path, "bill"):
        bills[line["request"]] += line["microdollars"]
    return dict(bills)


def webhooks(path: Path, kind: str | None = None) -> list[Line]:
    """Every try to deliver a webhook: kind is "true", "duplicate", "forged", "second payload" or "stale"."""
    return [line for line in read(path, "webhook") if kind in (None, line["kind"])]


def _grouped(lines, key) -> dict[str, list[Line]]:  # type: ignore[no-untyped-def]
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        groups[key(line)].append(line)
    return dict(groups)
