"""`easel models check`: what each picture costs and leaves, and whether fal still says the same."""

import re
from datetime import timedelta

import pytest

from tests.test_cli import Terminal, put_cast_and_picture
from tests.worker.fal_documents import KEY, documents


@pytest.fixture
def terminal(tmp_path, sqlite_file):
    """A terminal with a migrated database."""
    terminal = Terminal(tmp_path)
    put_cast_and_picture(terminal, sqlite_file, timedelta())
    return terminal


@pytest.fixture
def fal(terminal):
    """What fal publishes, and the terminal's settings lead there, with a key."""
    with documents() as server:
        terminal.variables |= {**server.environment(), "EASEL_FAL_KEY": KEY}
        yield server


def rows(said):
    """The table's cells by model."""
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if "│" in line]
    return {line[0]: line[1:] for line in lines}


def test_a_right_catalogue_is_status_0_with_what_each_picture_leaves(terminal, fal):
    said = terminal.says("models", "check")

    assert rows(said) == {
        "Nano Banana": ["0.5", "$0.0398", "60.1 %", "41.6 %", "20.4 %", "-3.5 %"],
        "Flux Dev": ["1", "$0.0250", "87.5 %", "81.7 %", "75.0 %", "67.5 %"],
        "LoRA Normal": ["1", "$0.0350", "82.5 %", "74.3 %", "65.0 %", "54.5 %"],
        "LoRA Context": ["1", "$0.0350", "82.5 %", "74.3 %", "65.0 %", "54.5 %"],
        "Gemini Flash": ["1", "$0.0398", "80.1 %", "70.8 %", "60.2 %", "48.2 %"],
        "Nano Banana Pro": ["2", "$0.1500", "62.4 %", "45.0 %", "25.0 %", "2.5 %"],
    }
    assert re.search(r"┃ model +┃ credits ┃ +costs ┃ Starter ┃ Creator ┃ +Pro ┃ Enterprise ┃", said)
    assert said.endswith("ok   6 models are as fal describes them\n")


def test_a_picture_that_costs_more_than_it_brings_is_marked_and_no_error(terminal, fal):
    terminal.tamper("UPDATE packs SET price_cents = 100 WHERE id IN ('pro', 'enterprise')")

    said = terminal.says("models", "check")

    assert "mind Nano Banana Pro: a picture costs more than its credits bring, when they are from Pro, Enterpr" in said
    assert "mind Nano Banana: a picture costs more than its credits bring, when they are from Pro, Enterprise\n" in said
    assert "bad " not in said


def test_what_is_given_away_has_no_margin(terminal, fal):
    terminal.tamper("UPDATE models SET price = 0 WHERE id = 'flux-dev'")

    assert rows(terminal.says("models", "check"))["Flux Dev"] == ["0", "$0.0250", "-", "-", "-", "-"]


def test_a_difference_is_a_sentence_with_advice_and_status_1(terminal, fal):
    fal.prices["fal-ai/flux/dev"]["unit_price"] = 0.03

    done = terminal.run("models", "check")

    assert (done.returncode, done.stderr) == (1, "")
    assert (
        "bad  Flux Dev: fal bills $0.03 for each megapixel, the catalogue says $0.025\n       Look at " in done.stdout
    )
    assert "as fal describes" not in done.stdout


def test_a_lower_price_is_no_error(terminal, fal):
    fal.prices["fal-ai/flux/dev"]["unit_price"] = 0.02

    assert "mind Flux Dev: fal bills $0.02 for each megapixel" in terminal.says("models", "check")


def test_without_a_key_everything_but_prices_is_compared(terminal, fal):
    said = terminal.says("models", "check", EASEL_FAL_KEY="")

    assert "mind no key: prices were not compared\n       Set EASEL_FAL_KEY" in said


def test_only_what_is_on_sale_and_fals_is_compared(terminal, fal):
    terminal.tamper(
        "UPDATE models SET is_enabled = 0 WHERE id = 'flux-dev'",
        """UPDATE models SET providers = '["sketch"]' WHERE id = 'lora-normal'""",
        """UPDATE models SET providers = '["sketch", "fal"]' WHERE id = 'lora-context'""",
    )

    said = rows(terminal.says("models", "check"))

    assert list(said) == ["Nano Banana", "LoRA Context", "Gemini Flash", "Nano Banana Pro"]


def test_names_are_printed_as_they_are(terminal, fal):
    terminal.tamper(
        "UPDATE models SET name = '[red]Flux[/]', cost_microdollars = 1 WHERE id = 'flux-dev'",
        "UPDATE packs SET name = '[/]' WHERE id = 'pro'",
    )

    said = terminal.run("models", "check").stdout

    assert "[red]Flux[/]" in rows(said)
    assert "bad  [red]Flux[/]: fal bills $0.025" in said


def test_where_nobody_answers_it_is_one_clear_line(terminal):
    nowhere = {"EASEL_FAL_SCHEMA_URL": "http://127.0.0.1:1", "EASEL_FAL_PRICING_URL": "http://127.0.0.1:1"}

    for key in ("", KEY):
        assert terminal.refuses("models", "check", **nowhere, EASEL_FAL_KEY=key) == [
            "Not done: http://127.0.0.1:1 cannot be reached: ConnectError"
        ]
