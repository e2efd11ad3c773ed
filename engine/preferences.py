"""How an account likes it: its default model, how bought credits may be spent, a cap a day, a language."""

from dataclasses import dataclass, fields

import sqlalchemy as sa

from engine import catalog, ledger
from engine.credits import Credits
from engine.database import Work
from engine.tables import Bought, preferences


@dataclass(frozen=True)
class Preferences:
    """`default_price` is the price that was shown when the model was chosen; amounts in hundredths, None is no cap."""

    default_model: str | None = None
    default_price: Credits | None = None
    bought: Bought = Bought.ASK
    daily_cap: Credits | None = None
    language: str | None = None


def get(work: Work, account_id: int) -> Preferences:
    """The account's choices, or what holds when it made none."""
    columns = [preferences.c[field.name] for field in fields(Preferences)]
    row = work.execute(sa.select(*columns).where(preferences.c.account_id == account_id)).one_or_none()
    return Preferences(**{**row._mapping, "bought": Bought(row.bought)}) if row else Preferences()


def choose_model(work: Work, account_id: int, model_id: str | None, price: Credits | None) -> Preferences:
    """Make a model the default at the price (hundredths) that was shown, or none. Raises NotFound."""
    if model_id is not None:
        catalog.model(work, model_id)
    return _change(work, account_id, default_model=model_id, default_price=price if model_id is not None else None)


def choose_bought(work: Work, account_id: int, bought: Bought) -> Preferences:
    """Say how bought credits may be spent."""
    return _change(work, account_id, bought=bought.value)


def choose_cap(work: Work, account_id: int, cap: Credits | None) -> Preferences:
    """Cap what may be spent in a UTC day (hundredths); zero means zero, None means no cap."""
    return _change(work, account_id, daily_cap=cap)


def choose_language(work: Work, account_id: int, language: str | None) -> Preferences:
    """Fix a language, or follow the platform's again."""
    return _change(work, account_id, language=language)


def _change(work: Work, account_id: int, **values: object) -> Preferences:
    ledger.open_account(ledger.lock(work, account_id)[account_id])
    here = preferences.c.account_id == account_id
    if not work.execute(sa.update(preferences).where(here).values(**values)).rowcount:
        work.execute(sa.insert(preferences).values(account_id=account_id, **values))
    return get(work, account_id)
