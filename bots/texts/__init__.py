"""Every sentence a user can read: one TOML file a language, the same keys and placeholders in each.

A text may hold {facts}. Credits, moments, lengths of time and bytes are written by the language's own `units`, so that
no sentence has to know how to say "1 credit" or "3 h 5 min".
"""

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from engine.credits import show

FALLBACK = "en"
FOLDER = Path(__file__).parent
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Amount:
    """Hundredths of a credit, to be written with the word: "0.5 credits"."""

    hundredths: int


@dataclass(frozen=True)
class Number:
    """Hundredths of a credit, to be written without the word: "0.5"."""

    hundredths: int


@dataclass(frozen=True)
class Change:
    """Hundredths of a credit that came or went, to be written with their sign: "+0.5"."""

    hundredths: int


@dataclass(frozen=True)
class Bytes:
    """A size, to be written in MB."""

    count: int


@cache
def languages() -> tuple[str, ...]:
    """The languages there are files for."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def language_of(locale: str | None) -> str:
    """The language for a platform's locale ("es-MX", "es_ES"); English when there is no file for it."""
    first = (locale or "").replace("_", "-").partition("-")[0].lower()
    return first if first in languages() else FALLBACK


@cache
def keys(language: str) -> Mapping[str, str]:
    """All texts of a language by dotted key."""
    return dict(_flat(tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))))


def say(language: str, key: str, facts: Mapping[str, object] | None = None) -> str:
    """One sentence in one language. Raises KeyError when there is no such text or a fact is missing."""
    written = {name: _write(language, fact) for name, fact in (facts or {}).items()}
    return _EXACT.vformat(keys(language)[key], (), written)


def placeholders(text: str) -> set[str]:
    """The names of the facts a text needs."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _write(language: str, fact: object) -> str:
    match fact:
        case Amount(hundredths):
            word = "credit" if abs(hundredths) == 100 else "credits"
            return say(language, f"units.{word}", {"n": _decimal(language, show(hundredths))})
        case Number(hundredths):
            return _decimal(language, show(hundredths))
        case Change(hundredths):
            return _decimal(language, f"{'+' if hundredths > 0 else ''}{show(hundredths)}")
        case Bytes(count):
            return say(language, "units.megabytes", {"n": _decimal(language, f"{count / 1_000_000:.1f}")})
        case timedelta():
            return _length(language, fact)
        case datetime():
            return f"{fact:%Y-%m-%d %H:%M} UTC"
        case _:
            return str(fact)


def _decimal(language: str, number: str) -> str:
    return number.replace(".", say(language, "units.decimal"))


def _length(language: str, length: timedelta) -> str:
    """Hours and minutes, rounded up, never 0h 0m; seconds below a minute; days from two on."""
    if length < MINUTE:
        return say(language, "units.seconds", {"n": max(1, -(-length // timedelta(seconds=1)))})
    minutes = -(-length // MINUTE)
    if length >= 2 * DAY:
        return say(language, "units.days", {"n": -(-length // DAY)})
    if minutes < 60:
        return say(language, "units.minutes", {"m": minutes})
    return say(language, "units.hours", {"h": minutes // 60, "m": minutes % 60})


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    flat = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{prefix}{name}.")
        else:
            flat.append((prefix + name, str(value)))
    return flat


class _Exact(string.Formatter):
    """Plain names only: no attributes, no indexes, so that no text can reach into a fact."""

    def get_field(self, field_name: str, args: object, kwargs: Mapping[str, object]) -> tuple[object, str]:
        return kwargs[field_name], field_name


_EXACT = _Exact()
