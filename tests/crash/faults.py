"""Where a process dies: a function of the product, and the moment around its call. Each fault strikes once in a run.

For an engine's step, called within a Work: UNCOMMITTED is the last moment before COMMIT, COMMITTED the first after it,
before any hint has left, and HINTED the one after all of them.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import wraps
from importlib import import_module
from pathlib import Path


class Moment(Enum):
    BEFORE = auto()
    AFTER = auto()
    AFTER_AWAIT = auto()
    HALF = auto()  # with only half of its last argument done
    UNCOMMITTED = auto()
    COMMITTED = auto()
    HINTED = auto()


@dataclass(frozen=True)
class Fault:
    """In a process of `part`, at the `nth` call in its life of `target` (module:attribute) that did something."""

    part: str
    target: str
    moment: Moment
    nth: int = 1
    is_chosen: Callable[..., bool] = lambda *given: True

    @property
    def name(self) -> str:
        what = self.target.rpartition(".")[2].replace(":", "-").lower()
        which = "" if self.is_chosen("-small") else "-picture"
        return f"{self.part}-{what}{which}-{self.moment.name.lower().replace('_', '-')}"


def _steps(part: str, *names: str, moments: tuple[Moment, ...] = (Moment.UNCOMMITTED, Moment.COMMITTED)) -> list[Fault]:
    return [Fault(part, f"engine.generations.{_file(name)}:{name}", moment) for name in names for moment in moments]


def _file(name: str) -> str:
    return "watching" if name in ("saw", "hint_again", "give_up") else "steps"


def _is_picture(*given: object) -> bool:
    return not any("-small" in str(one) for one in given)


_WHOLE = (Moment.UNCOMMITTED, Moment.COMMITTED, Moment.HINTED)

FAULTS = (
    # A front: nothing happened, or it happened and nobody was told, or everybody was and the asker was not.
    *(Fault("front", "engine.generations:request", moment) for moment in _WHOLE),
    *(Fault("front", "engine.generations:cancel", moment) for moment in _WHOLE[:2]),
    # Submit: the hint, the lease, the intent, the call, its answer.
    Fault("submit", "worker.queue:run", Moment.BEFORE),
    *_steps("submit", "lease", "begin", "submitted", "put_off"),
    Fault("submit", "worker.providers.sketch:Sketch.submit", Moment.AFTER, nth=2),
    Fault("submit", "worker.queue:run", Moment.AFTER, nth=2),
    # Finish: the hint, the lease, the download, two files, the one commit that pays.
    Fault("finish", "worker.queue:run", Moment.BEFORE),
    *_steps("finish", "lease", "stored", "fail"),
    Fault("finish", "worker.providers.sketch:Sketch.fetch", Moment.BEFORE),
    Fault("finish", "worker.providers.sketch:Sketch.fetch", Moment.AFTER),
    Fault("finish", "worker.media:_write", Moment.HALF),
    Fault("finish", "worker.media:_write", Moment.AFTER),
    Fault("finish", "worker.media:FolderMedia.put", Moment.AFTER, is_chosen=_is_picture),
    Fault("finish", "worker.media:FolderMedia.put", Moment.AFTER, nth=4),
    Fault("finish", "worker.queue:run", Moment.AFTER, nth=2),
    # The watcher: what it saw, what is ready, who is hinted at again, what took too long, and tasks.
    Fault("watcher", "worker.providers.sketch:Sketch.look", Moment.AFTER_AWAIT, nth=3),
    *_steps("watcher", "saw"),
    *(Fault("watcher", "engine.generations.arriving:arrive", moment) for moment in _WHOLE),
    *_steps("watcher", "hint_again", moments=_WHOLE),
    *_steps("watcher", "fail", "give_up"),
    *(Fault("watcher", "engine.tasks:claim", moment) for moment in _WHOLE[:2]),
    Fault("watcher", "worker.media:FolderMedia.delete", Moment.HALF),
    *(Fault("watcher", "engine.tasks:done", moment) for moment in _WHOLE[:2]),
)


class Fate:
    """One fault in this process: `strike` kills it at the nth call, unless the fault has struck in some process."""

    def __init__(self, fault: Fault, marks: Path) -> None:
        self._mark = marks / fault.name
        self._calls_left = fault.nth

    def is_near(self) -> bool:
        """Whether the next strike is the one."""
        return self._calls_left == 1 and not self._mark.exists()

    def strike(self) -> None:
        self._calls_left -= 1
        if self._calls_left or self._mark.exists():
            return
        self._mark.touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)


def arm(part: str, marks: Path) -> None:
    """Put this part's faults into the product as it is loaded in this process."""
    for fault in FAULTS:
        if fault.part == part:
            _wrap(fault, Fate(fault, marks))


def _wrap(fault: Fault, fate: Fate) -> None:
    module, _, path = fault.target.partition(":")
    owner: object = import_module(module)
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    setattr(owner, name, _WRAPS[fault.moment](getattr(owner, name), fate, fault.is_chosen))


def _before(original, fate, is_chosen):
    @wraps(original)
    def dying(*given):
        fate.strike()
        return original(*given)

    return dying


def _after(original, fate, is_chosen):
    @wraps(original)
    def dying(*given):
        result = original(*given)
        if is_chosen(*given):
            fate.strike()
        return result

    return dying


def _after_await(original, fate, is_chosen):
    @wraps(original)
    async def dying(*given):
        result = await original(*given)
        fate.strike()
        return result

    return dying


def _half(original, fate, is_chosen):
    @wraps(original)
    def dying(*given):
        if fate.is_near():
            *first, last = given
            original(*first, last[: len(last) // 2])
        fate.strike()
        return original(*given)

    return dying


def _in_work(place: Callable[[list, Callable[[], None]], None]):
    """Steps that return None, False or nothing have done nothing; those without a result always do something."""

    def wrap(original, fate, is_chosen):
        has_result = original.__annotations__["return"] not in (None, "None")

        @wraps(original)
        def dying(work, *given, **named):
            result = original(work, *given, **named)
            if result or not has_result:
                place(work.after_commit, fate.strike)
            return result

        return dying

    return wrap


_WRAPS = {
    Moment.BEFORE: _before,
    Moment.AFTER: _after,
    Moment.AFTER_AWAIT: _after_await,
    Moment.HALF: _half,
    Moment.UNCOMMITTED: _in_work(lambda after, strike: strike()),
    Moment.COMMITTED: _in_work(lambda after, strike: after.insert(0, strike)),
    Moment.HINTED: _in_work(lambda after, strike: after.append(strike)),
}
