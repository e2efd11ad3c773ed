"""Paints a landscape that follows from prompt, seed and model alone, and writes the prompt and "demo" on it."""

import re
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from random import Random

from PIL import Image

from worker.providers.caption import caption
from worker.providers.strokes import Canvas, Line, Palette, fill, firs, glitter, headland, mix, ridge, sky, swell

SQUARE = (1024, 1024)
SIZES = {"1:1": SQUARE, "4:3": (1152, 864), "3:4": (864, 1152), "16:9": (1344, 756), "9:16": (756, 1344)}

# In the order of Palette.
PALETTES = (
    "2b2d6e 9a5f9e ffc38a fff1c9 8a6a9c 1d1b3a",  # plum evening
    "0f4c75 58a4b0 f6e7cb fffbe8 7fa8a8 123a3f",  # sea morning
    "f08a5d f9b384 fff0d4 ffffff c9707a 4a2040",  # apricot
    "0b132b 1c2f5a 5b6c9e f4f1de 33456f 060a18",  # clear night
    "5f0f40 c8553d ffba6b ffe8b6 9a3b4a 260a24",  # red desert
    "7fc8d8 c6e6e0 fff6e0 ffffff 8fbfa5 1f4d3f",  # spring
    "355c7d 8d7a9e f8b195 ffe9d2 6c6a94 232b4a",  # rose dusk
    "10303c 2a7f7a b8e0b0 f7ffe5 3f8f86 07211f",  # northern green
    "264653 6fa39a f4d58d fff3cf 7d9a86 1b2f33",  # brass
    "3d2c5e 7768ae e0b1cb ffe5ec 7a6aa6 1c1433",  # lilac
    "1b3a5c 3d7ea6 bfe3ee ffffff 5f97b5 0c2036",  # winter noon
    "070b24 1f2460 6a4c93 ffe8c9 3b3a6b 05061a",  # violet night
    "42210b a5582a f3c77a fff0c4 a8683c 241006",  # amber
)


def paint(prompt: str, model_id: str, seed: int, size: str | None) -> bytes:
    """A JPEG of about a megapixel; sizes that are not known become a square. The same again for the same arguments."""
    chance = Random(sha256(repr((prompt, model_id, seed)).encode()).digest())  # noqa: S311
    words = set(re.findall(r"\w+", prompt.lower()))
    palette = _palette(words, chance)
    canvas = Canvas(Image.new("RGB", SIZES.get(size or "", SQUARE)), palette, chance)
    fitting = [scene for scene, hints in HINTS.items() if words.intersection(hints)]
    chance.choice(fitting or list(HINTS))(canvas)
    caption(canvas.picture, prompt)
    kept = BytesIO()
    canvas.picture.save(kept, "JPEG", quality=90)
    return kept.getvalue()


def _palette(words: set[str], chance: Random) -> Palette:
    every = [Palette.read(codes) for codes in PALETTES]
    return chance.choice([one for one in every if one.is_night or not words.intersection(NIGHT)])


def _hills(canvas: Canvas) -> None:
    """Ridges behind ridges, each darker than the one before, with mist between them and firs on the last."""
    chance, palette = canvas.chance, canvas.palette
    sky(canvas, chance.uniform(0.2, 0.8), chance.uniform(0.22, 0.42))
    count, is_steep = chance.randint(5, 7), chance.random() < 0.6
    for number in range(count):
        share = number / (count - 1)
        colour = mix(mix(palette.far, palette.foot, 0.45), palette.near, share**0.9)
        line = ridge(chance, 0.46 + 0.36 * share, 0.16 - 0.09 * share, is_steep and share < 0.7)
        if number == count - 1:
            firs(canvas, line, colour)
        fill(canvas, line, (colour, mix(colour, palette.foot, 0.5 * (1 - share))))


def _sea(canvas: Canvas) -> None:
    """A low light over water, its path of glitter, a headland or two, and long waves in front."""
    chance, palette = canvas.chance, canvas.palette
    across, horizon = chance.uniform(0.3, 0.7), chance.uniform(0.5, 0.6)
    sky(canvas, across, horizon - chance.uniform(0.05, 0.2))
    for number in range(chance.randint(1, 3)):
        fill(canvas, headland(chance, horizon), (mix(palette.far, palette.foot, 0.5 - 0.2 * number),) * 2)
    fill(canvas, lambda _: horizon, (mix(palette.foot, palette.far, 0.3), palette.far, palette.near))
    glitter(canvas, across, horizon)
    for number in range(5):
        share = (number + 1) / 5
        colour = mix(mix(palette.far, palette.near, 0.3 + 0.6 * share), palette.foot, 0.15)
        line = swell(chance, horizon + 0.05 + 0.34 * share**1.3, 0.003 + 0.011 * share, 2.5)
        fill(canvas, line, (colour, palette.near), 0.5)


def _dunes(canvas: Canvas) -> None:
    """Long crests, lit along the edge and falling into shade."""
    chance, palette = canvas.chance, canvas.palette
    sky(canvas, chance.uniform(0.2, 0.8), chance.uniform(0.18, 0.4))
    for number in range(6):
        share = number / 5
        lit = mix(mix(palette.foot, palette.far, 0.3 + 0.6 * share), palette.near, 0.3 * share)
        shade = mix(palette.far, palette.near, 0.3 + 0.65 * share)
        line = swell(chance, 0.5 + 0.36 * share, 0.025 + 0.045 * share, 1)
        fill(canvas, line, (mix(lit, palette.light, 0.25), mix(lit, shade, 0.6), shade, shade))


def _silk(canvas: Canvas) -> None:
    """Sheets of colour that flow one over the other."""
    chance, palette = canvas.chance, canvas.palette
    sky(canvas, chance.uniform(0.3, 0.7), chance.uniform(0.08, 0.2))
    slope, depth = chance.uniform(-0.4, 0.4), (palette.foot, palette.middle, palette.far, palette.top, palette.near)
    for number in range(10):
        place = number / 10 * (len(depth) - 1)
        colour = mix(depth[int(place)], depth[int(place) + 1], place % 1)
        line = _leaning(swell(chance, 0.26 + 0.07 * number, 0.07, 1), slope)
        sheet = (mix(colour, palette.light, 0.4), colour, mix(colour, palette.near, 0.4))
        fill(canvas, line, sheet, 0.85)


def _leaning(line: Line, slope: float) -> Line:
    return lambda x: line(x) + slope * (x - 0.5)


NIGHT = ("night", "midnight", "moon", "moonlight", "star", "stars", "space", "galaxy")
HINTS: dict[Callable[[Canvas], None], tuple[str, ...]] = {
    _hills: ("mountain", "mountains", "hills", "forest", "tree", "snow", "castle", "dragon", "village", "fox"),
    _sea: ("sea", "ocean", "waves", "beach", "water", "lake", "boat", "ship", "fish", "whale", "island", "lighthouse"),
    _dunes: ("desert", "sand", "dunes", "camel", "mars", "pyramid", "canyon"),
    _silk: ("abstract", "dream", "music", "colour", "color", "silk", "portrait", "logo", "pattern"),
}
