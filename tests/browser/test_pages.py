"""Fragments: every state in every language, and nothing a user wrote ever becomes markup."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bots.browser import assets, states
from bots.browser.rendering import render
from bots.browser.sample_work import done, running
from bots.commands.conversation import Button, Card, Meter, Picture, Reply, Row, Text, Tone
from bots.texts import languages

LOOKS = ("coin", "disk", "clock", "person", "wrench", "picker", "list", "picture", "unheard-of")
NASTY = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "` onclick=alert(1) `",
    "javascript:alert(1)",
    '<a href="javascript:alert(1)">x</a>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<svg><script href=data:,alert(1) /></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "{{ 7 * 7 }}{% include 'layout.html' %}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202e<script>alert(1)</script>",
    "<dialog open data-command=imagine data-options='{}'>",
    "]]><!--<img src=x onerror=alert(1)>",
)


class Seen(HTMLParser):
    """The elements with their attributes' names, and every address."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.addresses, self.words = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, tuple(name for name, _ in attributes)))
        self.addresses += [value for name, value in attributes if name in ("href", "src", "action", "data-view")]

    def handle_data(self, data):
        self.words += data


def everywhere(words):
    """Replies that hold a user's words in each place where they can be."""
    text = Text("result.prompt", {"prompt": words})
    button = Button(text, "imagine", {"prompt": words}, reason=text)
    card = Card(
        "picker", text, Tone.LOW, (text,), (Meter(1, 2, Tone.LOW, text),), (Row(text, (text,), button, button, text),)
    )
    picture = Picture(1, 0, "key", "key", "image/jpeg", 10, 10, words)
    refused = replace(card, look="coin")
    return (
        Reply(text=text, card=card, buttons=(button,), pictures=(picture,)),
        Reply(card=refused, buttons=(button,), is_refusal=True),
        Reply(card=card, pictures=(picture,), as_file=True),
    )


def html_of(reply):
    return render("reply.html", "en", assets.address, reply=reply)


def shown_of(shown):
    return render("generation.html", "en", assets.address, shown=shown)


def with_prompt(shown, words):
    text = Text("result.prompt", {"prompt": words})
    pictures = tuple(replace(picture, prompt=words) for picture in shown.reply.pictures)
    card = replace(shown.reply.card, lines=(text, *shown.reply.card.lines[1:]))
    return replace(shown, prompt=words, reply=replace(shown.reply, card=card, pictures=pictures))


@pytest.mark.parametrize("words", NASTY)
def test_what_users_write_stays_words(words):
    for nasty, plain in zip(everywhere(words), everywhere("a fox"), strict=True):
        seen, normal = Seen(html_of(nasty)), Seen(html_of(plain))
        assert seen.elements == normal.elements
        assert seen.addresses == normal.addresses
        assert words in seen.words


@pytest.mark.parametrize("words", NASTY)
def test_prompts_stay_words_below_their_pictures(words):
    for shown in (done((64, 64)), running(2, Text("result.drawing"))):
        seen, normal = Seen(shown_of(with_prompt(shown, words))), Seen(shown_of(shown))
        assert seen.elements == normal.elements
        assert seen.addresses == normal.addresses
        assert words in seen.words


@pytest.mark.parametrize("language", languages())
def test_the_style_guide_shows_every_state(language):
    page = states.page("Easel", language)
    for group, members in states.groups().items():
        for state in members:
            assert f'data-state="{group}-{state.name}"' in page


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_has_a_drawing(look):
    seen = Seen(html_of(Reply(card=Card(look, Text("picker.title")))))
    assert ("svg", ("class", "viewbox", "aria-hidden")) in seen.elements


def test_pages_bring_no_script_or_style_in_themselves():
    page = states.page("Easel", "en")
    seen = Seen(page)
    assert not [name for _, names in seen.elements for name in names if name == "style" or name.startswith("on")]
    assert not [tag for tag, names in seen.elements if tag == "style" or (tag == "script" and "src" not in names)]
    assert not [address for address in seen.addresses if address.startswith(("http", "//", "data:", "javascript:"))]


def test_what_labels_point_at_is_there_once():
    page = states.page("Easel", "en")
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for attribute in ("aria-labelledby", "aria-describedby"):
        for part in page.split(f'{attribute}="')[1:]:
            assert part.split('"')[0] in ids
