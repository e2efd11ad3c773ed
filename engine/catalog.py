"""Models, prices, packs and teasers: rows seeded from catalog.toml, editable later.

Each row remembers what the file said (`seed`). A value that still equals it follows the file; one that an operator has
changed stays. What leaves the file is switched off, not deleted: history points to it.
"""

import json
import tomllib
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.credits import Credits, parse
from engine.database import Work
from engine.errors import NotFound
from engine.tables import COST_UNITS, models, packs, teasers

KINDS = ("image", "video")
FILE = Path(__file__).with_name("catalog.toml")

Values = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A model: price in hundredths an image, cost at the provider in millionths of a dollar a unit, timeout in seconds.

    `start_seconds` is its longest wait in the provider's queue. `input` and `output` name the shapes that its endpoint
    takes and gives. `providers` is who may draw it, in this order; None: whoever the settings name.
    """

    id: str
    position: int
    name: str
    price: Credits
    endpoint: str
    kind: str
    tier: str
    best_for: str
    capabilities: list[str]
    sizes: list[str]
    timeout_seconds: int
    cost_microdollars: int
    is_enabled: bool
    input: str
    output: str
    providers: list[str] | None
    start_seconds: int
    cost_unit: str


@dataclass(frozen=True)
class Pack:
    """A pack of credits (hundredths) for a price in US cents."""

    id: str
    position: int
    name: str
    price_cents: int
    credits: Credits
    is_best_value: bool
    is_enabled: bool


@dataclass(frozen=True)
class Teaser:
    """Something that is coming: shown, locked, not sold."""

    id: str
    position: int
    name: str
    is_locked: bool


def model(work: Work, model_id: str) -> Model:
    """One model, enabled or not. Raises NotFound."""
    row = work.execute(_ONE_MODEL, {"id": model_id}).one_or_none()
    if row is None:
        raise NotFound("model", model_id)
    return Model(**row._mapping)


def all_models(work: Work) -> list[Model]:
    """Every enabled model, in the order of the file."""
    return [Model(**row._mapping) for row in work.execute(_select(models, Model).where(models.c.is_enabled))]


def all_packs(work: Work) -> list[Pack]:
    """Every pack on sale, in the order of the file."""
    return [Pack(**row._mapping) for row in work.execute(_select(packs, Pack).where(packs.c.is_enabled))]


def all_teasers(work: Work) -> list[Teaser]:
    """Everything that is announced."""
    return [Teaser(**row._mapping) for row in work.execute(_select(teasers, Teaser))]


def seed(work: Work, file: Path = FILE) -> int:
    """Bring the file into the rows; returns how many rows were added or changed. Raises ValueError on a bad file."""
    content = tomllib.loads(file.read_text(), parse_float=Decimal)
    return (
        _seed_table(work, models, _entries(content, "models", _model_values))
        + _seed_table(work, packs, _entries(content, "packs", _pack_values))
        + _seed_table(work, teasers, _entries(content, "teasers", _teaser_values))
    )


def _select(table: sa.Table, shape: type) -> sa.Select[Any]:
    return sa.select(*(table.c[field.name] for field in fields(shape))).order_by(table.c.position, table.c.id)


def _entries(content: Values, kind: str, read: Any) -> dict[str, Values]:
    entries: dict[str, Values] = {}
    if not isinstance(content.get(kind, {}), dict):
        raise ValueError(f"catalog: {kind} is a table of entries")
    for position, (name, values) in enumerate(content.get(kind, {}).items()):
        try:
            entries[name] = {"position": position, **read(values)}
        except KeyError as missing:
            raise ValueError(f"catalog: {kind}.{name}: {missing} is missing") from None
        except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise ValueError(f"catalog: {kind}.{name}: {error}") from None
    return entries


def _model_values(values: Values) -> Values:
    plain = (
        "name",
        "endpoint",
        "kind",
        "tier",
        "best_for",
        "capabilities",
        "sizes",
        "timeout_seconds",
        "input",
        "output",
    )
    _know(values, (*plain, "price", "cost_usd", "cost_unit", "start_seconds", "providers", "is_enabled"))
    _one_of(values, "kind", KINDS)
    _one_of(values, "cost_unit", COST_UNITS)
    return {name: values[name] for name in plain} | {
        "price": _not_below(0, parse(values["price"])),
        "timeout_seconds": _not_below(1, int(values["timeout_seconds"])),
        "start_seconds": _not_below(2, int(values["start_seconds"])),
        "cost_microdollars": _dollars(values["cost_usd"], 1_000_000, 0),
        "cost_unit": values["cost_unit"],
        "providers": _names(values.get("providers")),
        "is_enabled": values.get("is_enabled", True),
    }


def _pack_values(values: Values) -> Values:
    _know(values, ("name", "price_usd", "credits", "is_best_value", "is_enabled"))
    return {
        "name": values["name"],
        "price_cents": _dollars(values["price_usd"], 100, 1),
        "credits": _not_below(1, parse(values["credits"])),
        "is_best_value": values.get("is_best_value", False),
        "is_enabled": values.get("is_enabled", True),
    }


def _teaser_values(values: Values) -> Values:
    _know(values, ("name", "is_locked"))
    return {"name": values["name"], "is_locked": values.get("is_locked", True)}


def _names(names: Any) -> list[str] | None:
    if names is not None and not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise ValueError("providers is a list of names")
    return names


def _one_of(values: Values, name: str, known: tuple[str, ...]) -> None:
    if values[name] not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}")


def _know(values: Values, names: tuple[str, ...]) -> None:
    unknown = set(values) - set(names)
    if unknown:
        raise ValueError(f"nobody knows {', '.join(sorted(unknown))}")


def _dollars(text: Any, parts: int, least: int) -> int:
    """Dollars as the file has them, as text, in whole parts of a dollar."""
    try:
        whole = Decimal(str(text)) * parts
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number of dollars") from None
    if whole != whole.to_integral_value():
        raise ValueError(f"{text!r} dollars cannot be told in parts of 1/{parts}")
    return _not_below(least, int(whole))


def _not_below(least: int, number: int) -> int:
    if number < least:
        raise ValueError(f"{number} is below {least}")
    return number


def _seed_table(work: Work, table: sa.Table, entries: dict[str, Values]) -> int:
    known = {row.id: row._mapping for row in work.execute(sa.select(table))}
    changed = 0
    for name, values in entries.items():
        if name not in known:
            work.execute(sa.insert(table).values(id=name, seed=_text(values), **values))
            changed += 1
        elif known[name]["seed"] != _text(values):
            work.execute(sa.update(table).where(table.c.id == name).values(_merge(known[name], values)))
            changed += 1
    for name in known.keys() - entries.keys():
        changed += _retire(work, table, known[name])
    return changed


def _merge(row: sa.RowMapping, values: Values) -> Values:
    """The new values of a row: the file's, except where the row no longer holds what the file had said before."""
    before = json.loads(row["seed"])
    follows = {name: value for name, value in values.items() if name not in before or row[name] == before[name]}
    return {**follows, "seed": _text(values)}


def _retire(work: Work, table: sa.Table, row: sa.RowMapping) -> int:
    """Switch off what left the file, as if the file had said so: should it come back, it follows the file again."""
    if "is_enabled" not in row:
        return work.execute(sa.delete(table).where(table.c.id == row["id"])).rowcount
    before = json.loads(row["seed"])
    if not (row["is_enabled"] and before["is_enabled"]):
        return 0
    values = {"is_enabled": False, "seed": _text({**before, "is_enabled": False})}
    return work.execute(sa.update(table).where(table.c.id == row["id"]).values(values)).rowcount


def _text(values: Values) -> str:
    return json.dumps(values, sort_keys=True)


# Built once: a model is read at every step, and building it takes as long as running it.
_ONE_MODEL = _select(models, Model).where(models.c.id == sa.bindparam("id"))
