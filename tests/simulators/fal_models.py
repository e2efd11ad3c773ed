"""The endpoints that the simulated fal knows: what each may be asked, in JSON Schema, and what it costs."""

import math
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

CATALOG = Path(__file__).parents[2] / "engine" / "catalog.toml"
MEGAPIXEL = 1024 * 1024
Problem = dict[str, Any]


def _choice(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


def _number(kind: str, least: float, most: float) -> dict[str, Any]:
    return {"type": kind, "minimum": least, "maximum": most}


IMAGE_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
ASPECT_RATIOS = {
    "1:1": (1024, 1024),
    "21:9": (1536, 672),
    "16:9": (1344, 768),
    "3:2": (1248, 832),
    "4:3": (1184, 864),
    "5:4": (1152, 896),
    "4:5": (896, 1152),
    "3:4": (864, 1184),
    "2:3": (832, 1248),
    "9:16": (768, 1344),
}
SCALES = {"1K": 1, "2K": 2, "4K": 4}
SIDE = {"type": "integer", "minimum": 1, "maximum": 14142}
SIZE = {"type": "object", "properties": {"width": SIDE, "height": SIDE}}
IMAGE = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "content_type": {"type": "string"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
    },
    "required": ["url"],
}
LORA = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "scale": _number("number", 0, 4), "force": {"type": "boolean"}},
    "required": ["path"],
}
EVERYWHERE = {
    "prompt": {"type": "string"},
    "num_images": _number("integer", 1, 4),
    "seed": {"type": "integer"},
    "sync_mode": {"type": "boolean"},
}
FLUX = {
    **EVERYWHERE,
    "image_size": {"anyOf": [SIZE, _choice(*IMAGE_SIZES)]},
    "num_inference_steps": _number("integer", 1, 50),
    "guidance_scale": _number("number", 0, 35),
    "enable_safety_checker": {"type": "boolean"},
    "output_format": _choice("jpeg", "png"),
    "acceleration": _choice("none", "regular", "high"),
}
FLUX_LORA = {**FLUX, "loras": {"type": "array", "items": LORA}}
GEMINI = {
    **EVERYWHERE,
    "aspect_ratio": _choice(*ASPECT_RATIOS),
    "output_format": _choice("jpeg", "png", "webp"),
    "safety_tolerance": _choice("1", "2", "3", "4", "5", "6"),
    "limit_generations": {"type": "boolean"},
}
GEMINI_PRO = {
    **GEMINI,
    "aspect_ratio": _choice("auto", *ASPECT_RATIOS),
    "resolution": _choice(*SCALES),
    "enable_web_search": {"type": "boolean"},
    "system_prompt": {"type": "string"},
}
ENDPOINTS: dict[str, dict[str, Any]] = {
    "fal-ai/nano-banana": GEMINI,
    "fal-ai/gemini-25-flash-image": GEMINI,
    "fal-ai/nano-banana-pro": GEMINI_PRO,
    "fal-ai/flux/dev": FLUX,
    "fal-ai/flux-lora": FLUX_LORA,
    "fal-ai/flux-kontext-lora/text-to-image": FLUX_LORA,
}
COSTS = {
    model["endpoint"]: Decimal(model["cost_usd"]) for model in tomllib.loads(CATALOG.read_text())["models"].values()
}


def is_flux(endpoint: str) -> bool:
    """Whether it answers, and is billed, the way of the flux family."""
    return "image_size" in ENDPOINTS[endpoint]


def root(endpoint: str) -> str:
    """The application under which its requests are found: fal-ai/flux for fal-ai/flux/dev."""
    return "/".join(endpoint.split("/")[:2])


def problems(endpoint: str, arguments: Any) -> list[Problem]:
    """What the endpoint's documents do not allow, as fal details it; empty when all is well."""
    if not isinstance(arguments, dict):
        return [_problem(("body",), "dict_type", "Input should be a valid dictionary", arguments)]
    return _in_object(ENDPOINTS[endpoint], ["prompt"], arguments, ("body",))


def size(endpoint: str, arguments: dict[str, Any]) -> tuple[int, int]:
    """Width and height of each picture that these arguments ask for."""
    if is_flux(endpoint):
        asked = arguments.get("image_size", "landscape_4_3")
        return (asked.get("width", 512), asked.get("height", 512)) if isinstance(asked, dict) else IMAGE_SIZES[asked]
    width, height = ASPECT_RATIOS.get(arguments.get("aspect_ratio", "1:1"), ASPECT_RATIOS["1:1"])
    scale = SCALES[arguments.get("resolution", "1K")]
    return width * scale, height * scale


def units(endpoint: str, arguments: dict[str, Any], pictures: int) -> int:
    """What fal bills for so many pictures: images, or megapixels, each picture rounded up."""
    width, height = size(endpoint, arguments)
    return pictures * (max(1, math.ceil(width * height / MEGAPIXEL)) if is_flux(endpoint) else 1)


def price(endpoint: str) -> dict[str, Any]:
    """An entry of the list of prices."""
    unit = "megapixels" if is_flux(endpoint) else "images"
    return {"endpoint_id": endpoint, "unit_price": float(COSTS[endpoint]), "unit": unit, "currency": "USD"}


def openapi(endpoint: str) -> dict[str, Any]:
    """The description of the endpoint's queue."""
    name = "".join(word.title() for word in endpoint.replace("/", "-").split("-")[2:])
    taken = {"properties": ENDPOINTS[endpoint], "required": ["prompt"]}
    given = {"properties": {"images": {"type": "array", "items": IMAGE}, **_besides(endpoint)}, "required": ["images"]}
    shapes = {f"{name}Input": taken, f"{name}Output": given}
    result = {"description": "Result of the request.", **_in_json(f"{name}Output")}
    return {
        "openapi": "3.0.4",
        "info": {"title": f"Queue OpenAPI for {endpoint}", "version": "1.0.0"},
        "servers": [{"url": "https://queue.fal.run"}],
        "components": {"schemas": {one: {"title": one, "type": "object", **shape} for one, shape in shapes.items()}},
        "paths": {
            f"/{endpoint}": {
                "post": {
                    "requestBody": {"required": True, **_in_json(f"{name}Input")},
                    "responses": {"200": {"description": "Queued"}},
                }
            },
            f"/{endpoint}/requests/{{request_id}}": {"get": {"responses": {"200": result}}},
        },
    }


def _besides(endpoint: str) -> dict[str, Any]:
    """What a result has beside its images."""
    if not is_flux(endpoint):
        return {"description": {"type": "string"}}
    flags = {"type": "array", "items": {"type": "boolean"}}
    return {
        "timings": {"type": "object"},
        "seed": {"type": "integer"},
        "has_nsfw_concepts": flags,
        "prompt": {"type": "string"},
    }


def _in_json(name: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


Where = tuple[str | int, ...]


def _in_object(allowed: dict[str, Any], required: list[str], given: dict[str, Any], where: Where) -> list[Problem]:
    found = [_problem((*where, name), "missing", "Field required", given) for name in required if name not in given]
    for name, value in given.items():
        if name not in allowed:
            found.append(_problem((*where, name), "extra_forbidden", "Extra inputs are not permitted", value))
        else:
            found += _in_value(allowed[name], value, (*where, name))
    return found


def _in_value(schema: dict[str, Any], value: Any, where: Where) -> list[Problem]:
    if "anyOf" in schema:
        return _in_value(schema["anyOf"][0 if isinstance(value, dict) else 1], value, where)
    kind = schema["type"]
    if not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [_problem(where, f"{kind}_type", f"Input should be a valid {kind}", value)]
    if value not in schema.get("enum", [value]):
        words = " or ".join(repr(word) for word in schema["enum"])
        return [_problem(where, "literal_error", f"Input should be {words}", value)]
    if "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        is_low = value < schema["minimum"]
        word, limit = ("greater", schema["minimum"]) if is_low else ("less", schema["maximum"])
        text = f"Input should be {word} than or equal to {limit}"
        return [_problem(where, f"{word}_than_equal", text, value)]
    if kind == "object":
        return _in_object(schema["properties"], schema.get("required", []), value, where)
    if kind == "array":
        return [one for place, item in enumerate(value) for one in _in_value(schema["items"], item, (*where, place))]
    return []


def _problem(where: Where, kind: str, text: str, given: Any) -> Problem:
    return {"loc": list(where), "msg": text, "type": kind, "url": f"https://docs.fal.ai/errors#{kind}", "input": given}


KINDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}
