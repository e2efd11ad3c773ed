"""The command line: `easel --help` lists what it can do."""

import logging
import sys
from dataclasses import fields
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from easel import accounts_cli, audit_cli, doctor_cli, running_cli
from easel.accounts_cli import AccountId
from easel.wiring import actor, database, open_database
from engine import administration
from engine.credits import Credits, show
from engine.errors import Fault, Refusal
from engine.settings import PREFIX, read_settings
from engine.tables import EVERYWHERE

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False)

Reason = Annotated[str, typer.Option(help="Why; kept with the action.")]
SpaceId = Annotated[int, typer.Option("--space", help="Only in this space.", min=0, max=2**62)]


@app.command()
def migrate() -> None:
    """Bring the schema and the catalogue up to date; harmless to run again, or several at once."""
    from engine.migrations import migrate as bring_up_to_date

    console.print(f"schema {bring_up_to_date(database(read_settings()))}")


@app.command()
def ban(account_id: AccountId, reason: Reason, space_id: SpaceId = EVERYWHERE) -> None:
    """Ban an account, everywhere or in one space."""
    done = open_database().run(
        lambda work: administration.ban(work, account_id, actor=actor(), reason=reason, space_id=space_id)
    )
    console.print("banned" if done else "was banned already")


@app.command()
def unban(account_id: AccountId, reason: Reason, space_id: SpaceId = EVERYWHERE) -> None:
    """Lift a ban."""
    done = open_database().run(
        lambda work: administration.unban(work, account_id, actor=actor(), reason=reason, space_id=space_id)
    )
    console.print("ban lifted" if done else "was not banned")


@app.command()
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


for command in (running_cli.up, running_cli.web, running_cli.worker, running_cli.watcher, running_cli.chat):
    app.command()(command)
app.command()(doctor_cli.doctor)
app.command(name="audit")(audit_cli.audit)
app.add_typer(accounts_cli.app, name="account")


def main() -> None:
    """Run a command; a refusal or a wrong setting is one clear line, not a traceback."""
    logging.basicConfig(level=logging.WARNING)
    try:
        app()
    except Refusal as refusal:
        fail(refusal)
    except Fault as fault:
        sys.exit(f"Not done: {fault}")
    except ValidationError as error:
        sys.exit("These settings are wrong:\n" + "\n".join(f"  {line}" for line in wrong_settings(error)))
    except DBAPIError as error:
        sys.exit(f"Not done: the database says {error.orig}")
    except (ValueError, OSError) as error:
        sys.exit(f"Not done: {error}")


def wrong_settings(error: ValidationError) -> list[str]:
    """One line for each wrong setting."""
    lines = []
    for one in error.errors():
        name = f"{PREFIX}{str(one['loc'][0]).upper()}: " if one["loc"] else ""
        lines.append(name + one["msg"].removeprefix("Value error, "))
    return lines


def fail(refusal: Refusal) -> None:
    """Say a refusal with its facts and end."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in type(refusal).__name__)
    facts = []
    for field in fields(refusal):
        value = getattr(refusal, field.name)
        facts.append(f"{field.name.replace('_', ' ')} {show(value) if field.type is Credits else value}")
    sys.exit(f"Not done:{words} ({', '.join(facts)})")


if __name__ == "__main__":
    main()
