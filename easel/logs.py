"""The log: lines of JSON in production, plain lines for a person's terminal; no secrets, one id for one request."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from engine import trace
from engine.settings import Settings

HIDDEN = "[hidden]"
_SECRETS = re.compile(r"easel_[\w-]{20,}|(?<=://)[^\s/@]*:[^\s/@]+(?=@)|(?<=signature=)[0-9a-f]{16,}")
"""Personal keys, passwords in addresses, signatures of links."""


def configure(settings: Settings, part: str) -> None:
    """Set up the log of one process; `part` says which."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    is_json = settings.env == "production"
    last = structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([structlog.processors.format_exc_info] if is_json else []),
                _hide_secrets(settings),
                last,
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx2", "httpcore2", "rq.worker", "alembic", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(part=part)


def _add_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if current := trace.current():
        event["trace"] = current
    return event


def _hide_secrets(settings: Settings) -> Processor:
    known = [settings.secret.get_secret_value()]

    def hide(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            if isinstance(value, str):
                for secret in known:
                    value = value.replace(secret, HIDDEN)
                event[name] = _SECRETS.sub(HIDDEN, value)
        return event

    return hide
