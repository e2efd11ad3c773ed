"""What every command answers, said to it on the stage by whoever is in the right situation."""

from collections.abc import Callable

from bots.browser.guide.drawn import Wish, store, use_up
from bots.browser.guide.stage import FOX, Stage
from bots.commands.conversation import Reply


def all_answers(stage: Stage) -> dict[str, Reply]:
    """Each by the name of its state; the first word is the command."""
    parts: tuple[Callable[[Stage], dict[str, Reply]], ...] = (_drawing, _arriving, _money, _settings, _keys, _storage)
    return {name: reply for part in parts for name, reply in part(stage).items()}


def _drawing(stage: Stage) -> dict[str, Reply]:
    return {
        "imagine-empty": stage.ask("alice", "imagine"),
        "imagine-picker": stage.ask("alice", "imagine", prompt=FOX),
        "imagine-picker-low": stage.ask("carol", "imagine", prompt=FOX),
        "imagine-picker-guest": stage.ask("gus", "imagine", prompt=FOX),
        "imagine-picker-size": stage.ask("alice", "imagine", prompt=FOX, size="16:9"),
        "models": stage.ask("alice", "models"),
        "models-guest": stage.ask("gus", "models"),
        "last-nothing": stage.ask("eli", "last"),
        "last-original": stage.ask("alice", "last", id=store(stage, Wish(who="alice")), file=True),
        "cancel-nothing": stage.ask("eli", "cancel"),
    }


def _arriving(stage: Stage) -> dict[str, Reply]:
    version = stage.database.settings.terms_version
    return {
        "start": stage.ask("nora", "start"),
        "start-member": stage.ask("alice", "start"),
        "help": stage.ask("nora", "help"),
        "help-about": stage.ask("nora", "help", about="imagine"),
        "signup": stage.ask("nora", "signup"),
        "signup-welcome": stage.ask("nora", "signup", accept=version),
        "feedback": stage.ask("nora", "feedback", text="I like it here."),
    }


def _money(stage: Stage) -> dict[str, Reply]:
    use_up(stage, "gil")
    return {
        "credits": stage.ask("alice", "credits"),
        "credits-low": stage.ask("carol", "credits"),
        "credits-out": stage.ask("bob", "credits"),
        "credits-held": stage.ask("dora", "credits"),
        "credits-guest": stage.ask("gus", "credits"),
        "credits-guest-out": stage.ask("gil", "credits"),
        "history": stage.ask("dora", "history"),
        "history-empty": stage.ask("gus", "history"),
    }


def _settings(stage: Stage) -> dict[str, Reply]:
    return {
        "settings": stage.ask("eli", "settings"),
        "settings-changed": stage.ask("eli", "settings", bought="auto", cap="10"),
        "settings-model": stage.ask("eli", "settings", model="flux-dev", prompt=FOX),
        "models-default": stage.ask("eli", "models"),
    }


def _keys(stage: Stage) -> dict[str, Reply]:
    return {
        "apikey": stage.ask("alice", "apikey"),
        "apikey-made": stage.ask("alice", "apikey", new=True),
        "apikey-list": stage.ask("alice", "apikey"),
    }


def _storage(stage: Stage) -> dict[str, Reply]:
    two = [store(stage, Wish(who="alice")) for _ in range(2)]
    return {
        "delete-empty": stage.ask("eli", "delete"),
        "delete": stage.ask("alice", "delete"),
        "delete-question": stage.ask("alice", "delete", oldest=2),
        "delete-done": stage.ask("alice", "delete", ids=",".join(map(str, two))),
    }
