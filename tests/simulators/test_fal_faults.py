"""What the simulated fal spoils after the submit, what chance chooses, what it publishes, how it begins and ends."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from io import BytesIO

import httpx2
import pytest
from PIL import Image, UnidentifiedImageError

from tests.simulators import fal_log
from tests.simulators.fal_asking import BANANA, FLUX, ended, picture_url, post, submitted, until
from tests.simulators.fal_mishaps import ENDLESS, MISHAPS, PATIENT, chosen
from tests.simulators.fal_models import ENDPOINTS
from tests.simulators.fal_process import ROOT, fal_simulator
from tests.valkey import is_running


def test_a_status_goes_wrong_once_or_always(fal, http):
    def asked(prompt, times=2):
        url = post(http, fal, prompt).json()["status_url"]
        return [http.get(url) for _ in range(times)]

    assert [one.status_code for one in asked("[status-404]")] == [404, 404]
    assert [one.status_code // 100 for one in asked("[status-500-once]")] == [5, 2]
    assert [one.status_code // 100 for one in asked("[status-429-once]")] == [4, 2]
    assert asked("[status-unknown]")[1].json()["status"] == "DREAMING"
    with pytest.raises(ValueError):
        asked("[status-junk]")[1].json()
    (answer,) = asked("[other-request-id]", 1)
    assert answer.json()["request_id"] != submitted(fal, "[other-request-id]")[0]["request"]


def test_a_result_goes_wrong_once_or_always(fal, http):
    urls = {name: ended(http, fal, f"[{name}]")["response_url"] for name in MISHAPS if name.startswith("result-")}

    with pytest.raises(httpx2.RemoteProtocolError):
        http.get(urls["result-drop-once"])
    answers = {name: [http.get(url) for _ in range(2)] for name, url in urls.items()}

    assert {name: [one.status_code for one in both] for name, both in answers.items()} == {
        "result-404": [404, 404],
        "result-500": [500, 500],
        "result-500-once": [500, 200],
        "result-html": [200, 200],
        "result-drop-once": [200, 200],
    }
    assert answers["result-html"][0].headers["content-type"] == "text/html"


def test_pictures_that_are_none(fal, http):
    def fetched(name):
        return http.get(picture_url(http, fal, f"[{name}]"))

    assert fetched("file-404").status_code == 404
    assert fetched("redirect").headers["location"] == "http://169.254.169.254/"
    assert fetched("svg").headers["content-type"] == "image/svg+xml"
    assert fetched("html").headers["content-type"] == "text/html"
    assert fetched("zero-bytes").content == b""
    assert len(fetched("huge").content) == 25_000_000
    with pytest.raises(httpx2.RemoteProtocolError):
        fetched("cut-file")
    with pytest.raises((OSError, UnidentifiedImageError)):
        Image.open(BytesIO(fetched("truncated").content)).load()


def test_pictures_that_are_too_much(fal, http):
    bomb = http.get(picture_url(http, fal, "[bomb]")).content
    with http.stream("GET", picture_url(http, fal, "[gzip-bomb]")) as answer:
        raw = b"".join(answer.iter_raw())

    with pytest.warns(Image.DecompressionBombWarning):
        assert Image.open(BytesIO(bomb)).size == (12_000, 12_000)
    assert len(bomb) < 30_000
    assert answer.headers["content-encoding"] == "gzip" and len(raw) < 300_000


@pytest.mark.parametrize(("name", "colour"), [("flagged", 0), ("black", 0), ("blank", 128)])
def test_pictures_with_nothing_on_them(fal, http, name, colour):
    result = http.get(ended(http, fal, f"[{name}]")["response_url"]).json()
    picture = Image.open(BytesIO(http.get(result["images"][0]["url"]).content)).convert("L")

    assert picture.getextrema() == (colour, colour)
    assert result["has_nsfw_concepts"] == [name == "flagged"]


def test_addresses_of_pictures_that_lead_astray(fal, http):
    assert picture_url(http, fal, "[foreign-host]") == "http://169.254.169.254/x.png"
    assert picture_url(http, fal, "[file-url]").startswith("file:///")
    assert picture_url(http, fal, "[data-uri]").startswith("data:image/jpeg;base64,")


def test_a_number_ends_a_mishap_and_a_name_keeps_chance_away():
    always = {"seed": 1, "odds": 1.0, "among": ("black",)}

    assert chosen("a [late:2] fox", 2, **always) == ("late",)
    assert chosen("a [late:2] fox", 3, **always) == ()
    assert chosen("a [fox]", 1, **always) == ("black",)
    assert chosen("[late] [black]", 1, **always) == ("late", "black")


def test_chance_follows_from_seed_prompt_and_count_alone(tmp_path, http):
    def mishaps(name, seed):
        (folder := tmp_path / name).mkdir()
        with fal_simulator(folder, seed=seed, odds=0.5, mishaps="black,huge,late", plain=True) as fal:
            for _ in range(2):
                for number in range(20):
                    post(http, fal, f"a fox {number}")
        return [line["mishap"] for line in fal_log.submissions(fal.log)]

    first = mishaps("first", 1)

    assert set(first) == {None, "black", "huge", "late"} and first[:20] != first[20:]
    assert mishaps("same", 1) == first != mishaps("other", 2)


def test_chance_alone_never_chooses_what_has_no_end():
    struck = {name for count in range(5_000) for name in chosen("a fox", count, 0, 1.0, PATIENT)}

    assert struck == set(MISHAPS) - set(ENDLESS)


def test_while_it_is_down_it_only_closes_connections(fal, http):
    fal.control(down=True)
    with pytest.raises(httpx2.RemoteProtocolError):
        post(http, fal, "while down")
    fal.control(down=False)

    assert post(http, fal, "while up").status_code == 200
    assert submitted(fal, "while down") == []


def test_a_wish_that_nobody_knows_is_refused(fal, http):
    assert http.post(f"{fal.url}/control", json={"mishaps": ["no such thing"]}).status_code == 400
    assert http.post(f"{fal.url}/control", json={"jwks": "away"}).status_code == 400


def test_prices_and_descriptions_are_published(fal, http):
    prices = http.get(f"{fal.url}/v1/models/pricing", params={"endpoint_id": [FLUX, BANANA]})
    described = http.get(f"{fal.url}/openapi.json", params={"endpoint_id": FLUX}).json()

    assert prices.json()["prices"] == [
        {"endpoint_id": FLUX, "unit_price": 0.025, "unit": "megapixels", "currency": "USD"},
        {"endpoint_id": BANANA, "unit_price": 0.0398, "unit": "images", "currency": "USD"},
    ]
    assert httpx2.get(f"{fal.url}/v1/models/pricing", params={"endpoint_id": FLUX}).status_code == 401
    name = described["paths"][f"/{FLUX}"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert described["components"]["schemas"][name.rpartition("/")[2]]["properties"] == ENDPOINTS[FLUX]
    assert http.get(f"{fal.url}/openapi.json", params={"endpoint_id": "fal-ai/other"}).status_code == 404
    assert post(http, fal, "a fox", endpoint="fal-ai/other").status_code == 404


def test_it_speaks_tls_with_an_authority_of_its_own(tmp_path):
    with fal_simulator(tmp_path, tls=tmp_path / "tls", seconds=0.1, plain=True) as fal:
        trusted = ssl.create_default_context(cafile=fal.authority)
        with httpx2.Client(verify=trusted, headers={"Authorization": "Key a"}, trust_env=False) as client:
            answer = client.get(picture_url(client, fal, "a fox"))
            counts = fal.control()

    assert fal.url.startswith("https://") and answer.status_code == 200
    assert counts["microdollars"] == 25_000


@pytest.mark.parametrize("way", ["terminate", "close its input"])
def test_it_ends_when_told_to_and_when_nobody_holds_it(tmp_path, way):
    with fal_simulator(tmp_path) as fal:
        process = fal.process
        process.terminate() if way == "terminate" else process.stdin.close()
        status = process.wait(10)

    assert status == 0


def test_it_ends_with_its_parent_unless_it_is_to_stay(tmp_path):
    # The parent dies at once; /dev/null would end the simulator too, so its input is a pipe that stays open.
    program = (
        "import os, subprocess, sys\n"
        "words = [sys.executable, '-m', 'tests.simulators.fal', '--log', sys.argv[1], *sys.argv[2:]]\n"
        "process = subprocess.Popen(words, stdin=0, stdout=subprocess.PIPE, stderr=2)\n"
        "process.stdout.readline()\n"
        "print(process.pid, flush=True)\n"
        "os._exit(0)\n"
    )

    def orphan(*words):
        held, holding = os.pipe()
        command = [sys.executable, "-c", program, str(tmp_path / "log"), *words]
        said = subprocess.run(command, cwd=ROOT, stdin=held, stdout=subprocess.PIPE, check=True).stdout
        os.close(held)
        return int(said), holding

    left, its_input = orphan()
    until(lambda: not is_running(left))
    os.close(its_input)
    staying, its_input = orphan("--stay")
    os.close(its_input)

    assert is_running(staying)
    os.kill(staying, signal.SIGTERM)
    until(lambda: not is_running(staying))


def test_a_thousand_at_once_are_all_drawn_and_billed_once(fal):
    async def submit_all():
        headers = {"Authorization": "Key a-key"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60, verify=False) as client:
            limit = asyncio.Semaphore(50)

            async def one(number):
                async with limit:
                    answer = await client.post(f"{fal.url}/{FLUX}", json={"prompt": f"thousand {number}"})
                    return answer.json()["request_id"]

            return await asyncio.gather(*map(one, range(1000)))

    fal.control(seconds=2.5)
    ids = asyncio.run(submit_all())
    running = fal.control()
    until(lambda: set(ids) <= set(fal_log.billed_by_request(fal.log)))

    bills = [line["request"] for line in fal_log.read(fal.log, "bill") if line["request"] in set(ids)]
    assert running["queued"] + running["drawing"] > 100
    assert len(bills) == len(set(ids)) == 1000
