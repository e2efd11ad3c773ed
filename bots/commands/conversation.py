"""The whole chat vocabulary: what a platform hands in (Request) and what it gets back (Reply)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.catalog import Model
from engine.database import Work

Options = Mapping[str, str | int | bool]


class Tone(StrEnum):
    """How a card or a badge looks: green all is well, yellow running low, red used up, blue a guest."""

    GOOD = "good"
    LOW = "low"
    OUT = "out"
    GUEST = "guest"


@dataclass(frozen=True)
class Text:
    """A sentence in every language: its key in bots/texts/*.toml, and its facts.

    Facts are Credits, datetime, timedelta, Bytes, int or str (a user's own words); the language writes them out.
    """

    key: str
    facts: Mapping[str, object] = field(default_factory=dict)
    only_with: str = ""  # a command: where there is none of that name, and so no button for it, nothing is said of it


@dataclass(frozen=True)
class Request:
    """A command as a platform's event asked for it. `key` is the platform's id of the event: same key, same request."""

    platform: str
    user_id: str
    key: str
    command: str
    options: Options = field(default_factory=dict)
    locale: str = "en"
    space_id: int = 0
    address: str = ""  # where results go, in words of the platform only
    account_id: int = 0  # filled in by dispatch, unless the door knows it (a personal key)
    language: str = ""  # the account's own, or that of the locale; filled in by dispatch
    trace: str = ""  # ties the log's lines together, to the delivery; dispatch makes one up where there is none

    def text(self, name: str) -> str:
        """An option as text, stripped; empty when it was not given."""
        return str(self.options.get(name, "")).strip()


@dataclass(frozen=True)
class Button:
    """A Request to make on a press; without a command it only puts its card away. Disabled with a reason when it
    would be refused anyway."""

    label: Text
    command: str
    options: Options = field(default_factory=dict)
    is_main: bool = False
    reason: Text | None = None  # why it cannot be pressed


@dataclass(frozen=True)
class Meter:
    """`value` of `most`, in any one unit; `label` says it in words."""

    value: int
    most: int
    tone: Tone
    label: Text


@dataclass(frozen=True)
class Row:
    """One line of a list, such as a model in the picker: a title, details, perhaps a meter of them, its button and a
    smaller one."""

    title: Text
    details: tuple[Text, ...] = ()
    button: Button | None = None
    extra: Button | None = None  # "make it my default"
    mark: Text | None = None  # "recommended"
    meter: Meter | None = None


@dataclass(frozen=True)
class Card:
    """A framed answer. `look` picks the drawing: coin, disk, clock, person, wrench, picker, list; for a generation
    progress, picture (stored) or failed (also cancelled)."""

    look: str
    title: Text
    tone: Tone = Tone.GOOD
    lines: tuple[Text, ...] = ()
    meters: tuple[Meter, ...] = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A stored picture of the asker's: sizes in pixels, keys of the media store."""

    generation_id: int
    number: int
    key: str
    thumbnail_key: str
    content_type: str
    width: int
    height: int
    prompt: str


@dataclass(frozen=True)
class Reply:
    """One answer. `generation_id` names the generation whose progress and result the platform shows in its place.

    `language` is filled in by dispatch: the account's own, or that of the platform's locale.
    """

    text: Text | None = None
    card: Card | None = None
    notice: Text | None = None  # said beside it and once: what is shown of the generation later does not repeat it
    buttons: tuple[Button, ...] = ()
    pictures: tuple[Picture, ...] = ()
    generation_id: int | None = None
    is_private: bool = False
    is_refusal: bool = False
    as_file: bool = False  # a hint: send the picture unchanged
    language: str = ""


class Kind(StrEnum):
    """What an option takes. A TEXT option that is required swallows the rest of the line."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"


@dataclass(frozen=True)
class Option:
    """`choices` come from the database, so that a platform can offer them with their prices."""

    name: str
    kind: Kind = Kind.TEXT
    is_required: bool = False
    choices: Callable[[list[Model]], list[str]] | None = None
    is_hidden: bool = False  # set by buttons only: not in help, menus or completion


class Who(StrEnum):
    """Who may use a command."""

    EVERYONE = "everyone"
    SPACE_ADMIN = "space_admin"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Command:
    """One thing the bots can do. Its description is the text `<name>.description`."""

    name: str
    run: Callable[[Work, Request], Reply]
    options: tuple[Option, ...] = ()
    who: Who = Who.EVERYONE
    is_private: bool = False
    is_read: bool = False  # needs no write: runs beside others on SQLite

    @property
    def description(self) -> Text:
        """What it does, in a few words, for menus and help."""
        return Text(f"{self.name}.description")

    def about(self, option: Option) -> Text:
        """What one of its options means, for menus and help."""
        return Text(f"{self.name}.options.{option.name}")
