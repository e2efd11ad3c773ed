"""The strokes that the sketches are made of: skies, ridges, water and light, smooth at their edges."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Self

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Line = Callable[[float], float]
"""How far down it runs, for how far across: both as shares of the picture."""

DARK = 150
STEP = 4
"""Pixels between two points of a line."""
GLOW_EDGE = 178
"""What the gradient reaches at the middle of each side."""
GLOW = Image.radial_gradient("L").point(lambda far: round(255 * max(0, 1 - far / GLOW_EDGE) ** 2))


class Palette(NamedTuple):
    """The sky from top to foot, the light in it, the farthest and the nearest ridge."""

    top: Colour
    middle: Colour
    foot: Colour
    light: Colour
    far: Colour
    near: Colour

    @property
    def is_night(self) -> bool:
        """Dark and blue enough for stars."""
        return sum(self.top) < DARK and max(self.top) == self.top[2]

    @classmethod
    def read(cls, codes: str) -> Self:
        """Six colours as hexadecimal numbers."""
        return cls(*(_colour(code) for code in codes.split()))


@dataclass(frozen=True)
class Canvas:
    """What a scene is painted on, with what, and the dice; places are shares of its width and height."""

    picture: Image.Image
    palette: Palette
    chance: Random


def sky(canvas: Canvas, across: float, down: float) -> None:
    """Fills the picture: the gradient, stars where it is dark, streaks of cloud, and the light at that place."""
    picture, palette, chance = canvas.picture, canvas.palette, canvas.chance
    picture.paste(_gradient(picture.size, (palette.top, palette.middle, palette.foot, palette.foot)))
    if palette.is_night:
        _stars(canvas)
    side, centre = min(picture.size), (across * picture.width, down * picture.height)
    for radius, strength in ((0.9, 0.4), (0.3, 0.5)):
        glow = GLOW.point(lambda light, strength=strength: light * strength).resize((round(2 * radius * side),) * 2)
        _place(picture, palette.light, centre, glow)
    disc = Image.new("L", (round(side * chance.uniform(0.09, 0.17)) * 4,) * 2)
    ImageDraw.Draw(disc).ellipse((4, 4, disc.width - 4, disc.width - 4), fill=250)
    _place(picture, palette.light, centre, disc.reduce(4))
    _clouds(canvas)


def _stars(canvas: Canvas) -> None:
    picture, chance = canvas.picture, canvas.chance
    dot = Image.new("L", (3, 3), 40)
    dot.putpixel((1, 1), 255)
    for _ in range(170):
        place = (chance.random() * picture.width, chance.random() ** 1.4 * picture.height * 0.6)
        brightness = chance.random() ** 1.2
        _place(picture, canvas.palette.light, place, dot.point(lambda light, by=brightness: light * by))


def _clouds(canvas: Canvas) -> None:
    """Long streaks with soft ends; painted small, because blurring costs."""
    chance, size = canvas.chance, (canvas.picture.width // 4, canvas.picture.height // 4)
    mask = Image.new("L", size)
    for _ in range(chance.randint(3, 7)):
        x, y = chance.random() * size[0], chance.uniform(0.06, 0.42) * size[1]
        for _ in range(7):
            long, thick = chance.uniform(0.04, 0.17) * size[0], chance.uniform(0.6, 2.4)
            ImageDraw.Draw(mask).ellipse((x - long, y - thick, x + long, y + thick), fill=chance.randint(30, 110))
            x, y = x + chance.uniform(-0.09, 0.09) * size[0], y + chance.uniform(-3, 3)
    colour = mix(canvas.palette.foot, canvas.palette.light, 0.6)
    soft = mask.filter(ImageFilter.GaussianBlur((9, 1.1))).resize(canvas.picture.size, Image.Resampling.BICUBIC)
    canvas.picture.paste(colour, (0, 0), soft)


def glitter(canvas: Canvas, across: float, horizon: float) -> None:
    width, height, chance = *canvas.picture.size, canvas.chance
    top = round(horizon * height)
    mask = Image.new("L", (width * 2, (height - top) * 4))
    for _ in range(190):
        down = chance.random() ** 1.5
        middle = 2 * width * (across + chance.gauss(0, 0.012 + 0.05 * down))
        long, thick = 2 * width * chance.uniform(0.004, 0.012 + 0.03 * down), chance.uniform(1.5, 3 + 7 * down)
        y = 3 + down * mask.height * 0.8
        box = (middle - long, y - thick, middle + long, y + thick)
        ImageDraw.Draw(mask).ellipse(box, fill=round(chance.uniform(0.35, 0.95) * 255 * (1 - 0.8 * down)))
    canvas.picture.paste(canvas.palette.light, (0, top), mask.reduce((2, 4)))


def fill(canvas: Canvas, line: Line, colours: Sequence[Colour], opacity: float = 1) -> None:
    """Everything below the line, from the first colour at its top to the last at the picture's foot."""
    width, height = canvas.picture.size
    ys = [line(x / width) * height for x in range(0, width + STEP, STEP)]
    top = max(0, math.floor(min(ys)))
    if top >= height:
        return
    # Four rows to a pixel and two columns: lines that lie flat show their steps most.
    mask = Image.new("L", (width * 2, (height - top) * 4))
    edge: list[tuple[float, float]] = [(2 * STEP * number, 4 * (y - top)) for number, y in enumerate(ys)]
    foot: list[tuple[float, float]] = [(mask.width + 2 * STEP, mask.height), (0, mask.height)]
    ImageDraw.Draw(mask).polygon(edge + foot, fill=round(255 * opacity))
    canvas.picture.paste(_gradient((width, height - top), colours), (0, top), mask.reduce((2, 4)))


def firs(canvas: Canvas, line: Line, colour: Colour) -> None:
    """A few groves of them, standing on a line that is still to be filled."""
    (width, height), chance = canvas.picture.size, canvas.chance
    mask = Image.new("L", (width * 2, height * 2))
    draw = ImageDraw.Draw(mask)
    for _ in range(chance.randint(2, 4)):
        grove = chance.random()
        for _ in range(chance.randint(6, 16)):
            x, tall = grove + chance.gauss(0, 0.06), chance.uniform(0.035, 0.1) * height * 2
            middle, foot = x * width * 2, line(x) * height * 2 + 8
            for tier in range(5):
                tip, wide = foot - tall * (1 - tier * 0.18), tall * (0.07 + 0.035 * tier)
                draw.polygon([(middle, tip), (middle - wide, tip + tall * 0.3), (middle + wide, tip + tall * 0.3)], 255)
    canvas.picture.paste(colour, (0, 0), mask.reduce(2))


def ridge(chance: Random, height: float, swing: float, is_steep: bool) -> Line:
    waves = [(chance.uniform(1.2, 2) * 2**octave, chance.random(), swing / 1.9**octave) for octave in range(6)]
    if not is_steep:
        return lambda x: (
            height + sum(much / 2 * math.sin(math.tau * (often * x + phase)) for often, phase, much in waves[:4])
        )
    return lambda x: (
        height + sum(much * (abs(math.sin(math.pi * (often * x + phase))) - 0.6) for often, phase, much in waves)
    )


def swell(chance: Random, height: float, swing: float, often: float) -> Line:
    waves = [
        (often * 1.7**octave * chance.uniform(0.7, 1.1), chance.random(), swing / 2**octave) for octave in range(3)
    ]
    return lambda x: height + sum(much * math.sin(math.tau * (often * x + phase)) for often, phase, much in waves)


def headland(chance: Random, horizon: float) -> Line:
    middle, wide, tall = (
        chance.choice((chance.uniform(-0.1, 0.25), chance.uniform(0.75, 1.1))),
        chance.uniform(0.15, 0.35),
        chance.uniform(0.03, 0.1),
    )
    rough = ridge(chance, 0, 0.02, False)
    return lambda x: horizon - max(0, tall + rough(x)) * max(0, 1 - ((x - middle) / wide) ** 2)


def _gradient(size: tuple[int, int], colours: Sequence[Colour]) -> Image.Image:
    column, parts = Image.new("RGB", (1, size[1])), len(colours) - 1
    places = [row / size[1] * parts for row in range(size[1])]
    column.putdata([mix(colours[int(place)], colours[int(place) + 1], place % 1) for place in places])
    return column.resize(size, Image.Resampling.NEAREST)


def _place(picture: Image.Image, colour: Colour, centre: tuple[float, float], mask: Image.Image) -> None:
    picture.paste(colour, (round(centre[0] - mask.width / 2), round(centre[1] - mask.height / 2)), mask)


def _colour(code: str) -> Colour:
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(here + (there - here) * share) for here, there in zip(one, other, strict=True))
    return red, green, blue
