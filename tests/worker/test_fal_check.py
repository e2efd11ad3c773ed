"""The catalogue against what fal says of its endpoints: what is the same is quiet, each difference is one sentence."""

import json
from dataclasses import replace

import pytest

from engine import catalog
from engine.settings import Settings
from tests.simulators.fal_process import fal_simulator
from tests.worker.fal_documents import HANG_UP, KEY, WORD, document, documents
from worker.providers import fal_check, fal_schema

FLUX = "fal-ai/flux/dev"
BANANA = "fal-ai/nano-banana"


@pytest.fixture
def fal():
    with documents() as server:
        yield server


@pytest.fixture
def models(new_database):
    """The catalogue's models."""
    with new_database().read() as work:
        return catalog.all_models(work)


@pytest.fixture
def said(fal, models):
    """What is found, each as its look and its sentence."""

    def ask(**settings):
        return [(finding.look, finding.what) for finding in fal_check.check(fal.settings(**settings), models)]

    return ask


def shapes(fal, endpoint):
    return fal.schemas[endpoint]["components"]["schemas"]


# when all is well


def test_a_catalogue_that_is_right_is_quiet(said):
    assert said() == []


def test_the_simulated_fal_is_as_the_catalogue_says(models, tmp_path):
    with fal_simulator(tmp_path) as simulator:
        urls = {name.removeprefix("EASEL_").lower(): url for name, url in simulator.environment().items()}
        settings = Settings(_env_file=None, **urls)

        assert fal_check.check(settings, models) == []


def test_the_key_goes_to_the_prices_only_and_once(fal, said, models):
    said()

    schemas = [asked for asked in fal.asked if asked.path == "/openapi.json"]
    assert sorted(asked.about[0] for asked in schemas) == sorted(model.endpoint for model in models)
    assert {asked.key for asked in schemas} == {None}
    (prices,) = [asked for asked in fal.asked if asked.path == "/v1/models/pricing"]
    assert (prices.key, sorted(prices.about)) == (f"Key {KEY}", sorted(model.endpoint for model in models))


@pytest.mark.parametrize("key", [None, "  "])
def test_without_a_key_the_prices_are_left_out_and_it_says_so(fal, said, key):
    assert said(key=key, providers=("sketch",)) == [("odd", "no key: prices were not compared")]
    assert {asked.path for asked in fal.asked} == {"/openapi.json"}


def test_two_models_of_one_endpoint_are_asked_about_once(fal, models):
    assert fal_check.check(fal.settings(), [models[0], models[0]]) == []
    assert [asked.about for asked in fal.asked] == [[BANANA], [BANANA]]


def test_only_a_few_questions_are_under_way_together(fal, said):
    fal.pause = 0.05

    assert said() == []
    assert fal.most_at_once <= 4


def test_nothing_to_compare_asks_nothing(fal):
    assert fal_check.check(fal.settings(), []) == []
    assert fal.asked == []


# what is sent and read


def test_an_endpoint_that_is_gone_is_told_and_the_others_are_compared_all_the_same(fal, said):
    del fal.schemas[FLUX], fal.prices[FLUX]
    fal.prices[BANANA]["unit_price"] = 0.05

    assert said() == [
        ("bad", f"Flux Dev: fal has no endpoint {FLUX}"),
        ("bad", "Nano Banana: fal bills $0.05 for each image, the catalogue says $0.0398"),
    ]


def test_a_description_of_another_endpoint_is_none_of_ours(fal, said):
    fal.schemas[FLUX] = document(BANANA)

    assert said() == [("bad", f"Flux Dev: fal has no endpoint {FLUX}")]


def require_a_picture(schemas):
    schemas["Input"]["required"].append("image_url")


def require_a_picture_in_a_part(schemas):
    schemas["Input"] = {"allOf": [schemas["Input"], {"required": ["image_url"]}]}


def forget_the_safety_checker(schemas):
    del schemas["Input"]["properties"]["enable_safety_checker"]


def forget_wide_pictures(schemas):
    schemas["Input"]["properties"]["image_size"]["anyOf"][1]["enum"].remove("landscape_16_9")


def take_sizes_in_pixels_only(schemas):
    schemas["Input"]["properties"]["image_size"] = {"$ref": "#/components/schemas/Size"}


def make_only_png(schemas):
    schemas["Input"]["properties"]["output_format"] = {"const": "png"}


def make_only_numbered_formats(schemas):
    schemas["Input"]["properties"]["output_format"] = {"type": ["integer", "null"]}


def give_one_image(schemas):
    schemas["Output"]["properties"]["image"] = schemas["Output"]["properties"].pop("images")


def give_no_flags(schemas):
    del schemas["Output"]["properties"]["has_nsfw_concepts"]


def give_no_addresses(schemas):
    del schemas["Image"]["properties"]["url"]


SENT = {
    require_a_picture: "fal requires 'image_url', which is not sent",
    require_a_picture_in_a_part: "fal requires 'image_url', which is not sent",
    forget_the_safety_checker: "fal does not know 'enable_safety_checker', which is sent",
    forget_wide_pictures: "fal does not take landscape_16_9 as image_size",
    make_only_png: "fal does not take jpeg as output_format",
    make_only_numbered_formats: "fal does not take jpeg as output_format",
    give_one_image: "the result has no 'images.url', which is read",
    give_no_flags: "the result has no 'has_nsfw_concepts', which is read",
    give_no_addresses: "the result has no 'images.url', which is read",
}


@pytest.mark.parametrize("change", SENT)
def test_each_difference_in_what_is_sent_and_read_is_told_once(fal, said, change):
    change(shapes(fal, FLUX))

    assert said() == [("bad", f"Flux Dev: {SENT[change]}")]


def test_a_word_that_is_not_taken_comes_with_those_that_are_and_what_to_do(fal, models):
    shapes(fal, BANANA)["Ratio"]["enum"] = ["1:1", "4:3", "3:4", "9:16"]

    (finding,) = fal_check.check(fal.settings(), models)

    assert finding.what == "Nano Banana: fal does not take 16:9 as aspect_ratio"
    assert finding.advice.startswith("It takes '1:1', '3:4', '4:3', '9:16'. Take 16:9 out of its sizes in ")


def test_no_size_is_blamed_for_what_each_of_them_sends(fal, models):
    make_only_png(shapes(fal, FLUX))

    (finding,) = fal_check.check(fal.settings(), models)

    assert finding.advice.startswith("It takes 'png'. See worker/providers/fal_shapes.py")


def test_every_word_is_refused_where_only_pixels_are_taken(fal, said):
    take_sizes_in_pixels_only(shapes(fal, FLUX))

    assert len(said()) == 5


@pytest.mark.parametrize(
    "field",
    [
        WORD,
        {},
        {"type": ["string", "null"]},
        {"enum": ["jpeg", "png", None, 7]},
        {"const": "jpeg"},
        {"oneOf": [{"type": "integer"}, {"const": "jpeg"}, {"type": "null"}]},
        {"anyOf": [{"$ref": "#/components/schemas/Formats"}, {"type": "null"}], "default": None},
        {"allOf": [{"$ref": "#/components/schemas/Formats"}, WORD]},
        {"$ref": "#/components/schemas/Formats"},
        {"$ref": "#/components/schemas/Circle"},
        {"$ref": "https://elsewhere.example/format.json"},
    ],
)
def test_a_field_may_be_described_in_many_ways(fal, said, field):
    shapes(fal, FLUX)["Formats"] = {"type": "string", "enum": ["jpeg", "png"]}
    shapes(fal, FLUX)["Circle"] = {"$ref": "#/components/schemas/Circle"}
    shapes(fal, FLUX)["Input"]["properties"]["output_format"] = field

    assert said() == []


def test_a_model_whose_shapes_nobody_knows_is_told(fal, models):
    odd = [replace(models[0], input="song", output="song", sizes=["1:1"])]

    found = [finding.what for finding in fal_check.check(fal.settings(), odd)]

    assert found == [
        "Nano Banana: nothing can be sent in 1:1 (fal: no input shape 'song')",
        "Nano Banana: nobody can read the output shape song",
    ]


# descriptions that cannot be read


def without(*steps):
    """The description of flux without the last of these steps into it."""
    whole = document(FLUX)
    inner = whole
    for step in steps[:-1]:
        inner = inner[step]
    del inner[steps[-1]]
    return whole


UNREADABLE = [
    b"",
    b"<html>Sign in</html>",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"7",
    b"{}",
    b'{"paths": NaN}',
    b'{"paths": 1e99999999999999999999999}',
    b'{"paths": [' + b"[" * 200_000,
    json.dumps(document(FLUX)).encode() + b" " * fal_check.MOST_BYTES,
    {"paths": []},
    {"paths": {f"/{FLUX}": None}},
    {"paths": {f"/{FLUX}": {"post": {"requestBody": []}}}},
    without("components"),
    without("components", "schemas", "Input", "properties"),
    without("components", "schemas", "Output"),
    without("paths", f"/{FLUX}/requests/{{request_id}}"),
    500,
    302,
]


@pytest.mark.parametrize("what", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_description_that_cannot_be_read_is_told_and_no_traceback(fal, said, what):
    fal.schemas[FLUX] = what

    ((look, sentence),) = said()

    assert look == "bad"
    assert sentence.startswith("Flux Dev: the schema cannot be read (")


def test_a_description_in_circles_ends():
    circle = document(FLUX)
    schemas = circle["components"]["schemas"]
    schemas["Input"] = {"allOf": [{"$ref": "#/components/schemas/Input"}] * 3}
    schemas["Output"]["properties"]["images"] = {"anyOf": [{"$ref": "#/components/schemas/Output"}] * 3}

    with pytest.raises(fal_schema.Unreadable):
        fal_schema.read(circle, FLUX)


def test_what_fal_says_cannot_write_on_the_terminal(fal, models):
    shapes(fal, FLUX)["Input"]["required"].append("\x1b[2J" + "a" * 500)
    fal.prices[BANANA]["unit"] = "\x1b[2Jimages"

    for finding in fal_check.check(fal.settings(), models):
        assert (finding.what + finding.advice).isprintable()
        assert len(finding.what) < 200


# prices


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"unit": "image"}, []),
        ({"unit": " Images "}, []),
        ({"unit_price": 0.03980}, []),
        ({"unit_price": 0.04}, [("bad", "fal bills $0.04 for each image, the catalogue says $0.0398")]),
        ({"unit_price": 1}, [("bad", "fal bills $1 for each image, the catalogue says $0.0398")]),
        ({"unit_price": 0.03}, [("odd", "fal bills $0.03 for each image, the catalogue says $0.0398")]),
        ({"unit_price": 0}, [("odd", "fal bills $0 for each image, the catalogue says $0.0398")]),
        ({"unit": "megapixels"}, [("bad", "fal bills by 'megapixel', the catalogue says image")]),
        ({"unit": None}, [("bad", "fal bills by None, the catalogue says image")]),
        ({"currency": "EUR"}, [("bad", "fal's price is in 'EUR', not in dollars")]),
        ({"unit_price": None}, [("bad", "fal's price cannot be read (None)")]),
        ({"unit_price": "0.0398"}, [("bad", "fal's price cannot be read ('0.0398')")]),
        ({"unit_price": True}, [("bad", "fal's price cannot be read (True)")]),
        ({"unit_price": -1}, [("bad", "fal's price cannot be read (-1)")]),
        ({"unit_price": 10**9}, [("bad", "fal's price cannot be read (1000000000)")]),
        ({"endpoint_id": ["x"]}, [("bad", f"fal tells no price of {BANANA}")]),
    ],
)
def test_each_difference_in_price_is_told(fal, said, change, found):
    fal.prices[BANANA] |= change

    assert said() == [(look, f"Nano Banana: {sentence}") for look, sentence in found]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_taken_is_told(fal, said, status):
    fal.instead = status

    assert said() == [("bad", f"fal does not take the key (status {status})")]


@pytest.mark.parametrize("instead", [404, 500, 302, b"", b"[]", b"{}", b'{"prices": {}}', b'{"prices": [NaN]}'])
def test_prices_that_cannot_be_read_are_one_sentence(fal, said, instead):
    fal.instead = instead

    ((look, sentence),) = said()

    assert look == "bad"
    assert sentence.startswith("the prices cannot be read (")


# nobody there


def test_where_nothing_listens_it_is_one_clear_error(fal, models):
    settings = fal.settings(fal_schema_url="http://127.0.0.1:1/openapi.json")

    with pytest.raises(fal_check.Away, match=r"http://127.0.0.1:1/openapi.json cannot be reached: ConnectError"):
        fal_check.check(settings, models)


def test_silence_ends(fal, models, monkeypatch):
    monkeypatch.setattr(fal_check, "SECONDS", 0.2)
    fal.schemas = dict.fromkeys(fal.schemas)
    fal.instead = 404

    with pytest.raises(fal_check.Away, match=r"no whole answer within 0.2 seconds"):
        fal_check.check(fal.settings(), models)


def test_one_that_hangs_up_does_not_hide_the_rest(fal, said):
    fal.schemas[FLUX] = HANG_UP

    assert said() == [("bad", "Flux Dev: the schema cannot be read (RemoteProtocolError)")]
