"""A finished picture tells what it is and nothing of what came in; what would hurt the worker is never decoded."""

import struct
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageFile
from PIL.PngImagePlugin import PngInfo

from worker.images import BrokenPicture, Facts, finish

FACTS = Facts("Easel & Söhne", 4711, "sketch/demo-1", datetime(2026, 11, 20, 12, 30, tzinfo=UTC))
SECRET = b"Carol lives at 52.5N 13.4E"
MOST_MEGABYTES = 512
WORKER_MEGABYTES = 90
"""What a worker weighs before its first picture, with database and queue."""


def encoded(image, kind, **options):
    kept = BytesIO()
    image.save(kept, kind, **options)
    return kept.getvalue()


def opened(content):
    image = Image.open(BytesIO(content))
    image.load()
    return image


def photo(mode="RGB", size=(640, 480)):
    return Image.linear_gradient("L").resize(size).convert(mode)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width, height, *extra, depth=1, colour=0, body=None):
    """A PNG of any size in a few kB, with chunks of anything."""
    row = bytes((width * depth * {0: 1, 2: 3, 6: 4}[colour] + 7) // 8 + 1)
    packer = zlib.compressobj(9)
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()]) if body is None else body
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (encoded(photo(), "JPEG"), ".jpg"),
        (encoded(photo("L"), "JPEG", progressive=True), ".jpg"),
        (encoded(photo("CMYK"), "JPEG"), ".jpg"),
        (encoded(photo(), "PNG"), ".png"),
        (encoded(photo("P"), "PNG", transparency=3), ".png"),
        (encoded(photo("1"), "PNG"), ".png"),
        (encoded(photo(), "WEBP"), ".jpg"),
        (encoded(photo("RGBA"), "WEBP"), ".jpg"),
        (encoded(Image.new("RGBA", (640, 480), (9, 99, 199, 50)), "WEBP"), ".png"),
    ],
)
def test_each_kind_is_kept_as_the_kind_that_suits_it(content, suffix):
    finished = finish(content, FACTS)
    kept, small = opened(finished.content), opened(finished.thumbnail)

    assert finished.suffix == suffix
    assert finished.content_type == {"JPEG": "image/jpeg", "PNG": "image/png"}[kept.format]
    assert kept.size == (finished.width, finished.height) == (640, 480)
    assert (small.format, small.size) == ("JPEG", (512, 384))


def test_grey_of_sixteen_bits_keeps_its_shades():
    deep = Image.new("I;16", (64, 64), 0x8000)

    assert opened(finish(encoded(deep, "PNG"), FACTS).content).getpixel((0, 0)) == (128, 128, 128)


def test_what_is_see_through_stays_so():
    kept = opened(finish(encoded(Image.new("RGBA", (300, 300), (9, 99, 199, 50)), "PNG"), FACTS).content)

    assert kept.getpixel((0, 0)) == (9, 99, 199, 50)


def test_a_small_picture_is_not_enlarged_for_its_thumbnail():
    assert opened(finish(encoded(photo(size=(200, 100)), "JPEG"), FACTS).thumbnail).size == (200, 100)


@pytest.mark.parametrize("content", [encoded(photo(), kind) for kind in ("JPEG", "PNG", "WEBP")])
def test_metadata_says_who_made_it_when_and_that_no_person_did(content):
    finished = finish(content, FACTS)

    for kept in (finished.content, finished.thumbnail):
        exif = opened(kept).getexif()
        assert b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia" in kept
        assert b'dc:identifier="4711"' in kept
        assert 'xmp:CreatorTool="Easel &amp; Söhne"'.encode() in kept
        assert b'xmp:CreateDate="2026-11-20T12:30:00Z"' in kept
        assert exif[0x010E] == "AI generated with sketch/demo-1"
        assert exif[0x0132] == "2026:11:20 12:30:00"
        assert exif.get_ifd(0x8769)[0xA420] == "4711"


def test_a_png_tells_it_in_texts_as_well():
    texts = opened(finish(encoded(photo(), "PNG"), FACTS).content).text

    assert texts["Software"] == "Easel & Söhne"
    assert texts["Description"] == "AI generated"
    assert (texts["Source"], texts["Generation"]) == ("sketch/demo-1", "4711")


def told(kind):
    """A picture that tells its maker's secret wherever its kind can."""
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    options = {"exif": exif, "icc_profile": SECRET}
    if kind == "PNG":
        texts = PngInfo()
        texts.add_text("Comment", SECRET.decode())
        texts.add_text("Comment", SECRET.decode() * 100, zip=True)
        options["pnginfo"] = texts
    else:
        options["xmp"] = SECRET
    if kind == "JPEG":
        options["comment"] = SECRET
    return encoded(photo(), kind, **options) + SECRET


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_that_came_with_the_pixels_survives(kind):
    content = told(kind)
    finished = finish(content, FACTS)

    assert SECRET in content
    for kept in (finished.content, finished.thumbnail):
        assert SECRET not in kept
        assert not {"icc_profile", "comment", "Comment"} & opened(kept).info.keys()


@pytest.mark.parametrize("colour", ["white", "black", "gray", "red"])
def test_the_mark_is_in_the_corner_and_can_be_read_on_anything(colour):
    plain = Image.new("RGB", (800, 600), colour)
    changed = ImageChops.difference(plain, opened(finish(encoded(plain, "PNG"), FACTS).content))

    left, top, right, bottom = changed.getbbox()
    assert left > 400 and top > 540
    assert right <= 800 and bottom <= 600
    assert max(high for _, high in changed.getextrema()) > 90


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (40, 40), (8192, 1)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_no_picture_is_too_small_for_the_mark(size, mode):
    finished = finish(encoded(Image.new(mode, size, (10, 20, 30, 40)[: len(mode)]), "PNG"), FACTS)

    assert opened(finished.content).size == size


def test_a_name_may_be_written_in_any_script():
    facts = Facts("画架\u0000 😀", 1, "m", datetime(2026, 11, 20, tzinfo=UTC))

    assert finish(encoded(photo(), "JPEG"), facts).width == 640


def animated(kind):
    return encoded(photo(), kind, save_all=True, append_images=[photo().rotate(90)], duration=100)


def webp_of(width, height):
    """A WEBP whose header claims a size."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x30\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + size + bytes(40)


def multi_picture_jpeg():
    return encoded(photo(), "MPO", save_all=True, append_images=[photo()])


JPEG, PNG, WEBP = (encoded(photo(), kind) for kind in ("JPEG", "PNG", "WEBP"))
TEXT_BOMB = zlib.compress(bytes(30_000_000), 9)
BOMBS = {
    "12,000 x 12,000": png(12_000, 12_000),
    "9,000 x 9,000, of which nobody warns": png(9_000, 9_000),
    "20,000 x 20,000": png(20_000, 20_000),
    "4,000,000,000 x 1": png(4_000_000_000, 1, body=b""),
    "a WEBP of 16,383 x 16,383": webp_of(16_383, 16_383),
    "a JPEG of 65,000 x 65,000": JPEG.replace(struct.pack(">HH", 480, 640), struct.pack(">HH", 65_000, 65_000)),
    "a JPEG of 10,000 x 10,000": JPEG.replace(struct.pack(">HH", 480, 640), struct.pack(">HH", 10_000, 10_000)),
    "a JPEG of ten thousand scans": JPEG[:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00" * 10_000 + b"\xff\xd9",
}
BROKEN = {
    "nothing": b"",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "HTML": b"<!doctype html><title>504 Gateway Time-out</title>",
    "GIF": encoded(photo("P"), "GIF"),
    "TIFF": encoded(photo(), "TIFF"),
    "BMP": encoded(photo(), "BMP"),
    "animated PNG": animated("PNG"),
    "animated WEBP": animated("WEBP"),
    "several JPEGs in one": multi_picture_jpeg(),
    "half a JPEG": JPEG[: len(JPEG) // 2],
    "half a PNG": PNG[: len(PNG) // 2],
    "a PNG without its end": PNG[:-12],
    "half a WEBP": WEBP[: len(WEBP) // 2],
    "the start of a PNG": PNG[:8],
    "the start of a JPEG": JPEG[:3],
    "the start of a WEBP": WEBP[:12],
    "a PNG without pixels": png(10, 10, body=b""),
    "a PNG with too few pixels": png(100, 100, body=zlib.compress(bytes(50))),
    "a PNG without a header": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
    "a PNG with an empty header": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"") + chunk(b"IEND", b""),
    "a PNG of a second header": png(10, 10, chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0))),
    "a PNG of no width": png(0, 10),
    "noise after a JPEG's start": b"\xff\xd8\xff" + bytes(range(256)) * 10,
}


@pytest.mark.parametrize("what", BROKEN | BOMBS)
def test_it_is_refused(what):
    with pytest.raises(BrokenPicture):
        finish((BROKEN | BOMBS)[what], FACTS)


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP", b"eXIf"])
def test_a_bomb_in_a_png_beside_its_pixels_is_cut_off_unread(name):
    start = {b"iTXt": b"Comment\0\1\0\0\0"}.get(name, b"Comment\0\0")

    assert finish(png(64, 64, chunk(name, start + TEXT_BOMB)), FACTS).width == 64


LARGEST = {
    "bit.png": lambda: png(5_000, 5_000),
    "deep.png": lambda: png(5_000, 5_000, depth=16),
    "see_through.png": lambda: png(5_000, 5_000, depth=16, colour=6),
    "texts.png": lambda: png(64, 64, *[chunk(b"zTXt", b"Comment\0\0" + TEXT_BOMB)] * 60),
    "progressive.jpg": lambda: encoded(noise((5_000, 5_000), 4), "JPEG", quality=8, progressive=True, subsampling=0),
    "see_through.webp": lambda: encoded(noise((4_096, 4_096), 4, "RGBA"), "WEBP", quality=1, alpha_quality=60),
    "empty.webp": lambda: encoded(Image.new("RGBA", (4_096, 4_096), (1, 2, 3, 4)), "WEBP", lossless=True),
}

MEASURE = """
import re, sys, warnings
from datetime import UTC, datetime
from pathlib import Path
from worker.images import BrokenPicture, Facts, finish
warnings.simplefilter("ignore")
content = Path(sys.argv[1]).read_bytes()
try:
    finish(content, Facts("Easel", 1, "m", datetime.now(UTC)))
except BrokenPicture as error:
    print(error, file=sys.stderr)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def noise(size, bands, mode="CMYK"):
    one = Image.effect_noise(size, 90)
    return Image.merge(mode, [one.rotate(90 * number) for number in range(bands)])


def peak(folder, content):
    """The most memory in MB that a process of its own had while it finished the picture.

    Asked of the kernel: getrusage would begin with what the parent had.
    """
    file = folder / "picture"
    file.write_bytes(content)
    run = subprocess.run([sys.executable, "-c", MEASURE, file], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_costs_the_worker_next_to_nothing(what, tmp_path):
    assert peak(tmp_path, BOMBS[what]) < 100


@pytest.mark.long
@pytest.mark.parametrize("what", LARGEST)
def test_the_largest_pictures_of_each_kind_leave_a_worker_below_512_mb(what, tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 100_000_000)  # a progressive JPEG is written in one piece
    content = LARGEST[what]()

    assert len(content) < 20_000_000
    assert peak(tmp_path, content) < MOST_MEGABYTES - WORKER_MEGABYTES
