"""`easel account ...`: look at one account, and give or take credits, for a person at a terminal."""

from datetime import datetime
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from easel.wiring import actor, open_database
from engine import accounts, administration, history
from engine.credits import parse, show
from engine.history import Balance
from engine.settings import MEGABYTE

app = typer.Typer(no_args_is_help=True, help="Look at an account, make one, give or take credits.")
console = Console(highlight=False)

AccountId = Annotated[int, typer.Argument(help="The account's number.", min=1, max=2**62)]


@app.command(name="show")
def show_account(
    account_id: AccountId,
    lines: Annotated[int, typer.Option(help="How many lines of history.")] = 20,
    after: Annotated[str | None, typer.Option(help="Go on after this page.")] = None,
) -> None:
    """Balance, parts and history of an account."""
    with open_database().read() as work:
        balance = history.balance(work, account_id)
        page = history.statement(work, account_id, after, lines)
    _print_balance(balance)
    table = Table("when (UTC)", "what", "change", "spent", "balance", "key")
    for line in page.lines:
        when = f"{line.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, line.kind, _signed(line.change), show(line.spent), show(line.balance), escape(line.key))
    console.print(table)
    if page.after:
        console.print(f"More: easel account show {account_id} --after {page.after}")


@app.command()
def new(identity: Annotated[str, typer.Argument(help="platform:user, as in terminal:me")]) -> None:
    """Find or make the account of a platform's user, and sign it up."""
    platform, _, user = identity.partition(":")
    if not (platform and user):
        raise typer.BadParameter("platform:user, as in terminal:me")
    here = open_database()
    account_id = here.run(lambda work: accounts.find_or_create(work, platform, user))
    with here.read() as work:
        is_guest = history.balance(work, account_id).standing == "guest"
    if is_guest:
        here.run(lambda work: accounts.sign_up(work, account_id))
    console.print(f"account {account_id}")


@app.command()
def credit(
    account_id: AccountId,
    amount: Annotated[str, typer.Argument(help="Credits, as in 25 or 0.5; after -- also below zero, as in -- -3.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the action.")],
    key: Annotated[str, typer.Option(help="The same key acts only once; a new one each time when not given.")] = "",
) -> None:
    """Give credits to an account, or take them away."""
    credits, key = parse(amount), key or uuid4().hex
    receipt = open_database().run(
        lambda work: administration.credit(work, account_id, credits, key, actor=actor(), reason=reason)
    )
    said = "was done before" if receipt.is_replay else "done"
    console.print(f"{said}: {_signed(credits)}, balance {show(receipt.balance)} (key {key})", markup=False)


def _signed(amount: int) -> str:
    return f"+{show(amount)}" if amount > 0 else show(amount)


def _print_balance(balance: Balance) -> None:
    console.print(f"account {balance.account_id}  {balance.standing}  {balance.at:%Y-%m-%d %H:%M:%S} UTC")
    owed = f", owed {show(balance.owed)}" if balance.owed else ""
    frozen = f", frozen {show(balance.frozen)}" if balance.frozen else ""
    console.print(f"[bold]{show(balance.spendable)}[/] credits to spend, {show(balance.held)} on hold{frozen}{owed}")
    for part in balance.parts:
        ends = f", until {part.expires_at:%Y-%m-%d %H:%M}" if part.expires_at else ""
        console.print(f"  {part.source:<12} {show(part.spendable)} to spend, {show(part.held)} on hold{ends}")
    if balance.day:
        wait = _wait(balance.at, balance.day.tops_up_at)
        console.print(f"today {show(balance.day.left)} of {show(balance.day.limit)} left; tops up in {wait}")
    if balance.guest:
        console.print(f"guest: {balance.guest.left} of {balance.guest.limit} pictures left")
    limit, used = balance.bytes_limit / MEGABYTE, balance.bytes_used / MEGABYTE
    console.print(f"storage {used:.1f} of {limit:.0f} MB, {balance.bytes_held / MEGABYTE:.1f} MB kept free")


def _wait(now: datetime, then: datetime) -> str:
    minutes = max(1, -(-int((then - now).total_seconds()) // 60))
    return f"{minutes // 60} h {minutes % 60} min"
