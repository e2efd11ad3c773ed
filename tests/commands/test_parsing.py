"""What a typed line means."""

import pytest

from bots.commands import COMMANDS
from bots.commands.parsing import BadLine, by_name, checked, read, usage

UNDERSTOOD = [
    ("a fox in the snow", "imagine", {"prompt": "a fox in the snow"}),
    ("/imagine a fox in the snow", "imagine", {"prompt": "a fox in the snow"}),
    ("/IMAGINE a fox", "imagine", {"prompt": "a fox"}),
    ("/imagine@easel_bot a fox", "imagine", {"prompt": "a fox"}),
    ("/imagine", "imagine", {}),
    (
        "/imagine a fox --model flux-dev --size 1:1 --seed 4",
        "imagine",
        {"prompt": "a fox", "model": "flux-dev", "size": "1:1", "seed": 4},
    ),
    ("--size=1:1 a fox --seed=04", "imagine", {"prompt": "a fox", "size": "1:1", "seed": 4}),
    ("a fox --Size 1:1 in the snow", "imagine", {"prompt": "a fox in the snow", "size": "1:1"}),
    ("two foxes\n  and   a hen", "imagine", {"prompt": "two foxes\n  and   a hen"}),
    ("a fox --seed 4 -- --model and so on", "imagine", {"prompt": "a fox --model and so on", "seed": 4}),
    ("a sign that says -- no", "imagine", {"prompt": "a sign that says no"}),
    ("a fox \u2014size 1:1", "imagine", {"prompt": "a fox", "size": "1:1"}),
    ("a fox \u2014running fast", "imagine", {"prompt": "a fox \u2014running fast"}),
    ("a fox --- a hen", "imagine", {"prompt": "a fox --- a hen"}),
    ("a fox -5 degrees", "imagine", {"prompt": "a fox -5 degrees"}),
    ("/feedback I like it --really-- a lot", "feedback", None),
    ("/feedback I like it -- --really", "feedback", {"text": "I like it --really"}),
    ("/start ref_abc", "start", {"code": "ref_abc"}),
    ("/help imagine", "help", {"about": "imagine"}),
    ("/apikey --new", "apikey", {"new": True}),
    ("/apikey --revoke 3", "apikey", {"revoke": 3}),
    ("  /last  ", "last", {}),
]

NOT_UNDERSTOOD = [
    ("/imagin a fox", "line.no_command", None, "imagine a fox"),
    ("/credit now", "line.no_command", None, "credits"),
    ("a fox --Sized 1:1", "line.no_option", "imagine", "imagine a fox --size 1:1"),
    ("/imagine a fox --modl flux-dev --seed four", "line.no_option", "imagine", None),
    ("/imagine a fox --colour red", "line.no_option", "imagine", None),
    ("/feedback I like it --really-- a lot", "line.no_option", "feedback", None),
    ("/xyzzy", "line.no_command", None, None),
    ("/", "line.no_command", None, None),
    ("/imagine a fox --modell flux-dev", "line.no_option", "imagine", "imagine a fox --model flux-dev"),
    ("/imagine a fox --price 1", "line.no_option", "imagine", None),
    ("/imagine a fox --size", "line.no_value", "imagine", None),
    ("/imagine a fox --seed four", "line.no_number", "imagine", None),
    ("/imagine a fox --seed -4", "line.no_number", "imagine", None),
    ("/imagine a fox --seed \u00b2", "line.no_number", "imagine", None),
    ("/imagine a fox --seed 99999999999999999999", "line.no_number", "imagine", None),
    ("/credits now", "line.unexpected", "credits", None),
]


@pytest.mark.parametrize(("line", "command", "options"), UNDERSTOOD)
def test_a_line_is_understood(line: str, command: str, options: dict[str, object] | None) -> None:
    if options is None:
        with pytest.raises(BadLine):
            read(line, COMMANDS)
        return
    found, given = read(line, COMMANDS)
    assert (found.name, given) == (command, options)


@pytest.mark.parametrize(("line", "problem", "command", "suggestion"), NOT_UNDERSTOOD)
def test_a_line_is_not_understood(line: str, problem: str, command: str | None, suggestion: str | None) -> None:
    with pytest.raises(BadLine) as bad:
        read(line, COMMANDS)
    told, meant = bad.value.command, bad.value.suggestion
    assert (bad.value.problem.key, told and told.name, meant and meant.line) == (problem, command, suggestion)


def test_what_was_meant_keeps_every_word() -> None:
    with pytest.raises(BadLine) as bad:
        read("/imagin two foxes\n in  snow --modl=flux-dev -- --modl", COMMANDS)
    meant = bad.value.suggestion
    assert meant is not None
    assert (meant.command.name, meant.options) == (
        "imagine",
        {"prompt": "two foxes\n in  snow --modl", "model": "flux-dev"},
    )


def test_a_line_of_nothing_but_slips_is_told_and_no_more() -> None:
    with pytest.raises(BadLine):
        read("/imagine " + "--modl " * 3000, COMMANDS)


def test_usage_shows_what_may_be_typed_and_nothing_hidden() -> None:
    assert usage(by_name("imagine", COMMANDS)) == "/imagine prompt [--model …] [--size …] [--seed …]"
    assert usage(by_name("apikey", COMMANDS)) == "/apikey [--new] [--revoke …]"


def test_options_from_a_button_get_their_types() -> None:
    imagine = by_name("imagine", COMMANDS)
    options = {"prompt": "a fox", "seed": "4", "price": 50, "bought": "true", "choose": False, "size": ""}
    assert checked(imagine, options) == {"prompt": "a fox", "seed": 4, "price": 50, "bought": True}


def test_an_option_nobody_knows_is_refused_also_from_a_button() -> None:
    with pytest.raises(BadLine):
        checked(by_name("credits", COMMANDS), {"account_id": 1})


def test_what_no_database_keeps_is_left_out_of_a_text() -> None:
    prompt = checked(by_name("imagine", COMMANDS), {"prompt": "a\x00 fox\ud83d"})["prompt"]
    assert prompt == "a fox"
