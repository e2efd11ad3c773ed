"""The files the pages load, read once. Their address names their content, so that browsers keep them for good."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_GOOD = "public, max-age=31536000, immutable"


@cache
def edition() -> str:
    """One name for the content of all files: modules that import each other stay of one kind."""
    files = sorted(path for path in FOLDER.iterdir() if path.suffix in TYPES)
    return sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:12]


def address(name: str) -> str:
    """Where a page finds the file."""
    return f"/static/{edition()}/{name}"


def serve(wanted: str, name: str) -> Response:
    """The file; one of an older edition is served as it is now, and not kept."""
    path = FOLDER / name
    if Path(name).name != name or path.suffix not in TYPES or not path.is_file():
        return Response("not found", 404, media_type="text/plain")
    keep = FOR_GOOD if wanted == edition() else "no-cache"
    return Response(_read(path), media_type=TYPES[path.suffix], headers={"Cache-Control": keep})


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()
