"""The addresses that providers call: each for one try of one generation, and nobody can make one up."""

import pytest

from worker.callbacks import Callbacks

OURS = Callbacks("https://easel.example/", b"a key")
URL = OURS.url("fal", 7, 2)
TOKEN = URL.rpartition("/")[2]


def test_an_address_says_what_it_is_about():
    assert URL.startswith("https://easel.example/webhooks/fal/7-2-")
    assert OURS.read("fal", TOKEN) == (7, 2)


def test_an_address_of_another_key_or_provider_is_not_ours():
    assert Callbacks("https://easel.example", b"another key").read("fal", TOKEN) is None
    assert OURS.read("another", TOKEN) is None


@pytest.mark.parametrize(
    "token",
    [
        TOKEN.replace("7-2-", "8-2-"),
        TOKEN.replace("7-2-", "7-1-"),
        TOKEN.replace("7-2-", "07-2-"),
        TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1"),
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN.upper(),
        TOKEN + "\n",
        "7-2-",
        "",
        "-".join(("9" * 40, "2", "a" * 64)),
        "\u0667-2-" + TOKEN[4:],
    ],
)
def test_what_is_changed_is_not_ours(token):
    assert OURS.read("fal", token) is None
