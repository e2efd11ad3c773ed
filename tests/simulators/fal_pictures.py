"""The files behind the results: painted when they are first asked for, or spoilt as a mishap says."""

import asyncio
import zlib
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageOps

from tests.simulators import fal_errors, fal_models
from tests.simulators.fal_http import Answer
from tests.simulators.fal_state import Job, State
from worker.providers.painting import SIZES, paint

plain_size = (256, 256)
HUGE = 25_000_000
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><script>alert(1)</script></svg>'
GONE = fal_errors.sentence(404, "File not found")
AWAY = Answer(302, b"", "text/plain", (("Location", "http://169.254.169.254/"),))
FIXED = {
    "file-404": GONE,
    "redirect": AWAY,
    "svg": Answer(200, SVG, "image/svg+xml"),
    "html": Answer(200, fal_errors.PAGE, "text/html"),
    "zero-bytes": Answer(200, b"", "image/jpeg"),
}


async def picture(state: State, job: Job, name: str) -> Answer:
    """The file of this name, which ends in its format."""
    fixed = next((FIXED[mishap] for mishap in job.mishaps if mishap in FIXED), None)
    if fixed:
        return fixed
    content, media, headers = await asyncio.to_thread(_content, state, job, name)
    drips = "body" if job.has("drip-file") else ""
    return Answer(200, content, media, headers, drips=drips, is_cut=job.has("cut-file"))


@lru_cache
def plain(kind: str) -> bytes:
    """The one small picture in this format."""
    return _encoded(Image.linear_gradient("L").convert("RGB").resize(plain_size), kind)


def _content(state: State, job: Job, name: str) -> tuple[bytes, str, tuple[tuple[str, str], ...]]:
    variant, _, kind = name.rpartition(".")
    if job.has("bomb"):
        return _bomb(), "image/png", ()
    if job.has("gzip-bomb"):
        return _gzip_bomb(), f"image/{kind}", (("Content-Encoding", "gzip"),)
    size = plain_size if state.is_plain else fal_models.size(job.endpoint, job.arguments)
    if job.has("flagged") or job.has("black"):
        content = _flat(size, "black", kind)
    elif job.has("blank"):
        content = _flat(size, "grey", kind)
    elif state.is_plain:
        content = plain(kind)
    else:
        content = _painted(job.arguments["prompt"], job.endpoint, f"{job.seed}{variant}", size, kind)
    if job.has("truncated"):
        content = content[: len(content) // 2]
    if job.has("huge"):
        content = content.ljust(HUGE, b"\0")
    return content, f"image/{kind}", ()


@lru_cache(maxsize=32)
def _painted(prompt: str, endpoint: str, seed: str, size: tuple[int, int], kind: str) -> bytes:
    nearest = min(SIZES, key=lambda name: abs(SIZES[name][0] / SIZES[name][1] - size[0] / size[1]))
    content = paint(prompt, endpoint, zlib.crc32(seed.encode()), nearest)
    return _encoded(ImageOps.fit(Image.open(BytesIO(content)), size), kind)


def _flat(size: tuple[int, int], colour: str, kind: str) -> bytes:
    return _encoded(Image.new("RGB", size, colour), kind)


def _encoded(image: Image.Image, kind: str) -> bytes:
    kept = BytesIO()
    image.save(kept, kind.upper(), quality=90)
    return kept.getvalue()


@lru_cache
def _bomb() -> bytes:
    kept = BytesIO()
    Image.new("1", (12_000, 12_000)).save(kept, "PNG")
    return kept.getvalue()


@lru_cache
def _gzip_bomb() -> bytes:
    squeezed = zlib.compressobj(wbits=31)
    return b"".join([squeezed.compress(bytes(1_000_000)) for _ in range(200)] + [squeezed.flush()])
