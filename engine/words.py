"""The words that nobody may ask pictures of, found also when they are disguised.

Compared in one plain form: compatibility characters folded, accents and invisible characters dropped, look-alikes of
other alphabets read as the letters they show, s p a c e d letters pulled together. Digits and signs count as letters
(ch1ld) where a word needs them to, and as the end of a word where it does not (child!).
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("forbidden_words.txt")

_CYRILLIC = dict(zip("аеорсухіјѕһԁвкмнт", "aeopcyxijshdbkmht", strict=True))  # what they look like
_GREEK = dict(zip("αειορυνκτχı", "aeiopuvktxi", strict=True))
_GREEK_CAPITALS = dict(zip("ΒΖΗΜΝΥ", "bzhmny", strict=True))  # noqa: RUF001  # the small ones look like others
_LOOKALIKES = str.maketrans({**_CYRILLIC, **_GREEK})
_CAPITALS = str.maketrans(_GREEK_CAPITALS)
_SIGNS = {"o": "0", "i": "1!|", "e": "3", "a": "4@", "s": "5$", "t": "7"}
_INVISIBLE = ("Mn", "Me", "Cf")


def are_forbidden(text: str, file: Path | None = None) -> bool:
    """Whether the text holds a forbidden word or phrase. `file` stands in for the list that comes along."""
    phrases = _phrases(file or FILE)
    plain = _plain(text)
    return bool(phrases.search(plain) or phrases.search(_pulled_together(plain)))


def _plain(text: str) -> str:
    """Lower-case ASCII letters, digits and signs with single spaces between the words."""
    shown = unicodedata.normalize("NFKC", text).translate(_CAPITALS)
    letters = unicodedata.normalize("NFKD", shown.casefold())
    bare = "".join(letter for letter in letters if unicodedata.category(letter) not in _INVISIBLE)
    return " ".join(re.sub(r"[^a-z0-9!|@$]+", " ", bare.translate(_LOOKALIKES)).split())


def _pulled_together(plain: str) -> str:
    """Runs of single letters as one word: "d r a w n  o u t"."""
    return re.sub(r"(?<!\S)(?:\S ){2,}\S(?!\S)", lambda run: run.group().replace(" ", ""), plain)


@cache
def _phrases(file: Path) -> re.Pattern[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    phrases = [_disguised(_plain(line)) for line in lines if line]
    return re.compile(rf"(?<![a-z])(?:{'|'.join(phrases)})[s5$]?(?![a-z])" if phrases else r"(?!)")


def _disguised(phrase: str) -> str:
    """A pattern for the phrase with any sign that stands for a letter, and with anything but letters in between."""
    return "".join("[^a-z]*" if sign == " " else f"[{re.escape(sign + _SIGNS.get(sign, ''))}]" for sign in phrase)
