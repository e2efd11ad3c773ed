"""The words that nobody may ask pictures of: whatever they are dressed up as, and nothing but them."""

import pytest

from engine import words

DISGUISED = {
    "as it is": "child nude",
    "in a sentence": "A beautiful child nude, oil on canvas",
    "several of them": "naked children, at the beach",
    "other case": "ChIlD NuDe",
    "Cyrillic letters": "сhіld nudе",  # noqa: RUF001
    "Cyrillic capitals": "СНILD NUDЕ",  # noqa: RUF001
    "Greek letters": "chιld nυde",  # noqa: RUF001
    "Greek capitals": "CΗILD ΝUDΕ",  # noqa: RUF001
    "full width": "ｃｈｉｌｄ　ｎｕｄｅ",  # noqa: RUF001
    "letters of mathematics": "𝐜𝐡𝐢𝐥𝐝 𝓃𝓊𝒹ℯ",  # noqa: RUF001
    "invisible spaces": "ch\u200bi\u2060ld nu\u00adde",
    "invisible marks": "ch\ufe0ei\u034fld nu\u20dede",
    "accents": "chïld nûdé",
    "accents of their own": "chi\u0308ld nu\u0302de\u0301",
    "digits": "ch1ld nud3",
    "signs": "ch!ld n@ked ch|ld nude",
    "spaced letters": "c h i l d  n u d e",
    "spaced letters and digits": "c h 1 l d n u d 3",
    "one word of them spaced": "child n u d e",
    "points": "c.h.i.l.d n.u.d.e",
    "hyphens": "child-nude",
    "underlines": "child_nude",
    "nothing in between": "childnude",
    "digits in between": "child 007 nude",
    "an exclamation": "child nude!!!",
    "a mention": "@child nude",
    "quotes": "«child» »nude«",
    "line breaks": "child\n\n\tnude",
    "one word": "LOL1CON!",
}
INNOCENT = [
    "Scunthorpe in the rain",
    "children playing in snow, an old nude marble statue of David",
    "nude marble statue",
    "a nude-coloured dress for a child",
    "the county of Essex, and Sussex",
    "a child, sextant in hand",
    "my child's ex-teacher",
    "a lollipop for 2 children",
    "CSAMPLE",
    "analysis of a cocktail, grape juice",
    "голая степь, дети и снег",
    "子供が雪で遊ぶ",
    "A B C of a child: n is for night",
    "1 2 3 4 5 6 7 8 9",
    "!!!|||$$$@@@",
    "",
]


@pytest.mark.parametrize("disguise", DISGUISED)
def test_a_forbidden_word_is_found_behind(disguise):
    assert words.are_forbidden(DISGUISED[disguise])


@pytest.mark.parametrize("text", INNOCENT)
def test_an_innocent_text_passes(text):
    assert not words.are_forbidden(text)


def test_a_list_of_ones_own_stands_in_for_the_one_that_comes_along(tmp_path):
    own = tmp_path / "words.txt"
    own.write_text("# ours\n\nmoon landing  # a secret\nübel\nass\n", encoding="utf-8")

    assert words.are_forbidden("the M00N-landings", own)
    assert words.are_forbidden("UBEL", own)
    assert not words.are_forbidden("child nude", own)
    assert not words.are_forbidden("as gold as brass", own)


def test_an_empty_list_forbids_nothing(tmp_path):
    own = tmp_path / "words.txt"
    own.write_text("# nothing yet\n")

    assert not words.are_forbidden("child nude", own)


def test_a_long_text_made_to_be_slow_is_read_at_once():
    assert not words.are_forbidden("child!1|" * 2500)
    assert not words.are_forbidden("c h i l d " * 2000 + "n")
