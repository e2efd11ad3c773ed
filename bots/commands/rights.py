"""Who may use which command."""

from dataclasses import dataclass

from bots.commands.conversation import Command, Request, Who
from engine import administration
from engine.database import Work
from engine.errors import Refusal


@dataclass(eq=False)
class NotAllowed(Refusal):
    """This command is for operators, or for whoever runs the space."""

    command: str


def check(work: Work, command: Command, request: Request) -> None:
    """Raises NotAllowed. An operator may do everything; that somebody runs the space, no platform tells us yet."""
    if command.who is not Who.EVERYONE and not administration.is_operator(work, request.account_id):
        raise NotAllowed(command.name)
