"""What is sold and drawn with: the numbers, and how a changed file meets what operators have changed."""

import re

import pytest
import sqlalchemy as sa

from engine import catalog
from engine.credits import parse
from engine.errors import NotFound
from engine.tables import models, packs, teasers


def read(database, function, *more):
    with database.read() as work:
        return function(work, *more)


def names(rows):
    return [row.id for row in rows]


@pytest.fixture
def seed(database, tmp_path):
    """Seeds the database from the catalogue's file with some texts replaced, each of which must be there once."""

    def seed_from(*replaced):
        content = catalog.FILE.read_text()
        for old, new in replaced:
            assert content.count(old) == 1, old
            content = content.replace(old, new)
        file = tmp_path / "catalog.toml"
        file.write_text(content)
        return database.run(lambda work: catalog.seed(work, file))

    return seed_from


@pytest.fixture
def operator(database):
    """What an operator does to one row of the catalogue."""

    def change(table, row, **values):
        changed = sa.update(table).where(table.c.id == row).values(values)
        assert database.run(lambda work: work.execute(changed)).rowcount == 1

    return change


def section(name):
    """One entry of the file, to be taken out of it."""
    (found,) = re.findall(rf"\[{re.escape(name)}\]\n(?:.+\n)+", catalog.FILE.read_text())
    return found


# what the file says


def test_the_models_are_these_at_these_prices(database):
    there = [(one.name, one.price, one.tier, one.endpoint, one.kind) for one in read(database, catalog.all_models)]

    assert there == [
        ("Nano Banana", parse("0.5"), "budget", "fal-ai/nano-banana", "image"),
        ("Flux Dev", parse(1), "standard quality", "fal-ai/flux/dev", "image"),
        ("LoRA Normal", parse(1), "artistic detail", "fal-ai/flux-lora", "image"),
        ("LoRA Context", parse(1), "storytelling", "fal-ai/flux-kontext-lora/text-to-image", "image"),
        ("Gemini Flash", parse(1), "Google AI", "fal-ai/gemini-25-flash-image", "image"),
        ("Nano Banana Pro", parse(2), "premium quality", "fal-ai/nano-banana-pro", "image"),
    ]


def test_every_model_says_what_it_can_and_in_which_sizes(database):
    for model in read(database, catalog.all_models):
        assert "text-to-image" in model.capabilities
        assert model.sizes and all(isinstance(size, str) for size in model.sizes)
        assert model.best_for and model.timeout_seconds > 0 and model.cost_microdollars > 0


def test_the_packs_are_these_and_one_is_the_best_value(database):
    there = [(one.name, one.price_cents, one.credits, one.is_best_value) for one in read(database, catalog.all_packs)]

    assert there == [
        ("Starter", 499, parse(25), False),
        ("Creator", 1499, parse(110), True),
        ("Pro", 2999, parse(300), False),
        ("Enterprise", 4999, parse(650), False),
    ]


def test_the_teasers_are_these_and_locked(database):
    there = [(one.name, one.is_locked) for one in read(database, catalog.all_teasers)]

    assert there == [("No watermark", True), ("4K export", True), ("Custom fonts", True)]


def test_a_larger_pack_has_the_cheaper_credit(database):
    each = [pack.price_cents / pack.credits for pack in read(database, catalog.all_packs)]

    assert each == sorted(each, reverse=True)


def test_a_model_that_is_not_there_is_not_found(database):
    with pytest.raises(NotFound) as refused:
        read(database, catalog.model, "mona-lisa")
    assert (refused.value.kind, refused.value.id) == ("model", "mona-lisa")


# the file changes


def test_the_same_file_again_changes_nothing(seed):
    assert seed() == 0


def test_a_changed_value_comes_into_the_row(database, seed):
    assert seed(('price_usd = "4.99"', 'price_usd = "5.99"')) == 1

    assert read(database, catalog.all_packs)[0].price_cents == 599
    assert seed(('price_usd = "4.99"', 'price_usd = "5.99"')) == 0


def test_what_an_operator_changed_stays_value_by_value(database, seed, operator):
    operator(models, "nano-banana", price=70)

    seed(("price = 0.5", "price = 0.6"), ('tier = "budget"', 'tier = "cheapest"'))

    model = read(database, catalog.model, "nano-banana")
    assert (model.price, model.tier) == (70, "cheapest")


def test_what_an_operator_changed_stays_through_two_changes_of_the_file(database, seed, operator):
    operator(packs, "starter", credits=parse(30))

    seed(("credits = 25\n", "credits = 26\n"))
    seed(("credits = 25\n", "credits = 27\n"))

    assert read(database, catalog.all_packs)[0].credits == parse(30)


def test_an_operator_who_goes_back_to_the_file_follows_it_again(database, seed, operator):
    operator(packs, "starter", credits=parse(30))
    seed(("credits = 25\n", "credits = 26\n"))
    operator(packs, "starter", credits=parse(26))

    seed(("credits = 25\n", "credits = 27\n"))

    assert read(database, catalog.all_packs)[0].credits == parse(27)


def test_a_list_that_an_operator_changed_stays_too(database, seed, operator):
    operator(models, "flux-dev", capabilities=["text-to-image"])

    seed(('best_for = "everyday pictures with fine control"', 'best_for = "everyday pictures"'))

    model = read(database, catalog.model, "flux-dev")
    assert (model.capabilities, model.best_for) == (["text-to-image"], "everyday pictures")


def test_a_new_entry_is_added_in_the_order_of_the_file(database, seed):
    small = '[packs.tiny]\nname = "Tiny"\nprice_usd = "0.99"\ncredits = 4\n\n[packs.starter]'

    seed(("[packs.starter]", small))

    there = read(database, catalog.all_packs)
    assert names(there) == ["tiny", "starter", "creator", "pro", "enterprise"]
    assert (there[0].price_cents, there[0].credits, there[0].is_best_value) == (99, parse(4), False)


def test_an_entry_that_left_the_file_is_switched_off_and_kept(database, seed):
    assert seed((section("models.lora-context"), ""), (section("packs.pro"), "")) >= 2

    assert "lora-context" not in names(read(database, catalog.all_models))
    assert names(read(database, catalog.all_packs)) == ["starter", "creator", "enterprise"]
    assert not read(database, catalog.model, "lora-context").is_enabled
    assert seed((section("models.lora-context"), ""), (section("packs.pro"), "")) == 0


def test_a_teaser_that_left_the_file_is_announced_no_more(database, seed):
    seed((section("teasers.four-k-export"), ""))

    assert names(read(database, catalog.all_teasers)) == ["no-watermark", "custom-fonts"]


def test_an_entry_that_comes_back_is_switched_on_again(database, seed):
    seed((section("packs.pro"), ""))
    seed()

    assert "pro" in names(read(database, catalog.all_packs))


def test_an_entry_that_comes_back_changed_is_switched_on_again(database, seed):
    seed((section("packs.pro"), ""))
    seed(("credits = 300", "credits = 320"))

    assert {pack.id: pack.credits for pack in read(database, catalog.all_packs)}.get("pro") == parse(320)


def test_an_entry_that_an_operator_switched_off_stays_off_when_it_comes_back(database, seed, operator):
    operator(packs, "pro", is_enabled=False)

    seed((section("packs.pro"), ""))
    seed()
    seed(("credits = 300", "credits = 320"))

    assert "pro" not in names(read(database, catalog.all_packs))


def test_an_entry_that_an_operator_switched_on_again_stays_on(database, seed, operator):
    seed((section("packs.pro"), ""))
    operator(packs, "pro", is_enabled=True)

    seed((section("packs.pro"), ""))

    assert "pro" in names(read(database, catalog.all_packs))


def test_an_operators_switch_stays_when_the_file_changes(database, seed, operator):
    operator(models, "flux-dev", is_enabled=False)
    operator(teasers, "no-watermark", is_locked=False)

    seed(
        ('best_for = "everyday pictures with fine control"', 'best_for = "everyday pictures"'),
        ('name = "No watermark"', 'name = "No watermarks"'),
    )

    assert "flux-dev" not in names(read(database, catalog.all_models))
    first = read(database, catalog.all_teasers)[0]
    assert (first.name, first.is_locked) == ("No watermarks", False)


# a bad file

BAD = {
    "not TOML": ("[models.flux-dev]", "[models.flux-dev"),
    "a price that is no number": ("price = 0.5", 'price = "cheap"'),
    "a price in thousandths": ("price = 0.5", "price = 0.505"),
    "a price below zero": ("price = 0.5", "price = -0.5"),
    "a price that is missing": ("price = 0.5\n", ""),
    "a cost that is no number": ('cost_usd = "0.025"', 'cost_usd = "little"'),
    "dollars that are no number": ('price_usd = "4.99"', 'price_usd = "five"'),
    "a tenth of a cent": ('price_usd = "4.99"', 'price_usd = "4.999"'),
    "a pack for nothing": ('price_usd = "4.99"', 'price_usd = "0"'),
    "a pack of nothing": ("credits = 25\n", "credits = 0\n"),
    "a kind nobody knows": (
        'endpoint = "fal-ai/flux/dev"\ninput = "image_size"\noutput = "images_and_flags"\nkind = "image"',
        'endpoint = "fal-ai/flux/dev"\ninput = "image_size"\noutput = "images_and_flags"\nkind = "song"',
    ),
    "a unit nobody bills in": ('cost_usd = "0.15"\ncost_unit = "image"', 'cost_usd = "0.15"\ncost_unit = "dozen"'),
    "a queue that nobody waits in": ("start_seconds = 120\n", "start_seconds = 1\n"),
    "providers that are no list": ("start_seconds = 120\n", 'start_seconds = 120\nproviders = "fal"\n'),
    "an entry that is no table": ("[packs.starter]", "[packs]\ntiny = 3\n\n[packs.starter]"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_a_clear_error_and_changes_nothing(database, seed, fault):
    before = (read(database, catalog.all_models), read(database, catalog.all_packs))

    with pytest.raises(ValueError):
        seed(BAD[fault])

    assert (read(database, catalog.all_models), read(database, catalog.all_packs)) == before


def test_the_error_names_the_entry(seed):
    with pytest.raises(ValueError, match=re.escape("packs.starter")):
        seed(("credits = 25\n", 'credits = "many"\n'))
