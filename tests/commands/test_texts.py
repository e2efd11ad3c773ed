"""Every language has the same texts with the same facts, and every text that code uses is there."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import bots
from bots.commands import COMMANDS, refusals
from bots.commands.conversation import Command
from bots.commands.examples import EXAMPLES
from bots.commands.shortages import PARTS
from bots.texts import FALLBACK, Amount, Bytes, keys, languages, placeholders, say
from engine import errors
from engine.catalog import FILE
from engine.errors import Refusal, Shortage
from engine.ports import Trouble

BOTS = Path(bots.__file__).parent
ANYTHING = r"[\w.-]+"
NOT_OURS = ("units.", "browser.")
TAKES_A_KEY = {"Text", "priced", "priced_at", "_again", "_length", "note", "say"}


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_texts(language: str) -> None:
    assert set(keys(language)) == set(keys(FALLBACK))


@pytest.mark.parametrize("language", languages())
def test_every_language_needs_the_same_facts(language: str) -> None:
    for key, text in keys(language).items():
        assert placeholders(text) == placeholders(keys(FALLBACK)[key]), key


@pytest.mark.parametrize("language", languages())
def test_no_text_is_empty(language: str) -> None:
    assert [key for key, text in keys(language).items() if not text.strip()] == []


def test_every_key_that_code_uses_is_there() -> None:
    known = keys(FALLBACK)
    missing = [used for used in keys_in_code() if not any(re.fullmatch(used, key) for key in known)]
    assert missing == []


def test_every_text_is_used() -> None:
    used = set(keys_in_code())
    ours = [key for key in keys(FALLBACK) if not key.startswith(NOT_OURS)]
    assert [key for key in ours if not any(re.fullmatch(each, key) for each in used)] == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_and_option_is_described(command: Command) -> None:
    shown = [option for option in command.options if not option.is_hidden]
    texts = [command.description, *(command.about(option) for option in shown)]
    assert all(text.key in keys(FALLBACK) for text in texts)


def test_every_refusal_has_its_card() -> None:
    refusal_classes = {each for each in _below(Refusal) if each.__module__.startswith(("engine.", "bots."))}
    assert refusal_classes - {Shortage} == set(refusals.TABLE)
    assert set(PARTS) == {each for each in _below(Shortage) if each.__module__ == errors.__name__}


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_is_told_in_words(trouble: Trouble) -> None:
    assert f"result.failed.{trouble.value}" in keys(FALLBACK)


def test_the_catalog_is_described_in_its_own_words() -> None:
    """An English text that no longer matches the catalog's file would silently not be translated."""
    models = tomllib.loads(FILE.read_text())["models"]
    for model_id, model in models.items():
        for what in ("tier", "best_for"):
            assert keys(FALLBACK)[f"catalog.{model_id}.{what}"] == model[what]


def test_examples_are_said_in_every_language() -> None:
    assert all(say(language, example.key) for example in EXAMPLES for language in languages())


def test_spanish_writes_its_own_credits_and_sizes() -> None:
    facts = {"charged": Amount(100), "left": Amount(4950)}
    assert say("es", "result.charged", facts) == "Cobrado: 1 crédito. Te queda: 49,5 créditos."
    assert say("es", "delete.freed", {"freed": Bytes(1_200_000)}) == "1,2 MB libres otra vez."


def keys_in_code() -> Iterator[str]:
    """Patterns of all keys that code under bots/ names; `{...}` in an f-string stands for anything."""
    for path in BOTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in TAKES_A_KEY:
                yield from _keys(node)


def _keys(call: ast.Call) -> Iterator[str]:
    for argument in call.args[:3]:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "." in argument.value:
            endings = r"\.(price|free)" if _name(call.func) in ("priced", "priced_at", "_again") else ""
            yield re.escape(argument.value) + endings
        if isinstance(argument, ast.JoinedStr):
            parts = [
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else ANYTHING for part in argument.values
            ]
            if parts[1:] not in ([r"\.price"], [r"\.free"]):  # the two halves of `priced`
                yield "".join(parts)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _below(parent: type) -> set[type]:
    children = set(parent.__subclasses__())
    return children | {below for child in children for below in _below(child)}
