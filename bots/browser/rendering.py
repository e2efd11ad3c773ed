"""Pages and their fragments from Jinja2: escaped throughout, words from the texts of the reader's language."""

import json
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bots.browser import assets
from bots.browser.shown import hanging
from bots.commands.conversation import Meter, Picture, Text
from bots.texts import say

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def render(template: str, language: str, link: Callable[[str], str], **values: object) -> str:
    """One template in one language; `link` turns a key of the media store into an address."""
    salt, number = secrets.token_hex(3), count(1)
    words = {
        "t": partial(_worded, language),
        "b": partial(_own, language),
        "link": link,
        "address": _address,
        "packed": _packed,
        "share": _share,
        "static": assets.address,
        "hanging": hanging,
        "unique": lambda: f"x{salt}-{next(number)}",  # ties a label to its element, in whatever page it lands
    }
    return ENVIRONMENT.get_template(template).render(language=language, **words, **values)


def _worded(language: str, text: Text) -> str:
    return say(language, text.key, text.facts)


def _own(language: str, key: str, **facts: object) -> str:
    return say(language, f"browser.{key}", facts)


def _address(picture: Picture) -> str:
    return f"/pictures/{picture.generation_id}/{picture.number}"


def _packed(value: object) -> str:
    """Data for an attribute; the template escapes it."""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)


def _share(meter: Meter) -> int:
    """How full a meter is, in percent; the least there is can be seen."""
    share = 100 * meter.value / meter.most if meter.most else 0
    return min(100, max(2 if meter.value > 0 else 0, round(share)))
