"""What users want to tell the operators."""

import sqlalchemy as sa

from engine.database import Work
from engine.errors import FeedbackEmpty, FeedbackTooLong
from engine.tables import feedback

MOST_CHARACTERS = 4000


def give(work: Work, account_id: int, platform: str, text: str) -> None:
    """Keep it. Raises FeedbackEmpty, FeedbackTooLong."""
    text = text.strip()
    if not text:
        raise FeedbackEmpty()
    if len(text) > MOST_CHARACTERS:
        raise FeedbackTooLong(len(text), MOST_CHARACTERS)
    values = {"account_id": account_id, "platform": platform, "text": text, "at": work.now()}
    work.execute(sa.insert(feedback).values(values))
