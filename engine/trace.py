"""One id from a request to its delivery: whoever works for it says so here, and every line of the log carries it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str] = ContextVar("trace", default="")


def current() -> str:
    """The id of what is being worked for; empty when it is for nobody."""
    return _CURRENT.get()


def new() -> str:
    """An id that nothing else has."""
    return secrets.token_hex(6)


@contextmanager
def tracing(trace: str) -> Iterator[None]:
    """Work for this id until the end of the block."""
    token = _CURRENT.set(trace)
    try:
        yield
    finally:
        _CURRENT.reset(token)
