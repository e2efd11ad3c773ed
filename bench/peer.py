"""What a peer does for one picture: ask, look once a second, fetch, write it down. Runs in the peers' own environment.

`python -m bench.peer arq|saq work REDIS COUNT URL FOLDER` says ready and draws until it is stopped, COUNT at once;
`python -m bench.peer arq|saq ask REDIS COUNT` prints when it began to ask, and the seconds of CPU that it took.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

LOOK_SECONDS = 1.0
JOB_SECONDS = 120
ENDPOINT = "fal-ai/flux/dev"
HEADERS = {"Authorization": "Key a-key"}

Draw = Callable[[int], Awaitable[None]]


async def main(peer: str, verb: str, redis: str, count: str, *where: str) -> None:
    """One process, as many jobs at once as there are, and no results kept in Redis."""
    if verb == "ask":
        await {"arq": _ask_arq, "saq": _ask_saq}[peer](redis, int(count))
        return
    url, folder = where
    async with aiohttp.ClientSession(raise_for_status=True) as session:

        async def draw(number: int) -> None:
            await _draw(session, url, Path(folder), number)

        print("ready", flush=True)
        await {"arq": _work_arq, "saq": _work_saq}[peer](redis, int(count), draw)


async def _draw(session: aiohttp.ClientSession, url: str, folder: Path, number: int) -> None:
    """Whatever goes wrong ends it: no ledger, no checks, no second try."""
    body = {"prompt": f"a fox in the snow, {number}", "output_format": "jpeg"}
    async with session.post(f"{url}/{ENDPOINT}", json=body, headers=HEADERS) as answer:
        taken = await answer.json()
    status = ""
    while status != "COMPLETED":
        await asyncio.sleep(LOOK_SECONDS)
        async with session.get(taken["status_url"], headers=HEADERS) as answer:
            status = (await answer.json())["status"]
    async with session.get(taken["response_url"], headers=HEADERS) as answer:
        result = await answer.json()
    async with session.get(result["images"][0]["url"]) as answer:
        content = await answer.read()
    folder.joinpath(taken["request_id"]).write_bytes(content)


async def _work_arq(redis: str, count: int, draw: Draw) -> None:
    from arq.connections import RedisSettings
    from arq.worker import Worker, func

    async def job(_: dict[str, Any], number: int) -> None:
        await draw(number)

    worker = Worker(
        [func(job, name="job")],  # type: ignore[arg-type]
        redis_settings=RedisSettings.from_dsn(redis),
        max_jobs=count,
        job_timeout=JOB_SECONDS,
        keep_result=0,
        poll_delay=0.1,  # its 0.5 s would only be waited for
        log_results=False,
    )
    await worker.async_run()


async def _ask_arq(redis: str, count: int) -> None:
    from arq.connections import RedisSettings, create_pool

    pool = await create_pool(RedisSettings.from_dsn(redis))
    await _ask(lambda number: pool.enqueue_job("job", number), count)


async def _work_saq(redis: str, count: int, draw: Draw) -> None:
    from saq import Worker

    async def job(_: Any, *, number: int) -> None:
        await draw(number)

    await Worker(_queue(redis), [("job", job)], concurrency=count).start()


async def _ask_saq(redis: str, count: int) -> None:
    queue = _queue(redis)
    await _ask(lambda number: queue.enqueue("job", number=number, timeout=JOB_SECONDS, ttl=-1), count)


def _queue(redis: str) -> Any:
    from redis.asyncio import Redis
    from saq.queue.redis import RedisQueue

    return RedisQueue(Redis.from_url(redis))  # its own from_url knows no unix sockets


async def _ask(enqueue: Callable[[int], Awaitable[object]], count: int) -> None:
    began, spent = time.time(), time.process_time()
    for number in range(count):
        await enqueue(number)
    print(json.dumps({"began": began, "cpu": time.process_time() - spent}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
