"""What the bots can do, on no platform: one command a file. This list, in this order, is the menu on every platform."""

from bots.commands import (
    apikey,
    cancel,
    credits,
    delete,
    feedback,
    help,
    history,
    imagine,
    last,
    models,
    parsing,
    settings,
    signup,
    start,
)
from bots.commands.conversation import Command


def by_name(name: str) -> Command:
    """The command of that name. Raises BadLine with the nearest one."""
    return parsing.by_name(name, COMMANDS)


COMMANDS: tuple[Command, ...] = (
    imagine.COMMAND,
    models.COMMAND,
    last.COMMAND,
    cancel.COMMAND,
    credits.COMMAND,
    history.COMMAND,
    signup.COMMAND,
    settings.COMMAND,
    delete.COMMAND,
    apikey.COMMAND,
    feedback.COMMAND,
    start.COMMAND,
    help.command(lambda: COMMANDS),
)
