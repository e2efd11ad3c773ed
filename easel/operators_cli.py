"""What operators do at a terminal: migrate, ban and unban, switch new generations off and on."""

from typing import Annotated

import typer
from rich.console import Console

from easel.accounts_cli import AccountId
from easel.wiring import actor, database, keep_private, open_database
from engine import administration
from engine.settings import read_settings
from engine.tables import EVERYWHERE

console = Console(highlight=False)

Reason = Annotated[str, typer.Option(help="Why; kept with the action.")]
SpaceId = Annotated[int, typer.Option("--space", help="Only in this space.", min=0, max=2**62)]


def migrate() -> None:
    """Bring the schema and the catalogue up to date; harmless to run again, or several at once."""
    from engine.migrations import migrate as bring_up_to_date

    keep_private()
    console.print(f"schema {bring_up_to_date(database(read_settings()))}")


def ban(account_id: AccountId, reason: Reason, space_id: SpaceId = EVERYWHERE) -> None:
    """Ban an account, everywhere or in one space."""
    done = open_database().run(
        lambda work: administration.ban(work, account_id, actor=actor(), reason=reason, space_id=space_id)
    )
    console.print("banned" if done else "was banned already")


def unban(account_id: AccountId, reason: Reason, space_id: SpaceId = EVERYWHERE) -> None:
    """Lift a ban."""
    done = open_database().run(
        lambda work: administration.unban(work, account_id, actor=actor(), reason=reason, space_id=space_id)
    )
    console.print("ban lifted" if done else "was not banned")


def maintenance(
    switch: Annotated[str, typer.Argument(help="on or off")], reason: Reason, space_id: SpaceId = EVERYWHERE
) -> None:
    """Switch new generations off ("on") for a while and back ("off"), everywhere or in one space."""
    if switch not in ("on", "off"):
        raise typer.BadParameter("on or off")
    done = open_database().run(
        lambda work: administration.maintenance(work, switch == "on", actor=actor(), reason=reason, space_id=space_id)
    )
    console.print(f"maintenance {switch}" if done else f"maintenance was {switch} already")
