"""Ask fal what its endpoints take, give and cost, and compare that with the catalogue."""

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import httpx2

from engine.catalog import Model
from engine.errors import Fault
from engine.ports import Job
from engine.settings import PREFIX, Settings
from worker.providers import fal_schema, fal_shapes
from worker.providers.fal_errors import NOT_LET_IN

SECONDS = 10.0
MOST_BYTES = 2_000_000
AT_ONCE = 4
OK, NOT_FOUND, NO_ANSWER = 200, 404, 0
MOST_NAMES = 12
FILE = "engine/catalog.toml"
SHAPES = "See worker/providers/fal_shapes.py: the model needs another shape, or this one has to follow."


class Away(Fault):
    """Nothing of what fal says of its endpoints can be reached."""


@dataclass(frozen=True)
class Finding:
    """One difference: `odd` (works, but mind it) or `bad`, and what to do."""

    look: str
    what: str
    advice: str = ""


@dataclass(frozen=True)
class _Answer:
    """What came back, or in `trouble` why nothing can be done with it."""

    status: int
    content: object = None
    trouble: str = ""


def check(settings: Settings, models: Sequence[Model]) -> list[Finding]:
    """How these models differ from what fal says of them now. Prices only with a key. Raises Away.

    Each question ends within `SECONDS`, and `AT_ONCE` of them are under way together.
    """
    endpoints = list(dict.fromkeys(model.endpoint for model in models))
    schemas, prices = asyncio.run(_ask_all(settings, endpoints))
    if schemas and all(answer.status == NO_ANSWER for answer in schemas.values()):
        first = next(iter(schemas.values()))
        raise Away(f"{settings.fal_schema_url} cannot be reached: {first.trouble}")
    findings = [finding for model in models for finding in _described(model, schemas[model.endpoint], settings)]
    there = [model for model in models if schemas[model.endpoint].status != NOT_FOUND]
    return [*findings, *_priced(there, prices)] if there else findings


async def _ask_all(settings: Settings, endpoints: Sequence[str]) -> tuple[dict[str, _Answer], _Answer | None]:
    key = settings.fal_key.get_secret_value().strip() if settings.fal_key else ""
    turns = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=None) as client:

        async def ask(url: str, about: Sequence[str], headers: Mapping[str, str]) -> _Answer:
            async with turns:
                return await _ask(client, url, about, headers)

        answers = await asyncio.gather(*(ask(settings.fal_schema_url, [endpoint], {}) for endpoint in endpoints))
        schemas = dict(zip(endpoints, answers, strict=True))
        # One endpoint that is gone would leave all the others without a price.
        there = [endpoint for endpoint, answer in schemas.items() if answer.status != NOT_FOUND]
        if not (key and there):
            return schemas, None
        return schemas, await ask(settings.fal_pricing_url, there, {"Authorization": f"Key {key}"})


async def _ask(client: httpx2.AsyncClient, url: str, about: Sequence[str], headers: Mapping[str, str]) -> _Answer:
    """One question about some endpoints. What goes wrong is told without its text, which may quote the key."""
    try:
        address = httpx2.URL(url).copy_merge_params({"endpoint_id": list(about)})
        plain = {**headers, "Accept": "application/json", "Accept-Encoding": "identity"}
        async with asyncio.timeout(SECONDS), client.stream("GET", address, headers=plain) as response:
            return await _read(response)
    except TimeoutError:
        return _Answer(NO_ANSWER, trouble=f"no whole answer within {SECONDS:g} seconds")
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        return _Answer(NO_ANSWER, trouble=type(error).__name__)


async def _read(response: httpx2.Response) -> _Answer:
    status = response.status_code
    if response.is_redirect:
        return _Answer(status, trouble=f"it moved to {response.headers.get('Location', '')!r:.200}")
    if status != OK:
        return _Answer(status, trouble=f"status {status}")
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > MOST_BYTES:
            return _Answer(status, trouble=f"more than {MOST_BYTES} bytes")
    try:
        return _Answer(status, json.loads(bytes(content), parse_float=Decimal, parse_constant=_refuse))
    except (ValueError, ArithmeticError, RecursionError):
        return _Answer(status, trouble="not JSON")


def _refuse(word: str) -> None:
    raise ValueError(word)


def _described(model: Model, answer: _Answer, settings: Settings) -> Iterator[Finding]:
    gone = Finding(
        "bad",
        f"{model.name}: fal has no endpoint {model.endpoint}",
        f"Correct `endpoint` in {FILE}, or switch the model off there: is_enabled = false. Then: easel migrate",
    )
    address = f"{settings.fal_schema_url}?endpoint_id={model.endpoint}"
    if answer.status == NOT_FOUND:
        yield gone
        return
    try:
        if answer.trouble:
            raise fal_schema.Unreadable(answer.trouble)
        schema = fal_schema.read(answer.content, model.endpoint)
    except fal_schema.NoSuchEndpoint:
        yield gone
    except fal_schema.Unreadable as error:
        yield Finding("bad", f"{model.name}: the schema cannot be read ({error})", f"Look at it: {address}")
    else:
        yield from _compared(model, schema)


def _compared(model: Model, schema: fal_schema.Schema) -> Iterator[Finding]:
    """What is sent in each of the model's sizes, and what is read, against what fal describes."""
    bodies = []
    for size in model.sizes:
        try:
            bodies.append((size, fal_shapes.arguments(_job(model, size))))
        except ValueError as error:
            yield Finding("bad", f"{model.name}: nothing can be sent in {size} ({error})", SHAPES)
    sent = {name for _, body in bodies for name in body}
    if missing := schema.required - sent if bodies else ():
        yield Finding("bad", f"{model.name}: fal requires {_listed(missing)}, which is not sent", SHAPES)
    if unknown := sent - schema.fields.keys():
        yield Finding("bad", f"{model.name}: fal does not know {_listed(unknown)}, which is sent", SHAPES)
    for what, (sizes, allowed) in _refused_words(bodies, schema).items():
        is_size = len(sizes) < len(bodies)
        advice = f"Take {', '.join(sizes)} out of its sizes in {FILE}. Then: easel migrate" if is_size else SHAPES
        yield Finding("bad", f"{model.name}: fal does not take {what}", f"It takes {_listed(allowed)}. {advice}")
    if unread := set(fal_shapes.OUTPUTS.get(model.output, ())) - schema.result:
        yield Finding("bad", f"{model.name}: the result has no {_listed(unread)}, which is read", SHAPES)
    if model.output not in fal_shapes.OUTPUTS:
        yield Finding("bad", f"{model.name}: nobody can read the output shape {model.output}", SHAPES)


def _job(model: Model, size: str) -> Job:
    return Job(
        provider="fal",
        generation_id=1,
        attempt=1,
        model_id=model.id,
        endpoint=model.endpoint,
        input=model.input,
        output=model.output,
        prompt="a fox",
        size=size,
        seed=1,
        takes_seed="seed" in model.capabilities,
        pictures=1,
        start_seconds=model.start_seconds,
        cost_microdollars=model.cost_microdollars,
        cost_unit=model.cost_unit,
    )


def _refused_words(
    bodies: list[tuple[str, dict[str, object]]], schema: fal_schema.Schema
) -> dict[str, tuple[list[str], frozenset[str]]]:
    """Each word that is sent and not allowed, with the sizes that send it and what is allowed."""
    refused: dict[str, tuple[list[str], frozenset[str]]] = {}
    for size, body in bodies:
        for name, value in body.items():
            allowed = schema.fields.get(name)
            if isinstance(value, str) and allowed is not None and value not in allowed:
                refused.setdefault(f"{value} as {name}", ([], allowed))[0].append(size)
    return refused


def _priced(models: Sequence[Model], answer: _Answer | None) -> Iterator[Finding]:
    if answer is None:
        yield Finding(
            "odd", "no key: prices were not compared", f"Set {PREFIX}FAL_KEY: fal tells prices only to a key."
        )
        return
    if answer.status in NOT_LET_IN:
        yield Finding("bad", f"fal does not take the key ({answer.trouble})", f"Make one there, set {PREFIX}FAL_KEY.")
        return
    content = answer.content if isinstance(answer.content, dict) else {}
    entries = content.get("prices")
    if answer.trouble or not isinstance(entries, list):
        yield Finding(
            "bad", f"the prices cannot be read ({answer.trouble or 'there is no `prices`'})", "Try again later."
        )
        return
    told = {str(entry.get("endpoint_id")): entry for entry in entries if isinstance(entry, dict)}
    for model in models:
        yield from _price(model, told.get(model.endpoint))


def _price(model: Model, entry: Mapping[str, object] | None) -> Iterator[Finding]:
    advice = f"Look at {FILE}: cost_usd, cost_unit, and the price in credits. Then: easel migrate"
    if entry is None:
        yield Finding("bad", f"{model.name}: fal tells no price of {model.endpoint}", advice)
        return
    unit, price, currency = _unit(entry.get("unit")), entry.get("unit_price"), entry.get("currency", "USD")
    if unit != model.cost_unit:
        yield Finding("bad", f"{model.name}: fal bills by {unit!r:.60}, the catalogue says {model.cost_unit}", advice)
    elif isinstance(price, bool) or not isinstance(price, Decimal | int) or not 0 <= price <= 1_000_000:
        yield Finding("bad", f"{model.name}: fal's price cannot be read ({price!r:.60})", advice)
    elif currency != "USD":
        yield Finding("bad", f"{model.name}: fal's price is in {currency!r:.60}, not in dollars", advice)
    elif price * 1_000_000 != model.cost_microdollars:
        is_more = price * 1_000_000 > model.cost_microdollars
        ours = model.cost_microdollars / 1_000_000
        what = f"{model.name}: fal bills ${float(price):.10g} for each {unit}, the catalogue says ${ours:.10g}"
        yield Finding("bad" if is_more else "odd", what, advice)


def _unit(unit: object) -> object:
    """`Images` and `image` are the same."""
    return unit.strip().lower().removesuffix("s") if isinstance(unit, str) else unit


def _listed(names: Collection[str]) -> str:
    """Names that came from outside, fit for a terminal."""
    shown = [f"{name!r:.60}" for name in sorted(names)[:MOST_NAMES]]
    return ", ".join([*shown, "..."] if len(names) > MOST_NAMES else shown)
