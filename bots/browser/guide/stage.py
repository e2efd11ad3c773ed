"""The guide's stage: a small database of its own, where a cast says things to the real commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bots.browser.desk import PLATFORM
from bots.commands import dispatch
from bots.commands.conversation import Reply, Request
from engine import accounts, administration, history
from engine.credits import Credits, parse
from engine.database import Database
from engine.errors import Refusal
from engine.migrations import migrate
from engine.settings import Settings

FOX = "a fox in the snow, ink and wash, soft morning light"
MEMBERS = {"alice": None, "carol": parse("1.5"), "bob": Credits(0), "dora": None, "eli": None, "fay": parse("10.5")}
GUESTS = ("gus", "gil")
AT_ONCE = 40


@dataclass(frozen=True)
class Stage:
    """Nora is nobody yet, Gus a guest, Gil one who will have used his slots; Alice has everything, Dora draws and
    Eli has done nothing so far; Carol has one credit and a half, Fay ten and a half, Bob none. It is noon."""

    database: Database
    language: str

    def asked(self, who: str, command: str, **options: str | int | bool) -> Request:
        """What somebody asks for."""
        return Request(PLATFORM, who, uuid4().hex, command, options, locale=self.language)

    def ask(self, who: str, command: str, **options: str | int | bool) -> Reply:
        """The answer to it. Raises what goes wrong, so that no card of trouble stands for another one."""
        return dispatch.perform(self.database, self.asked(who, command, **options))

    def refuse(self, refusal: Refusal, **options: str | int | bool) -> Reply:
        """How Carol hears of a refusal when she wanted to draw."""
        return dispatch.refused(self.database, self.asked("carol", "imagine", **options), refusal)

    def account(self, who: str) -> int:
        """Whose account it is; a stranger becomes a guest."""
        return self.database.run(lambda work: accounts.find_or_create(work, PLATFORM, who))


@contextmanager
def raised(name: str, language: str) -> Iterator[Stage]:
    """The stage with its cast, until the end of the block. Settings of the place play no part: it shows the product."""
    with TemporaryDirectory(prefix="easel-guide-") as folder:
        rules = Settings.model_construct(name=name, data=Path(folder), request_seconds=0, running_per_account=AT_ONCE)
        database = Database(rules, _until_noon())
        try:
            migrate(database)
            stage = Stage(database, language)
            for who in GUESTS:
                stage.account(who)
            for who, keeps in MEMBERS.items():
                _sign_up(stage, who, keeps)
            yield stage
        finally:
            database.close()


def _sign_up(stage: Stage, who: str, keeps: Credits | None) -> None:
    account_id = stage.account(who)
    stage.database.run(lambda work: accounts.sign_up(work, account_id))
    if keeps is None:
        return
    with stage.database.begin() as work:
        amount = Credits(keeps - history.balance(work, account_id).spendable)
        administration.credit(work, account_id, amount, uuid4().hex, actor="guide", reason="for the guide")


def _until_noon() -> timedelta:
    """Nothing in the guide meets midnight."""
    now = datetime.now(UTC)
    return now.replace(hour=12, minute=0) + timedelta(days=1) - now
