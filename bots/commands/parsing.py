"""A typed line into a command and its options, and any options into what the command expects."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from bots.commands.conversation import Command, Kind, Option, Options, Text
from engine.errors import Refusal

PROMPT_COMMAND = "imagine"
MOST = 2**63 - 1
NEAR_COMMAND, NEAR_OPTION = 0.5, 0.6
_WORD = re.compile(r"/(\S*)(.*)", re.DOTALL)
_NAMED = re.compile(r"(?<!\S)--(?P<name>[A-Za-z][\w-]*)(?=[=\s]|$)")
_TOKEN = re.compile(r"\S+")
# Phones turn two hyphens into a dash: that is an option too, when there is one of that name.
_OPTION = re.compile(r"(?P<dashes>--|\u2014|\u2013)(?P<name>[A-Za-z][\w-]*)(?:=(?P<value>\S*))?")


@dataclass(frozen=True)
class Meant:
    """What a line with a slip of the finger may have meant: how it is typed, without the slash, and what it asks."""

    line: str
    command: Command
    options: Options


@dataclass(eq=False)
class BadLine(Refusal):
    """What was typed makes no request. `command`: whose usage helps; `suggestion`: what may have been meant."""

    problem: Text
    command: Command | None = None
    suggestion: Meant | None = None


@dataclass
class _Line:
    """What is found while reading: option values as they stand there, and the words that belong to none."""

    command: Command
    text: str
    values: dict[str, str] = field(default_factory=dict)
    loose: list[tuple[int, int]] = field(default_factory=list)


def read(line: str, commands: Sequence[Command]) -> tuple[Command, Options]:
    """The command and the checked options of a line; one without a slash is a prompt. Raises BadLine.

    Options stand anywhere, `--size 1:1` or `--size=1:1`; a lone `--` ends them. Other words are the command's text.
    """
    try:
        return _read(line, commands)
    except BadLine as bad:
        bad.suggestion = _meant(line.strip(), commands) or bad.suggestion
        raise


def _read(line: str, commands: Sequence[Command]) -> tuple[Command, Options]:
    command, text = _command(line.strip(), commands)
    found = _Line(command, text)
    _find_options(found)
    swallows = next((option for option in command.options if is_the_line(option)), None)
    words = _loose_text(found)
    if words and swallows is None:
        raise BadLine(Text("line.unexpected", {"words": words[:100]}), command)
    if words and swallows is not None:
        found.values[swallows.name] = words
    return command, checked(command, found.values)


def checked(command: Command, options: Options) -> Options:
    """Options with the types that the command expects; empty ones are left out. Raises BadLine."""
    known = {option.name: option for option in command.options}
    good: dict[str, str | int | bool] = {}
    for name, value in options.items():
        if name not in known:
            raise _unknown(command, name)
        if value != "" and value is not False:
            good[name] = _value(command, known[name], value)
    return good


def by_name(name: str, commands: Sequence[Command]) -> Command:
    """The command of that name. Raises BadLine with the nearest one."""
    for command in commands:
        if command.name == name:
            return command
    nearest = _nearest(name, [command.name for command in commands], NEAR_COMMAND)
    suggestion = Meant(nearest, by_name(nearest, commands), {}) if nearest else None
    raise BadLine(Text("line.no_command", {"command": name[:40]}), suggestion=suggestion)


def usage(command: Command) -> str:
    """How to type it: "/imagine prompt [--model ...] [--seed ...]"."""
    shown = [option for option in command.options if not option.is_hidden]
    return " ".join([f"/{command.name}", *(_usage(option) for option in shown)])


def is_the_line(option: Option) -> bool:
    """Takes the words themselves; it is never named."""
    return option.kind is Kind.TEXT and option.is_required


def _meant(line: str, commands: Sequence[Command]) -> Meant | None:
    """The same line with the nearest command and option names, when that can be read."""
    typed = _WORD.fullmatch(line)
    word, text = typed.groups() if typed else (PROMPT_COMMAND, f" {line}")
    name = _nearest(word.partition("@")[0].lower(), [command.name for command in commands], NEAR_COMMAND)
    if name is None:
        return None
    corrected = name + _with_known_options(text, by_name(name, commands))
    try:
        return Meant(corrected, *_read(f"/{corrected}", commands))
    except BadLine:
        return None


def _with_known_options(text: str, command: Command) -> str:
    """Every `--option` before a lone `--` by the nearest name that the command knows."""
    names = [option.name for option in command.options if not option.is_hidden and not is_the_line(option)]
    options, end, rest = re.split(r"((?<!\S)--(?!\S)|$)", text, maxsplit=1)

    def correct(match: re.Match[str]) -> str:
        return f"--{_nearest(match['name'].lower(), names, NEAR_OPTION) or match['name']}"

    return _NAMED.sub(correct, options) + end + rest


def _nearest(name: str, names: Sequence[str], cutoff: float) -> str | None:
    return next(iter(get_close_matches(name, names, n=1, cutoff=cutoff)), None)


def _command(line: str, commands: Sequence[Command]) -> tuple[Command, str]:
    if not line.startswith("/"):
        return by_name(PROMPT_COMMAND, commands), line
    word, *rest = line[1:].split(maxsplit=1) or [""]
    return by_name(word.partition("@")[0].lower(), commands), rest[0] if rest else ""


def _find_options(line: _Line) -> None:
    tokens = list(_TOKEN.finditer(line.text))
    while tokens:
        token = tokens.pop(0)
        if token.group() == "--":
            line.loose += [rest.span() for rest in tokens]
            return
        match = _OPTION.fullmatch(token.group())
        option = match and _option(line.command, match)
        if not match or not option:
            line.loose.append(token.span())
        elif option.kind is Kind.FLAG:
            line.values[option.name] = "true"
        elif match["value"]:
            line.values[option.name] = match["value"]
        elif tokens:
            line.values[option.name] = tokens.pop(0).group()
        else:
            raise BadLine(Text("line.no_value", {"option": option.name}), line.command)


def _option(command: Command, match: re.Match[str]) -> Option | None:
    """The option that is named there; None when it is only a dash in somebody's prose."""
    name = match["name"].lower()
    for option in command.options:
        if option.name == name and not option.is_hidden and not is_the_line(option):
            return option
    if match["dashes"] == "--":
        raise _unknown(command, name)
    return None


def _loose_text(line: _Line) -> str:
    """The words between options as they were typed, with their line breaks."""
    pieces: list[list[int]] = []
    for start, end in line.loose:
        if pieces and not line.text[pieces[-1][1] : start].strip():
            pieces[-1][1] = end
        else:
            pieces.append([start, end])
    return " ".join(line.text[start:end] for start, end in pieces)


def _value(command: Command, option: Option, value: str | int | bool) -> str | int | bool:
    if option.kind is Kind.FLAG:
        return str(value).lower() not in ("false", "0")
    # What no database keeps as text: halves of surrogate pairs and zero characters.
    text = str(value).encode("utf-8", "ignore").decode().replace("\x00", "")
    if option.kind is Kind.TEXT:
        return text
    number = re.fullmatch(r"[0-9]{1,19}", text.strip())
    if number is None or int(text) > MOST:
        raise BadLine(Text("line.no_number", {"option": option.name, "value": text[:40]}), command)
    return int(text)


def _unknown(command: Command, name: str) -> BadLine:
    return BadLine(Text("line.no_option", {"command": command.name, "option": name[:40]}), command)


def _usage(option: Option) -> str:
    if is_the_line(option):
        return option.name
    return f"[--{option.name}]" if option.kind is Kind.FLAG else f"[--{option.name} …]"
