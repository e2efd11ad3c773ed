"""The prompt says something, not too much, and nothing that nobody may make here."""

from engine import words
from engine.database import Work
from engine.errors import PromptEmpty, PromptForbidden, PromptTooLong
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises PromptEmpty, PromptTooLong or PromptForbidden."""
    check_words(work, attempt.prompt)


def check_words(work: Work, text: str) -> None:
    """The same before anybody has chosen a model."""
    prompt, limit = text.strip(), work.settings.prompt_limit
    if not prompt:
        raise PromptEmpty()
    if len(prompt) > limit:
        raise PromptTooLong(len(prompt), limit)
    if words.are_forbidden(prompt, work.settings.forbidden_words):
        raise PromptForbidden()
