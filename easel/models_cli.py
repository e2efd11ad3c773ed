"""`easel models ...`: what each model costs and earns, and whether its provider still says the same."""

from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from easel import wiring
from easel.doctor_cli import MARKS
from engine import catalog
from engine.catalog import Model, Pack
from engine.credits import show

app = typer.Typer(no_args_is_help=True, help="Look at the models that are on sale.")
console = Console(highlight=False)


@app.callback()
def models() -> None:
    """Keeps `check` a word of its own, as long as it is the only one."""


@app.command()
def check() -> None:
    """Compare models and prices with what fal says now; status 1 when something is wrong. Changes nothing."""
    from worker.providers import fal_check  # no other command needs what it brings

    settings = wiring.settings()
    with wiring.open_database().read() as work:
        packs = catalog.all_packs(work)
        ours = [model for model in catalog.all_models(work) if _is_fals(model)]
    with Console(stderr=True).status("Asking fal ..."):
        findings = fal_check.check(settings, ours)
    asked = len(findings)
    _print_margins(ours, packs)
    findings += [fal_check.Finding("odd", *words) for model in ours if (words := _loss(model, packs))]
    for finding in findings:
        console.print(f"{MARKS[finding.look]} {escape(finding.what)}", soft_wrap=True)
        if finding.advice:
            console.print(f"       {finding.advice}", soft_wrap=True, markup=False)
    if any(finding.look == "bad" for finding in findings):
        raise typer.Exit(1)
    if not any(finding.look == "odd" for finding in findings[:asked]):
        console.print(f"{MARKS['good']} {len(ours)} models are as fal describes them")


def _is_fals(model: Model) -> bool:
    """Whether fal draws it, or would once it has a key."""
    return not model.providers or "fal" in model.providers


def _print_margins(models: Sequence[Model], packs: Sequence[Pack]) -> None:
    table = Table(title="What a picture of 1 megapixel leaves, by the pack its credits came from")
    table.add_column("model")
    for name in ("credits", "costs", *(escape(pack.name) for pack in packs)):
        table.add_column(name, justify="right")
    for model in models:
        cost = f"${model.cost_microdollars / 1_000_000:.4f}"
        table.add_row(escape(model.name), show(model.price), cost, *(_shown(_margin(model, pack)) for pack in packs))
    console.print(table)


def _margin(model: Model, pack: Pack) -> float | None:
    """The part of the revenue that the provider does not take, in percent; none where nothing is paid."""
    microdollars = pack.price_cents * 10_000 * model.price / pack.credits
    return 100 * (microdollars - model.cost_microdollars) / microdollars if microdollars else None


def _shown(margin: float | None) -> str:
    if margin is None:
        return "-"
    return f"[bold red]{margin:.1f} %[/]" if margin < 0 else f"{margin:.1f} %"


def _loss(model: Model, packs: Sequence[Pack]) -> tuple[str, str] | None:
    """In which packs each picture costs more than it brings, and what to do."""
    losing = [pack.name for pack in packs if (margin := _margin(model, pack)) is not None and margin < 0]
    what = f"{model.name}: a picture costs more than its credits bring, when they are from {', '.join(losing)}"
    return (what, "Raise its price in credits, or take it as the price of the discount.") if losing else None
