"""Which language somebody is answered in."""

from bots.texts import language_of, languages
from engine import preferences
from engine.database import Work


def language(work: Work, account_id: int, locale: str) -> str:
    """The account's own choice, else the platform's locale. Account 0 is a stranger's."""
    chosen = preferences.get(work, account_id).language if account_id else None
    return chosen if chosen in languages() else language_of(locale)
