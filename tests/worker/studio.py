"""The whole way of a picture in one process: hints in a list instead of Redis, the real advance, the real watcher."""

import asyncio
from collections import deque
from pathlib import Path

from engine import generations
from engine.database import Database
from engine.generations import Ask
from engine.ports import ImageProvider, MediaStore
from worker.advance import advance
from worker.chores import close_at_provider, delete_media
from worker.media import FolderMedia
from worker.tools import Tools
from worker.watcher import Watcher

PATIENCE = 60


class Hints:
    """A JobQueue that a test empties by itself."""

    def __init__(self):
        self.waiting = deque()
        self.woken = []

    def hint(self, step, generation_id, number):
        self.waiting.append(generation_id)

    def wake(self, account_id):
        self.woken.append(account_id)

    def backlog(self, step):
        return 0


class Studio:
    """One database, one provider, one media folder."""

    def __init__(self, database: Database, provider: ImageProvider, folder: Path, media: MediaStore | None = None):
        self.database = database
        self.folder = folder
        self.hints = database.queue = Hints()
        self.media = media or FolderMedia(folder, b"secret", "http://127.0.0.1")
        self.tools = Tools(database, {provider.name: provider}, self.media)

    def ask(self, account_id, prompt="a fox in the snow", key=None, model="flux-dev", **more):
        ask = Ask(account_id, "telegram", key or f"{prompt}:{model}", model, prompt, address="chat:1", **more)
        return self.database.run(lambda work: generations.request(work, ask))

    def see(self, generation):
        with self.database.read() as work:
            return generations.get(work, generation.id)

    def run(self, *asked):
        """Work until all of these have ended; returns how they did."""
        asyncio.run(self._run(asked))
        return [self.see(generation) for generation in asked]

    async def _run(self, asked):
        stop = asyncio.Event()
        jobs = {"close_at_provider": close_at_provider, "delete_media": delete_media}
        watching = asyncio.create_task(Watcher(self.tools, jobs, lambda: None).run(stop))
        try:
            async with asyncio.timeout(PATIENCE):
                while any(self.see(generation).is_open for generation in asked) or self._owes_tasks():
                    await self._take_up()
                    await asyncio.sleep(0.02)
        finally:
            stop.set()
            await watching

    async def _take_up(self):
        while self.hints.waiting:
            await asyncio.to_thread(advance, self.tools, self.hints.waiting.popleft())

    def _owes_tasks(self):
        with self.database.read() as work:
            return work.connection.exec_driver_sql("SELECT COUNT(*) FROM tasks").scalar_one() > 0

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
