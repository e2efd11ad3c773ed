"""Fragments: every state in every language, and nothing a user wrote ever becomes markup."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bots import commands
from bots.browser import assets, guide
from bots.browser.rendering import render
from bots.commands import refusals
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
    refused, again = replace(card, look="coin"), Button(Text("buttons.try_again"), "imagine", {"prompt": words})
    return (
        Reply(text=text, card=card, buttons=(button,), pictures=(picture,)),
        Reply(card=refused, buttons=(button, again), is_refusal=True),
        Reply(card=card, pictures=(picture,), as_file=True),
    )


def state(group, name):
    return next(one.value for one in guide.groups("Easel", "en")[group] if one.name == name)


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
    for shown in (state("generation", "done"), state("generation", "drawing")):
        seen, normal = Seen(shown_of(with_prompt(shown, words))), Seen(shown_of(shown))
        assert seen.elements == normal.elements
        assert seen.addresses == normal.addresses
        assert words in seen.words


@pytest.mark.parametrize("language", languages())
def test_the_style_guide_shows_every_state(language):
    page = guide.page("Easel", language)
    for group, members in guide.groups("Easel", language).items():
        for member in members:
            assert f'data-state="{group}-{member.name}"' in page


def test_the_style_guide_misses_no_command_and_no_refusal():
    known = guide.groups("Easel", "en")
    assert {command.name for command in commands.COMMANDS} == {member.name.split("-")[0] for member in known["answer"]}
    with guide.raised("Easel", "en") as stage:
        assert {type(refusal) for refusal in guide.all_facts(stage).values()} == set(refusals.TABLE)


def test_the_style_guide_shows_what_commands_answer():
    picker = state("answer", "imagine-picker-low")
    assert {button.name for button in guide.groups("Easel", "en")["button"]} == {"main", "plain", "refused", "dismiss"}
    assert [row.mark for row in picker.card.rows if row.mark] == [Text("picker.recommended")]
    assert state("composer", "never").reason == Text("browser.lock.never")
    assert state("notice", "low").key == "imagine.low"
    assert [state("generation", name).phase for name in ("queued", "finishing", "done", "deleted", "failed-guest")] == [
        "queued",
        "finishing",
        "done",
        "gone",
        "failed",
    ]


def test_a_refusal_leaves_a_way_to_ask_again_in_the_log():
    again = Button(Text("buttons.try_again"), "imagine", {"prompt": "a fox", "seed": 4})
    dismiss = Button(Text("buttons.dismiss"), "")
    html = html_of(Reply(card=Card("disk", Text("picker.title")), buttons=(again, dismiss), is_refusal=True))
    note, _, modal = html.partition("<dialog")
    assert "&#34;seed&#34;: 4" in note and note.count("<button") == 1
    assert "&#34;seed&#34;: 4" in modal


def test_buttons_of_one_name_are_told_apart_by_their_rows():
    press, default = Button(Text("buttons.credits"), "credits"), Button(Text("buttons.help"), "help")
    rows = tuple(Row(Text("result.prompt", {"prompt": name}), button=press, extra=default) for name in ("one", "two"))
    html = html_of(Reply(card=Card("list", Text("picker.title"), rows=rows)))
    described = [part.split('"')[0] for part in html.split('aria-describedby="')[1:]]
    titles = [part.split('"')[0] for part in html.split('<h3 id="')[1:]]
    assert described == [titles[0], titles[0], titles[1], titles[1]]


def test_answers_say_which_language_they_are_in():
    reply = Reply(card=Card("coin", Text("picker.title")), is_refusal=True)
    spanish = render("reply.html", "es", assets.address, reply=reply)
    assert spanish.count('lang="es"') == 2, "the note, and the modal that leaves it"
    assert 'lang="es"' in render("generation.html", "es", assets.address, shown=state("generation", "done"))


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_has_a_drawing(look):
    seen = Seen(html_of(Reply(card=Card(look, Text("picker.title")))))
    assert ("svg", ("class", "viewbox", "aria-hidden")) in seen.elements


def test_pages_bring_no_script_or_style_in_themselves():
    page = guide.page("Easel", "en")
    seen = Seen(page)
    assert not [name for _, names in seen.elements for name in names if name == "style" or name.startswith("on")]
    assert not [tag for tag, names in seen.elements if tag == "style" or (tag == "script" and "src" not in names)]
    assert not [address for address in seen.addresses if address.startswith(("http", "//", "data:", "javascript:"))]


def test_what_labels_point_at_is_there_once():
    page = guide.page("Easel", "en")
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for attribute in ("aria-labelledby", "aria-describedby"):
        for part in page.split(f'{attribute}="')[1:]:
            assert set(part.split('"')[0].split()) <= set(ids)
