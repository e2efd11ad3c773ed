"""/imagine: a prompt becomes a generation, or a question where something has to be chosen first."""

from dataclasses import replace

from bots.commands import examples, picker, results
from bots.commands.conversation import Command, Kind, Option, Reply, Request, Text
from bots.commands.parsing import BadLine
from bots.texts import Amount
from engine import generations, history, policies, preferences
from engine.catalog import Model
from engine.credits import Credits
from engine.database import Work
from engine.generations import Ask, Generation
from engine.generations.asking import SEEDS
from engine.history import Balance
from engine.preferences import Preferences


def run(work: Work, request: Request) -> Reply:
    """With a model, named or default, it starts at once; without, all are shown. Raises the engine's refusals."""
    if not request.text("prompt"):
        return examples.what_to_draw(work, request)
    chosen = preferences.get(work, request.account_id)
    model_id = request.text("model") or chosen.default_model
    if not model_id or request.options.get("choose"):
        policies.prompt.check_words(work, request.text("prompt"))
        return picker.pick(work, request)
    before = work.now()
    generation = generations.request(work, _ask(request, model_id, chosen))
    balance = history.balance(work, request.account_id)
    reply = results.view(work, generation, balance)
    is_new = generation.created_at >= before
    return _with_warning(work, reply, balance) if is_new and _has_crossed(work, generation, balance) else reply


def _ask(request: Request, model_id: str, chosen: Preferences) -> Ask:
    """The price that was shown: on the button, or on the one that made this model the default."""
    seed, price = _number(request, "seed"), _number(request, "price")
    if price is None and not request.text("model"):
        price = chosen.default_price
    if seed is not None and seed >= SEEDS:
        raise BadLine(Text("line.seed", {"most": SEEDS - 1}), COMMAND)
    return Ask(
        account_id=request.account_id,
        platform=request.platform,
        request_key=request.key,
        model_id=model_id,
        prompt=request.text("prompt"),
        size=request.text("size") or None,
        seed=seed,
        space_id=request.space_id,
        address=request.address,
        locale=request.locale,
        shown_price=None if price is None else Credits(price),
        may_spend_bought=bool(request.options.get("bought")),
        trace=request.trace,
    )


def _has_crossed(work: Work, generation: Generation, balance: Balance) -> bool:
    """This very request took the balance below the limit. Read under the account's lock, so only one says so."""
    before = balance.spendable + generation.price
    is_own = generation.payer_id == balance.account_id
    return is_own and balance.spendable < work.settings.low_balance <= before


def _with_warning(work: Work, reply: Reply, balance: Balance) -> Reply:
    return replace(reply, notice=Text("imagine.low", {"left": Amount(balance.spendable)}))


def _number(request: Request, name: str) -> int | None:
    value = request.options.get(name)
    return None if value is None else int(value)


def _model_choices(models: list[Model]) -> list[str]:
    return [model.id for model in models]


def _size_choices(models: list[Model]) -> list[str]:
    return sorted({size for model in models for size in model.sizes})


COMMAND = Command(
    "imagine",
    run,
    options=(
        Option("prompt", is_required=True),
        Option("model", choices=_model_choices),
        Option("size", choices=_size_choices),
        Option("seed", Kind.INTEGER),
        Option("price", Kind.INTEGER, is_hidden=True),  # what the button said, in hundredths
        Option("bought", Kind.FLAG, is_hidden=True),  # yes, bought credits may be spent
        Option("choose", Kind.FLAG, is_hidden=True),  # the picker, also with a default model
    ),
)
