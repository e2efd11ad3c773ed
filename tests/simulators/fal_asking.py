"""How the simulator's own tests ask it, and wait for what it does by itself."""

import time
from collections.abc import Callable
from typing import Any

import httpx2

from tests.simulators import fal_log
from tests.simulators.fal_process import FalSimulator

FLUX, BANANA = "fal-ai/flux/dev", "fal-ai/nano-banana"


def until(happened: Callable[[], Any], seconds: float = 15) -> Any:
    """Wait for it, and give what it gives."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def post(
    http: httpx2.Client, fal: FalSimulator, prompt: str, endpoint: str = FLUX, webhook: str | None = None, **more: Any
) -> httpx2.Response:
    """The answer to one submit."""
    query = {"fal_webhook": webhook} if webhook else {}
    return http.post(f"{fal.url}/{endpoint}", params=query, json={"prompt": prompt, **more})


def ended(http: httpx2.Client, fal: FalSimulator, prompt: str, **more: Any) -> dict[str, str]:
    """The id and the addresses of a request that came to its end."""
    urls: dict[str, str] = post(http, fal, prompt, **more).json()
    until(lambda: http.get(urls["status_url"]).json()["status"] == "COMPLETED")
    return urls


def picture_url(http: httpx2.Client, fal: FalSimulator, prompt: str) -> str:
    """Where the picture of this prompt is."""
    result = http.get(ended(http, fal, prompt)["response_url"]).json()
    return str(result["images"][0]["url"])


def submitted(fal: FalSimulator, prompt: str) -> list[dict[str, Any]]:
    """What the log has about the posts of this prompt."""
    return fal_log.by_prompt(fal_log.submissions(fal.log)).get(prompt, [])
