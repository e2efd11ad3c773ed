"""Run Easel: `up` starts everything on this machine, the others run one part or look after it."""

import logging
import sys
from dataclasses import fields

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from easel import accounts_cli, audit_cli, doctor_cli, models_cli, operators_cli, running_cli
from engine.credits import Credits, show
from engine.errors import Fault, Refusal
from engine.settings import PREFIX

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

COMMANDS = (
    running_cli.up,
    doctor_cli.doctor,
    running_cli.chat,
    running_cli.web,
    running_cli.worker,
    running_cli.watcher,
    operators_cli.migrate,
    operators_cli.ban,
    operators_cli.unban,
    operators_cli.maintenance,
    audit_cli.audit,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(accounts_cli.app, name="account")
app.add_typer(models_cli.app, name="models")


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
