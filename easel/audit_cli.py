"""`easel audit`: what was checked, how much of it, how long it took; status 1 and the rows when something is broken."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from easel.wiring import open_database
from engine import audit as auditing
from engine.database import Database
from engine.errors import Busy

console = Console(highlight=False)


def audit(
    first: Annotated[int, typer.Option("--from", help="First account; an interrupted audit says where it was.")] = 0,
    last: Annotated[int | None, typer.Option("--to", help="Last account.")] = None,
    head: Annotated[bool, typer.Option("--head", help="Print one line that stands for all history so far.")] = False,
    check_head: Annotated[str | None, typer.Option(help="An older line of --head: is that history unchanged?")] = None,
) -> None:
    """Prove that every credit is where the history says."""
    here = open_database()
    if head:
        with here.read(is_long=True) as work:
            console.print(str(auditing.head(work)), soft_wrap=True)
    elif check_head is not None:
        _compare(here, auditing.Head.parse(check_head))
    else:
        _check(here, first, last)


def _check(here: Database, first: int, last: int | None) -> None:
    report = auditing.Report()
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("accounts", total=None)
            for report in auditing.audit(here, first, last):
                progress.update(task, total=report.last_account - first + 1, completed=report.next_account - first)
    except (KeyboardInterrupt, Busy, DBAPIError) as stopped:
        _print(report)
        sys.exit(
            f"Interrupted ({type(stopped).__name__}). Go on with: easel audit --from {report.next_account or first}"
        )
    _print(report)
    if not report.is_clean:
        sys.exit(1)


def _print(report: auditing.Report) -> None:
    table = Table("invariant", "rows", "broken", "seconds", "sentence")
    for name, tally in report.tallies.items():
        broken = f"[bold red]{tally.broken}[/]" if tally.broken else "0"
        table.add_row(name, f"{tally.looked_at:,}", broken, f"{tally.seconds:.2f}", tally.sentence)
    console.print(table)
    for finding in report.findings:
        console.print(f"{finding.check} {finding.row}", style="red", markup=False, soft_wrap=True)
    console.print("[green]Clean.[/]" if report.is_clean else "[bold red]Broken: see above.[/]")


def _compare(here: Database, before: auditing.Head) -> None:
    with here.read(is_long=True) as work:
        now = auditing.head(work, before.until)
    if now != before:
        sys.exit(f"Changed: up to {before.until} there are now {now.transactions} transactions, digest {now.digest}")
    console.print(f"Unchanged: {before.transactions} transactions of {before.accounts} accounts.")
