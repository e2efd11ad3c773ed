"""What fal's description of an endpoint (OpenAPI) says of its body and its result, whatever is missing in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DEEPEST = 6
"""References may lead in a circle."""


class Unreadable(ValueError):
    """The description does not say what it should; the message says what is missing."""


class NoSuchEndpoint(Unreadable):
    """The description has other endpoints, or none."""


@dataclass(frozen=True)
class Schema:
    """The fields of a body, each with the words that it takes (None: any), those it must have, and what a result has:
    `images` for a part of it, `images.url` for a part of that, also within a list."""

    fields: Mapping[str, frozenset[str] | None]
    required: frozenset[str]
    result: frozenset[str]


@dataclass(frozen=True)
class _Document:
    root: Mapping[str, object]

    def follow(self, node: object, depth: int) -> Mapping[str, object]:
        """The node itself, or what it refers to within the document."""
        found = _table(node)
        while depth < DEEPEST and isinstance(reference := found.get("$ref"), str):
            depth += 1
            found = _table(self.root)
            for step in reference.removeprefix("#/").split("/"):
                found = _table(found.get(step.replace("~1", "/").replace("~0", "~")))
        return found


def read(document: object, endpoint: str) -> Schema:
    """Raises Unreadable, or NoSuchEndpoint."""
    here, paths = _Document(_table(document)), _table(_table(document).get("paths"))
    if not paths:
        raise Unreadable("there is no `paths`")
    if f"/{endpoint}" not in paths:
        raise NoSuchEndpoint(f"there is no path /{endpoint}")
    taken = _at(paths, f"/{endpoint}", "post", "requestBody", "content", "application/json", "schema")
    given = _at(paths, f"/{endpoint}/requests/{{request_id}}", "get", "responses", "200", "content", "application/json")
    fields, result = _properties(here, taken), _properties(here, _table(given).get("schema"))
    if not fields:
        raise Unreadable("the body has no properties")
    if not result:
        raise Unreadable("the result has no properties")
    words = {name: _words(here, node) for name, node in fields.items()}
    return Schema(words, frozenset(_required(here, taken)), frozenset(_names(here, result)))


def _table(node: object) -> Mapping[str, object]:
    return node if isinstance(node, dict) else {}


def _list(node: object) -> list[object]:
    return node if isinstance(node, list) else []


def _at(node: object, *steps: str) -> object:
    for step in steps:
        node = _table(node).get(step)
    return node


def _properties(here: _Document, node: object, depth: int = 0) -> dict[str, object]:
    """The properties of an object, with those of every part that it is made of."""
    if depth > DEEPEST:
        return {}
    found = here.follow(node, depth)
    properties: dict[str, object] = {}
    for part in _list(found.get("allOf")):
        properties |= _properties(here, part, depth + 1)
    return properties | dict(_table(found.get("properties")))


def _required(here: _Document, node: object, depth: int = 0) -> Iterator[str]:
    found = here.follow(node, depth)
    yield from (name for name in _list(found.get("required")) if isinstance(name, str))
    if depth < DEEPEST:
        for part in _list(found.get("allOf")):
            yield from _required(here, part, depth + 1)


def _names(here: _Document, result: Mapping[str, object]) -> Iterator[str]:
    for name, node in result.items():
        yield name
        inner = here.follow(node, 0)
        for part in (inner, inner.get("items"), *_list(inner.get("anyOf")), *_list(inner.get("allOf"))):
            yield from (f"{name}.{below}" for below in _properties(here, part, 1))


def _words(here: _Document, node: object, depth: int = 0) -> frozenset[str] | None:
    """The words that a field takes: some of them, any (None), or none at all, as a number does."""
    found = here.follow(node, depth)
    if depth > DEEPEST or not found:
        return None
    if isinstance(found.get("enum"), list):
        return frozenset(word for word in _list(found["enum"]) if isinstance(word, str))
    if "const" in found:
        return frozenset({found["const"]} if isinstance(found["const"], str) else ())
    for choice in ("anyOf", "oneOf"):
        parts = [_words(here, part, depth + 1) for part in _list(found.get(choice))]
        if parts:
            return None if None in parts else frozenset().union(*(part for part in parts if part is not None))
    every = [words for part in _list(found.get("allOf")) if (words := _words(here, part, depth + 1)) is not None]
    if every:
        return every[0].intersection(*every[1:])
    kind = found.get("type", "string")
    return None if kind == "string" or (isinstance(kind, list) and "string" in kind) else frozenset()
