"""Finishing a picture of 1024 x 1024 (check, mark, metadata, thumbnail) beside Pillow's bare decode and encode."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from io import BytesIO

from PIL import Image, ImageFilter

from bench.common import Call, Cell, Sample, command, compare, timed
from worker.images import JPEG_QUALITY, PNG_LEVEL, THUMBNAIL_QUALITY, Facts, finish
from worker.providers.painting import paint

TITLE = __doc__
SIDE = 1024
FACTS = Facts("Easel", 1, "demo", datetime(2026, 11, 20, tzinfo=UTC))
SAVING: dict[str, dict[str, int]] = {"JPEG": {"quality": JPEG_QUALITY}, "PNG": {"compress_level": PNG_LEVEL}}


@dataclass(frozen=True)
class Size:
    """How much is measured; seconds are those of each sample."""

    rounds: int
    seconds: float


FULL = Size(rounds=7, seconds=2)
QUICK = Size(rounds=3, seconds=0.4)


def main(quick: bool) -> None:
    """Prints one table; a ratio of 0.77 means 1.3 times as long."""
    size = QUICK if quick else FULL
    cells: dict[str, Cell] = {f"{kind} to {kind}": partial(_finishing, kind, size.seconds) for kind in SAVING}
    cells["WEBP to JPEG"] = partial(_finishing, "WEBP", size.seconds)
    cells["painting a sketch"] = partial(_painting, size.seconds)
    compare(cells, size.rounds)


def _finishing(kind: str, seconds: float) -> dict[str, Sample]:
    content = _photo(kind)
    ways: dict[str, Call] = {
        "decode and encode": partial(_bare, content, is_thumbnail_made=False),
        "and a thumbnail": partial(_bare, content, is_thumbnail_made=True),
        "finish": partial(finish, content, FACTS),
    }
    return {name: timed(itertools.repeat(call), seconds) for name, call in ways.items()}


def _painting(seconds: float) -> dict[str, Sample]:
    calls = (partial(paint, "a fox in the snow", "demo", seed, None) for seed in itertools.count())
    return {"paint": timed(calls, seconds)}


def _bare(content: bytes, *, is_thumbnail_made: bool) -> None:
    """The least that any way through Pillow has to do."""
    image = Image.open(BytesIO(content))
    image.load()  # without it, saving copies all pixels first
    kind = image.format if image.format in SAVING else "JPEG"
    image.save(BytesIO(), kind, **SAVING[kind])
    if is_thumbnail_made:
        image.reduce(2).save(BytesIO(), "JPEG", quality=THUMBNAIL_QUALITY)


@cache
def _photo(kind: str) -> bytes:
    """As large in bytes as a photograph: smooth, with fine detail on it."""
    smooth, fine = (Image.effect_noise((SIDE, SIDE), 60).filter(ImageFilter.GaussianBlur(by)) for by in (30, 1.2))
    layers = [Image.blend(smooth.rotate(90 * number), fine.rotate(90 * number), 0.35) for number in range(3)]
    kept = BytesIO()
    Image.merge("RGB", layers).save(kept, kind, quality=JPEG_QUALITY)
    return kept.getvalue()


if __name__ == "__main__":
    command(main, TITLE)
