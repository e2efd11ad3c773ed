"""What the catalogue's shapes become at fal, and odd results: read, or refused with one clear error."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from engine import catalog
from engine.ports import Output
from tests.simulators import fal_models
from tests.worker.jobs import BANANA, FLUX
from worker.providers.fal_shapes import INPUTS, MOST, MOST_UNITS, OUTPUTS, SIZES, arguments, cost, outputs

MODELS = ["nano-banana", "flux-dev", "lora-normal", "lora-context", "gemini-flash", "nano-banana-pro"]
URL = "https://v3.fal.media/files/fox.jpg"


@pytest.fixture
def models(new_database):
    """The catalogue's models."""
    with new_database().read() as work:
        return catalog.all_models(work)


@pytest.fixture
def jobs(models):
    """A job for each model of the catalogue, by its id."""
    return {
        model.id: replace(
            FLUX,
            model_id=model.id,
            endpoint=model.endpoint,
            input=model.input,
            output=model.output,
            takes_seed="seed" in model.capabilities,
            cost_microdollars=model.cost_microdollars,
            cost_unit=model.cost_unit,
        )
        for model in models
    }


def result(*images, **more):
    """A result of the flux family."""
    return {"images": list(images), "has_nsfw_concepts": [False] * len(images), "prompt": "a fox", **more}


def picture(url=URL, **more):
    return {"url": url, "content_type": "image/jpeg", **more}


# what is sent


def test_flux_is_told_its_own_words_for_a_size():
    assert arguments(FLUX) == {
        "prompt": "a fox",
        "num_images": 2,
        "output_format": "jpeg",
        "image_size": "landscape_16_9",
        "enable_safety_checker": True,
        "seed": 42,
    }


def test_the_nano_banana_family_is_told_the_ratio_and_not_to_count_in_the_prompt():
    assert arguments(BANANA) == {
        "prompt": "a fox",
        "num_images": 2,
        "output_format": "jpeg",
        "aspect_ratio": "16:9",
        "limit_generations": True,
    }


@pytest.mark.parametrize(("job", "field"), [(FLUX, "image_size"), (BANANA, "aspect_ratio")])
def test_without_a_size_the_endpoint_takes_its_own(job, field):
    assert arguments(replace(job, size=None)) == {
        name: arguments(job)[name] for name in arguments(job) if name != field
    }


def test_a_seed_is_sent_only_to_a_model_that_takes_one():
    assert "seed" not in arguments(replace(FLUX, takes_seed=False))
    assert arguments(replace(BANANA, takes_seed=True))["seed"] == 42


def test_every_model_of_the_catalogue_is_here_with_shapes_that_are_known(jobs):
    assert list(jobs) == MODELS
    assert {job.input for job in jobs.values()} <= set(INPUTS)
    assert {job.output for job in jobs.values()} <= set(OUTPUTS)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("size", [*SIZES, None])
def test_every_body_is_as_documented(jobs, model, size):
    body = arguments(replace(jobs[model], size=size))

    assert fal_models.problems(jobs[model].endpoint, body) == []
    assert json.loads(json.dumps(body)) == body


def test_every_size_of_the_catalogue_is_known(models):
    assert {size for model in models for size in model.sizes} <= set(SIZES)


@pytest.mark.parametrize("change", [{"input": "song"}, {"size": "2:1"}, {"size": "square_hd"}, {"size": ""}])
@pytest.mark.parametrize("job", [FLUX, BANANA])
def test_a_shape_or_size_that_nobody_knows_is_not_sent(job, change):
    with pytest.raises(ValueError, match="fal: no "):
        arguments(replace(job, **change))


# what comes back


def test_pictures_come_with_their_flags_in_order():
    payload = result(picture("https://a"), picture("https://b"), has_nsfw_concepts=[False, True])

    assert outputs(FLUX, payload) == (Output("https://a"), Output("https://b", is_flagged=True))


def test_a_model_without_flags_flags_nothing():
    payload = {"images": [picture()], "description": "", "has_nsfw_concepts": [True]}

    assert outputs(BANANA, payload) == (Output(URL),)


def test_no_pictures_are_no_outputs():
    assert outputs(FLUX, result()) == outputs(BANANA, {"images": []}) == ()


def test_no_more_than_the_most_are_taken():
    payload = result(*(picture(f"https://{number}") for number in range(100)))

    assert [output.url for output in outputs(FLUX, payload)] == [f"https://{number}" for number in range(MOST)]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "images",
        {},
        {"images": None},
        {"images": {}},
        {"images": "https://a"},
        result(None),
        result(URL),
        result({}),
        result({"url": None}),
        result({"url": ""}),
        result({"url": 7}),
        result({"url": "https://" + "a" * 5000}),
        result(picture(), {}),
    ],
)
@pytest.mark.parametrize("job", [FLUX, BANANA])
def test_a_result_that_cannot_be_read_is_an_error_and_still_costs(job, payload):
    with pytest.raises(ValueError, match="fal: "):
        outputs(job, payload)
    assert cost(job, payload, None) >= job.cost_microdollars


@pytest.mark.parametrize(
    "flags", [None, [], [False], [False] * 3, [False, None], [0, 1], ["false", "false"], {}, False]
)
def test_flags_that_do_not_fit_the_pictures_are_an_error(flags):
    with pytest.raises(ValueError, match="a flag each"):
        outputs(FLUX, result(picture(), picture(), has_nsfw_concepts=flags))


def test_flags_that_are_missing_are_an_error():
    with pytest.raises(ValueError, match="a flag each"):
        outputs(FLUX, {"images": [picture()]})


def test_an_output_shape_that_nobody_knows_is_an_error():
    with pytest.raises(ValueError, match="no output shape"):
        outputs(replace(FLUX, output="song"), result(picture()))


# what it costs


@pytest.mark.parametrize(
    ("units", "microdollars"),
    [("1", 25_000), ("3", 75_000), ("0.5", 12_500), ("0", 0), ("1.00", 25_000), ("0.00001", 1), ("1e1", 250_000)],
)
def test_what_fal_says_it_bills_is_what_it_costs(units, microdollars):
    assert cost(FLUX, result(picture(), picture()), units) == microdollars


@pytest.mark.parametrize(
    "units",
    [None, "", "abc", "-1", "1e99", "1e-9999999999999999999", "NaN", "sNaN", "Infinity", "1,5", "9" * 5000, "10001"],
)
def test_units_that_cannot_be_are_counted_instead(units):
    assert cost(FLUX, result(picture(), picture()), units) == 50_000
    assert cost(BANANA, {"images": [picture(), picture()]}, units) == 79_600


@pytest.mark.parametrize(
    ("sides", "megapixels"),
    [
        ('"width": 1024, "height": 1024', 1),
        ('"width": 1025, "height": 1024', 2),
        ('"width": 2048, "height": 2048.0', 4),
        ('"width": 64, "height": 64', 1),
        ('"width": 4096', 1),
        ('"width": null, "height": null', 1),
        ('"width": NaN, "height": NaN', 1),
        ('"width": Infinity, "height": 4096', 1),
        ('"width": 1e400, "height": 4096', 1),
        ('"width": -4096, "height": -4096', 1),
        ('"width": 0, "height": 4096', 1),
        ('"width": "4096", "height": "4096"', 1),
        ('"width": true, "height": 4096', 1),
        ('"width": 999999999999999999999999, "height": 4096', 1),
        ('"width": [4096], "height": {}', 1),
    ],
)
def test_begun_megapixels_are_counted_and_sizes_that_cannot_be_are_one(sides, megapixels):
    payload = json.loads(f'{{"images": [{{"url": "https://a", {sides}}}]}}')

    assert cost(FLUX, payload, None) == megapixels * 25_000
    assert cost(BANANA, payload, None) == 39_800


def test_an_empty_result_was_billed_as_it_was_asked_for():
    assert cost(FLUX, result(), None) == FLUX.pictures * 25_000
    assert cost(BANANA, {"images": []}, None) == BANANA.pictures * 39_800


def test_each_of_many_pictures_costs_and_a_flood_is_bounded():
    assert cost(FLUX, result(*[picture()] * 100), None) == 2_500_000
    assert cost(BANANA, {"images": [{}] * (MOST_UNITS + 1)}, None) == MOST_UNITS * 39_800


def test_every_size_that_we_ask_for_is_one_megapixel():
    for word in SIZES.values():
        width, height = fal_models.IMAGE_SIZES[word]
        assert cost(FLUX, result(picture(width=width, height=height)), None) == 25_000


def test_it_loads_neither_the_client_nor_what_only_workers_need():
    script = "import sys, worker.providers.fal_shapes; print({'fal_client', 'PIL', 'httpx2'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
