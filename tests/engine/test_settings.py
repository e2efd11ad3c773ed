"""What can be set, what it is when nothing is said, and what the program refuses to start with."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from engine.credits import parse
from engine.settings import DEVELOPMENT_SECRET, PREFIX, Settings, read_settings

ROOT = Path(__file__).parents[2]
OWN_SECRET = "a secret of one's own, long enough for production"
PASSWORD = "hunter2"
URL = f"postgresql://easel:{PASSWORD}@database.example/easel"
REDIS = f"redis://:{PASSWORD}@redis.example"
SAFE = {"env": "production", "secret": OWN_SECRET, "database_url": URL, "redis_url": REDIS, "fal_key": "a-key"}


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    """Nobody's .env stands by."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong(**given):
    """The lines of what is wrong with these settings: (field, message)."""
    with pytest.raises(ValidationError) as refused:
        read_settings(**given)
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in refused.value.errors()]


# defaults


def test_everything_has_a_default_that_works_on_one_machine(empty_folder):
    settings = read_settings()

    assert settings.env == "local"
    assert settings.database == f"sqlite:///{empty_folder}/data/easel.db"
    assert settings.operators == ()


def test_the_limits_are_the_ones_that_were_promised():
    settings = read_settings()

    assert settings.daily_credits == parse(5)
    assert settings.welcome_credits == parse(50)
    assert settings.low_balance == parse(10)
    assert (settings.guest_generations, settings.guest_window_seconds) == (3, 86_400)
    assert settings.guest_model_price == parse(1)
    assert settings.request_seconds == 10
    assert (settings.member_storage_mb, settings.guest_storage_mb) == (200, 20)
    assert (settings.image_mb, settings.video_mb) == (5, 10)
    assert settings.running_per_account == 3


def test_settings_do_not_change_once_read():
    with pytest.raises(ValidationError):
        read_settings().daily_credits = 0


# where they come from


def test_a_variable_sets_a_value(monkeypatch):
    monkeypatch.setenv("EASEL_DAILY_CREDITS", "7.5")
    monkeypatch.setenv("EASEL_OPERATORS", " telegram:12345, browser:xyz ,")
    monkeypatch.setenv("EASEL_REQUEST_SECONDS", "0")

    settings = read_settings()

    assert settings.daily_credits == parse("7.5")
    assert settings.operators == ("telegram:12345", "browser:xyz")
    assert settings.request_seconds == 0


def test_an_operator_may_have_a_colon_in_the_name():
    assert read_settings(operators="browser:a:b").operators == ("browser:a:b",)


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("EASEL_DAILY_CREDITS", "")
    monkeypatch.setenv("EASEL_DATABASE_URL", "")

    assert read_settings() == Settings(_env_file=None)


def test_a_file_called_env_sets_values_and_a_variable_goes_before_it(monkeypatch, empty_folder):
    (empty_folder / ".env").write_text("# ours\nEASEL_NAME=Atelier\nEASEL_LOW_BALANCE=3\nEASEL_UNKNOWN=1\n")
    monkeypatch.setenv("EASEL_LOW_BALANCE", "4")

    settings = read_settings()

    assert (settings.name, settings.low_balance) == ("Atelier", parse(4))


def test_a_secret_can_come_from_a_file(monkeypatch, empty_folder):
    (empty_folder / "secret").write_text(OWN_SECRET + "\n")
    (empty_folder / "url").write_text(URL + "\n")
    monkeypatch.setenv("EASEL_ENV", "production")
    monkeypatch.setenv("EASEL_REDIS_URL", REDIS)
    monkeypatch.setenv("EASEL_FAL_KEY", "a-key")
    monkeypatch.setenv("EASEL_SECRET_FILE", str(empty_folder / "secret"))
    monkeypatch.setenv("EASEL_DATABASE_URL_FILE", str(empty_folder / "url"))

    settings = read_settings()

    assert settings.secret.get_secret_value() == OWN_SECRET
    assert settings.database == URL


def test_a_value_and_a_file_for_the_same_setting_are_refused(monkeypatch, empty_folder):
    (empty_folder / "secret").write_text(OWN_SECRET)
    monkeypatch.setenv("EASEL_SECRET", "another one")
    monkeypatch.setenv("EASEL_SECRET_FILE", str(empty_folder / "secret"))

    with pytest.raises(ValueError, match="EASEL_SECRET or EASEL_SECRET_FILE, not both") as refused:
        read_settings()
    assert "another one" not in str(refused.value)


def test_a_secret_file_that_is_not_there_is_named(monkeypatch, empty_folder):
    monkeypatch.setenv("EASEL_SECRET_FILE", str(empty_folder / "nowhere"))

    with pytest.raises(ValueError, match="EASEL_SECRET_FILE"):
        read_settings()


# production


def test_production_starts_with_a_secret_and_a_database_of_its_own():
    assert read_settings(**SAFE).env == "production"
    assert read_settings(**{**SAFE, "database_url": "sqlite:////srv/easel.db"}).env == "production"


@pytest.mark.parametrize("secret", [DEVELOPMENT_SECRET, "s" * 31, ""])
def test_production_refuses_a_default_or_short_secret(secret):
    ((_, message),) = wrong(**{**SAFE, "secret": secret})

    assert "EASEL_SECRET must be your own and at least 32 characters" in message
    assert not secret or secret not in message


def test_production_refuses_to_start_without_a_database_that_was_named():
    ((_, message),) = wrong(**{**SAFE, "database_url": None})

    assert "EASEL_DATABASE_URL must be named" in message


@pytest.mark.parametrize(
    ("redis_url", "says"),
    [
        (None, "EASEL_REDIS_URL must be named"),
        ("redis://redis.example", "must have a password"),
        ("rediss://easel@redis.example", "must have a password"),
    ],
)
def test_production_refuses_a_redis_that_is_open_to_anyone(redis_url, says):
    ((_, message),) = wrong(**{**SAFE, "redis_url": redis_url})

    assert says in message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"fal_key": None}, "EASEL_FAL_KEY must be set in production"),
        ({"providers": "fal,sketch"}, "EASEL_PROVIDERS must not name sketch in production"),
    ],
)
def test_production_never_paints_demos(given, says):
    ((_, message),) = wrong(**{**SAFE, **given})

    assert says in message


@pytest.mark.parametrize("key", ["a key", "a-k\u00e9y", "a\nkey"])
def test_a_key_that_no_header_takes_is_refused_and_not_repeated(key):
    ((_, message),) = wrong(fal_key=key)

    assert "EASEL_FAL_KEY is no key" in message
    assert key not in message


def test_webhooks_come_by_https_in_production_or_from_this_machine():
    ((_, message),) = wrong(**{**SAFE, "fal_webhook_url": "http://easel.example"})

    assert "EASEL_FAL_WEBHOOK_URL must begin with https://" in message
    for good in ("https://hooks.example", "http://127.0.0.1:8000"):
        assert read_settings(**{**SAFE, "fal_webhook_url": good}).callback_url == good


@pytest.mark.parametrize("key", [None, " "])
def test_fal_needs_its_key(key):
    ((_, message),) = wrong(providers="fal", fal_key=key)

    assert "EASEL_FAL_KEY is missing" in message


def test_with_a_key_fal_draws_and_without_one_the_sketch():
    assert read_settings(fal_key="a-key").drawing == ("fal",)
    assert read_settings().drawing == ("sketch",)
    assert read_settings(fal_key="a-key", providers="fal, sketch").drawing == ("fal", "sketch")


@pytest.mark.parametrize("name", ["fal_queue_url", "fal_jwks_url", "fal_pricing_url", "fal_schema_url"])
def test_a_key_travels_by_https_or_not_at_all(name):
    assert read_settings(**{name: "http://127.0.0.1:8001/"}).model_dump()[name] == "http://127.0.0.1:8001"
    for bad in ("http://queue.example", "https://user@queue.example", "queue.example", "ftp://127.0.0.1"):
        ((field, message),) = wrong(**{name: bad})
        assert (field, "https:// address" in message) == (name, True)


def test_production_takes_a_unix_socket_for_redis():
    assert read_settings(**{**SAFE, "redis_url": "unix:///run/redis.sock"}).env == "production"


def test_production_needs_no_public_address_but_refuses_one_that_anybody_can_listen_to():
    assert read_settings(**SAFE).public_url is None
    assert read_settings(**SAFE, public_url="https://easel.example/").address == "https://easel.example"

    ((_, message),) = wrong(**SAFE, public_url="http://easel.example")

    assert "EASEL_PUBLIC_URL must begin with https://" in message


def test_the_development_secret_is_enough_for_one_machine():
    assert read_settings(env="local").secret.get_secret_value() == DEVELOPMENT_SECRET


# secrets stay secret


def test_the_secret_shows_nowhere():
    settings = read_settings(**SAFE)

    for shown in (repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()):
        assert OWN_SECRET not in shown


def test_the_passwords_of_database_and_redis_show_nowhere():
    settings = read_settings(**SAFE)

    assert PASSWORD not in repr(settings)
    assert PASSWORD not in str(settings)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://easel:{PASSWORD}@h/db",
        f"easel:{PASSWORD}@h/db",
        f"postgresql://easel:p@ss:{PASSWORD}@h/db",
        f"postgresql://easel:{PASSWORD}@h:port/db",
    ],
)
def test_a_wrong_database_address_is_refused_without_repeating_it(url):
    with pytest.raises(ValidationError) as refused:
        read_settings(database_url=url)

    assert PASSWORD not in str(refused.value)
    assert PASSWORD not in repr([one["msg"] for one in refused.value.errors()])


def test_a_wrong_setting_beside_a_secret_does_not_show_it():
    with pytest.raises(ValidationError) as refused:
        read_settings(**{**SAFE, "daily_credits": "many"})

    assert OWN_SECRET not in str(refused.value)
    assert PASSWORD not in str(refused.value)


# bad values

BAD = [
    ("daily_credits", "many", "'many' is not a number of credits"),
    ("daily_credits", "0.005", "at most two digits after the point"),
    ("welcome_credits", "-1", "below zero"),
    ("low_balance", "nan", "'nan' is not a number of credits"),
    ("guest_generations", "-1", "greater than or equal to 0"),
    ("guest_generations", "three", "valid integer"),
    ("request_seconds", "1.5", "valid integer"),
    ("image_mb", "-5", "greater than or equal to 0"),
    ("database_connections", "0", "greater than or equal to 1"),
    ("database_url", "mysql://h/db", "only postgresql:// and sqlite:// are supported"),
    ("database_url", "somewhere", "not a database address"),
    ("database_url", "postgresql://h:port/db", "not a database address"),
    ("redis_url", "http://h", "not a Redis address"),
    ("public_url", "easel.example", "the address people open"),
    ("public_url", "https://easel.example/chat", "the address people open"),
    ("submits", "0", "greater than or equal to 1"),
    ("env", "staging", "'local' or 'production'"),
    ("name", "E" * 41, "at most 40 characters"),
]


@pytest.mark.parametrize(("field", "value", "says"), BAD)
def test_a_bad_value_is_one_line_that_names_the_setting(monkeypatch, field, value, says):
    monkeypatch.setenv(f"EASEL_{field.upper()}", value)

    ((told, message),) = wrong()

    assert told == field
    assert says in message
    assert "\n" not in message


def test_an_operator_without_a_platform_is_named():
    ((told, message),) = wrong(operators="telegram:1,dana")

    assert told.startswith("operators")
    assert "'dana' is not platform:user" in message


def test_all_bad_values_are_told_at_once():
    assert [field for field, _ in wrong(daily_credits="many", image_mb="large", env="staging")] == [
        "env",
        "daily_credits",
        "image_mb",
    ]


# the example file


def example():
    """What .env.example says: name -> (value, whether the line is commented out)."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [re.fullmatch(r"(# )?([A-Z_]+)=(.*)", line) for line in lines]
    names = [match[2] for match in found if match]
    assert len(names) == len(set(names))
    return {match[2]: (match[3], bool(match[1])) for match in found if match}


def test_the_example_names_every_setting_and_no_other_in_the_order_of_the_code():
    assert list(example()) == [f"{PREFIX}{field.upper()}" for field in Settings.model_fields]


def test_the_example_gives_every_default_and_leaves_out_only_what_has_none():
    given = {name for name, (_, is_commented) in example().items() if not is_commented}

    settings = Settings(_env_file=ROOT / ".env.example")

    assert settings.model_fields_set == {name.removeprefix(PREFIX).lower() for name in given}
    for field, about in Settings.model_fields.items():
        value = getattr(settings, field)
        assert (value, type(value)) == (about.default, type(about.default)), field
        assert (f"{PREFIX}{field.upper()}" in given) == (about.default not in (None, (), "")), field
    assert isinstance(settings.secret, SecretStr)


def test_the_example_says_what_each_setting_is_for():
    lines = (ROOT / ".env.example").read_text().splitlines()

    for before, line in pairwise(lines):
        if re.match(r"(# )?EASEL_", line):
            assert re.match(r"# \S.{10,}", before) and "=" not in before, line
