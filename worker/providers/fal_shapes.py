"""What the catalogue's shapes mean at fal: the body it is sent, the pictures it gives, and what they have cost."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.ports import Job, Output

MOST = 16
"""No more pictures than this are taken from one result."""
MEGAPIXEL = 1024 * 1024
MOST_UNITS = 10_000
LONGEST_SIDE = 16_384
LONGEST_URL = 4096
LONGEST_NUMBER = 40

SIZES = {
    "1:1": "square_hd",
    "4:3": "landscape_4_3",
    "3:4": "portrait_4_3",
    "16:9": "landscape_16_9",
    "9:16": "portrait_16_9",
}
"""Ratios, and what the flux endpoints call them. Each is at most one megapixel."""


def arguments(job: Job) -> dict[str, Any]:
    """The body of a request: documented fields only. Raises ValueError for a shape or a size that nobody knows here.

    Without a size the endpoint takes its own.
    """
    if job.input not in INPUTS:
        raise ValueError(f"fal: no input shape {job.input!r}")
    if job.size is not None and job.size not in SIZES:
        raise ValueError(f"fal: no size {job.size[:40]!r}")
    body = {"prompt": job.prompt, "num_images": job.pictures, "output_format": "jpeg", **INPUTS[job.input](job)}
    return {**body, "seed": job.seed} if job.takes_seed else body


def outputs(job: Job, payload: Mapping[str, Any]) -> tuple[Output, ...]:
    """The pictures of a result, at most `MOST`. Raises ValueError for what cannot be read, and for flags that cannot:
    nobody would know whether the pictures are fit to be shown."""
    if job.output not in OUTPUTS:
        raise ValueError(f"fal: no output shape {job.output!r}")
    images = payload.get("images") if isinstance(payload, Mapping) else None
    if not isinstance(images, list):
        raise ValueError("fal: a result without images")
    flags = _flags(payload, len(images)) if "has_nsfw_concepts" in OUTPUTS[job.output] else [False] * len(images)
    return tuple(Output(_url(image), flag) for image, flag in zip(images[:MOST], flags, strict=False))


def cost(job: Job, payload: Mapping[str, Any], billable_units: str | None) -> int:
    """What a result has cost us in microdollars, rounded up: by the units that fal says it bills, else counted."""
    told = _units(billable_units)
    units = min(_counted(job, payload), MOST_UNITS) if told is None else told
    return math.ceil(units * job.cost_microdollars)


def _image_size(job: Job) -> dict[str, Any]:
    size = {} if job.size is None else {"image_size": SIZES[job.size]}
    return {**size, "enable_safety_checker": True}


def _aspect_ratio(job: Job) -> dict[str, Any]:
    ratio = {} if job.size is None else {"aspect_ratio": job.size}
    # These models read the prompt: "draw ten foxes" would make, and bill, more pictures than were paid for.
    return {**ratio, "limit_generations": True}


INPUTS: Mapping[str, Callable[[Job], dict[str, Any]]] = {"image_size": _image_size, "aspect_ratio": _aspect_ratio}
"""The input shapes that the catalogue may name."""

OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "images": ("images.url",),
    "images_and_flags": ("images.url", "has_nsfw_concepts"),
}
"""The output shapes that the catalogue may name, and which parts of a result each reads."""


def _url(image: object) -> str:
    url = image.get("url") if isinstance(image, Mapping) else None
    if not isinstance(url, str) or not 0 < len(url) <= LONGEST_URL:
        raise ValueError("fal: an image without an address")
    return url


def _flags(payload: Mapping[str, Any], count: int) -> list[bool]:
    flags = payload.get("has_nsfw_concepts")
    if not isinstance(flags, list) or len(flags) != count or not all(isinstance(flag, bool) for flag in flags):
        raise ValueError("fal: images without a flag each")
    return flags


def _units(text: str | None) -> Decimal | None:
    """The header's number, if it is a likely one."""
    if text is None or len(text) > LONGEST_NUMBER:
        return None
    try:
        units = Decimal(text)
    except InvalidOperation:
        return None
    return units if units.is_finite() and 0 <= units <= MOST_UNITS else None


def _counted(job: Job, payload: Mapping[str, Any]) -> int:
    """A result that cannot be read, or is empty, was made and billed all the same."""
    images = payload.get("images") if isinstance(payload, Mapping) else None
    if not isinstance(images, list) or not images:
        return job.pictures
    return len(images) if job.cost_unit == "image" else sum(_megapixels(image) for image in images)


def _megapixels(image: object) -> int:
    """Begun megapixels count as whole ones. Without readable sides it is one, as every size that we ask for."""
    return max(1, math.ceil(_side(image, "width") * _side(image, "height") / MEGAPIXEL))


def _side(image: object, name: str) -> float:
    side = image.get(name) if isinstance(image, Mapping) else None
    if isinstance(side, bool) or not isinstance(side, int | float):
        return 0
    return side if 0 < side <= LONGEST_SIDE else 0
