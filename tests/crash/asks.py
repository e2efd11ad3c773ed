"""What the crash tests ask for: one picture after another by accounts of three, every tenth of them a guest, every
second one with a mishap. The same list in every process."""

import time
from contextlib import suppress

from engine import accounts, generations
from engine.database import Database
from engine.errors import AlreadyMember, ModelResting, TooLateToCancel
from engine.generations import Ask, Generation

MISHAPS = (
    "fail", "unknown", "flagged", "twice", "silent", "retry", "broken", "crawl", "refuse", "bomb", "slow-submit",
    "wrong-type", "unknown", "empty", "retry", "silent",
)  # fmt: skip
EACH = 3
MODELS = ("nano-banana", "flux-dev", "lora-normal", "lora-context", "gemini-flash")


def ask_for(database: Database, count: int, pause: float, is_plain: bool = False) -> None:
    """Ask for so many, so many seconds apart; what was asked for before is the same request again. Plain prompts, of
    every model, leave it to the provider what goes wrong."""
    for number in range(count):
        account_id = _account(database, number // EACH)
        ask = _plain(account_id, number) if is_plain else _ask(account_id, number)
        generation = _insist(database, ask)
        if number % 10 == 4:
            with suppress(TooLateToCancel):
                database.run(lambda work, one=generation: generations.cancel(work, one.account_id, one.id))
        time.sleep(pause)


def _insist(database: Database, ask: Ask) -> Generation:
    """Ask until nobody says that the model rests."""
    while True:
        try:
            return database.run(lambda work: generations.request(work, ask))
        except ModelResting:
            time.sleep(0.1)


def _ask(account_id: int, number: int) -> Ask:
    mishap = f" [{MISHAPS[number // 2 % len(MISHAPS)]}]" if number % 2 else ""
    pictures = 2 if number % 10 == 6 else 1
    address = "" if number % 7 == 3 else f"chat:{account_id}"
    prompt = f"fox number {number} in the snow{mishap}"
    return Ask(account_id, "crash", f"ask-{number}", "nano-banana", prompt, pictures=pictures, address=address)


def _plain(account_id: int, number: int) -> Ask:
    pictures = 2 if number % 10 == 6 else 1
    model = MODELS[number % len(MODELS)]
    return Ask(account_id, "crash", f"ask-{number}", model, f"fox {number}", pictures=pictures, address="chat:1")


def _account(database: Database, number: int) -> int:
    account_id = database.run(lambda work: accounts.find_or_create(work, "crash", f"person-{number}"))
    if number % 10 != 9:
        with suppress(AlreadyMember):
            database.run(lambda work: accounts.sign_up(work, account_id))
    return account_id
