"""docker-compose.yml says what the program understands: its parts, its settings, and values that production takes."""

import re
from pathlib import Path

import yaml

from easel.__main__ import app
from engine.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
GIVEN = {"EASEL_SECRET": "s" * 64, "EASEL_FAL_KEY": "a-key", "POSTGRES_PASSWORD": "p" * 32, "REDIS_PASSWORD": "r" * 32}


def services():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def filled(text):
    """A value with its variables put in, as compose does."""
    return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: GIVEN.get(found[1], ""), text)


def ours():
    return {name: service for name, service in services().items() if service.get("image") == "easel"}


def test_every_part_of_ours_runs_a_command_that_there_is():
    known = {command.callback.__name__ for command in app.registered_commands}
    for name, service in ours().items():
        assert service["command"][0] in known, name
    assert {tuple(service["command"]) for service in ours().values()} == {
        ("migrate",),
        ("web",),
        ("worker", "submit"),
        ("worker", "finish"),
        ("watcher",),
    }
    assert all(ours()[name]["deploy"]["replicas"] >= 2 for name in ("submit", "finish"))


def test_production_takes_the_settings_and_each_is_known():
    for name, service in ours().items():
        environment = {key: filled(value) for key, value in service["environment"].items()}
        fields = {key.removeprefix(PREFIX).lower(): value for key, value in environment.items() if value}
        assert fields.keys() <= Settings.model_fields.keys(), name
        assert Settings(_env_file=None, **fields).env == "production"


def test_nothing_starts_without_the_secrets_and_only_a_proxy_of_this_machine_reaches_the_pages():
    text = (ROOT / "docker-compose.yml").read_text()
    for name in GIVEN:
        assert f"${{{name}:?" in text, name
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8000:8000"]


def test_the_image_installs_from_the_lock_and_runs_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes -r locks/product.txt" in lines
    assert lines.index("USER easel") < lines.index("ENTRYPOINT")
