"""The band at a sketch's foot: the prompt, as far as the font knows its letters, and the word "demo"."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

LINES = 2
MOST_CHARACTERS = 300
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def caption(picture: Image.Image, prompt: str) -> None:
    """The prompt in the lower left over a shade, below the word "demo"; the lower right is for the mark."""
    width, height = picture.size
    size = min(width, height) // 34
    font, margin = ImageFont.load_default(size=size), size * 1.4
    lines = _wrapped(prompt, font, width - 2 * margin)
    shade = Image.linear_gradient("L").point(lambda down: down * 0.66).resize((width, round(size * 7.5)))
    picture.paste((8, 8, 16), (0, height - shade.height), shade)
    draw = ImageDraw.Draw(picture)
    top = height - size * (2.1 + 1.35 * len(lines))
    for number, line in enumerate(lines):
        draw.text((margin, top + number * size * 1.35), line, fill=(255, 255, 255), font=font)
    draw.text(
        (margin, top - size * 1.25), "d e m o", fill=(225, 222, 215), font=ImageFont.load_default(size=size * 0.75)
    )


def _wrapped(prompt: str, font: Font, width: float) -> list[str]:
    """At most LINES lines of what the font can draw of it."""
    known = "".join(char if _is_known(char) else " " for char in prompt[:MOST_CHARACTERS])
    lines = [""]
    for word in known.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    lines = [line for line in lines if line]  # the first is empty when its first word is too long for it
    if len(lines) > LINES:
        lines[LINES - 1 :] = [f"{lines[LINES - 1]} {lines[LINES]}"]
    return [_cut(line, font, width) for line in lines]


def _cut(line: str, font: Font, width: float) -> str:
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(f"{line}\u2026") > width:
        line = line[:-1]
    return f"{line.rstrip()}\u2026"


@lru_cache(maxsize=4096)
def _is_known(char: str) -> bool:
    """The font draws the same box for everything that it does not know."""
    return char.isprintable() and not "\ud800" <= char <= "\udfff" and _drawn(char) != _drawn("\uffff")


def _drawn(char: str) -> bytes:
    return bytes(ImageFont.load_default(size=16).getmask(char))
