"""The log: lines of JSON in production, plain lines for a person's terminal; no secrets, one id for one request."""

import json
import logging
import re
import sys
import time

from engine import trace
from engine.settings import Settings

HIDDEN = "[hidden]"
SHORTEST_SECRET = 8
"""What is shorter would hide ordinary words."""

QUIET = ("httpx", "httpcore", "httpx2", "httpcore2", "fal_client", "rq.worker", "alembic", "uvicorn")

_SECRETS = re.compile(
    r"easel_[\w-]{20,}|(?<=://)[^\s/@]*:[^\s/@]+(?=@)|(?i:(?<=signature=))[0-9a-f]{16,}"
    r"|(?<=/webhooks/)[a-z]+/[\w-]+"
)
"""Personal keys, passwords in addresses, signatures of links, addresses that only a provider knows."""


def configure(settings: Settings, part: str) -> None:
    """Set up the log of one process; `part` says which."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(part, settings))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class Lines(logging.Formatter):
    """One line a record, with the moment in UTC, the part, and the id of what is being worked for."""

    converter = staticmethod(time.gmtime)

    def __init__(self, part: str, settings: Settings) -> None:
        super().__init__()
        self._part = part
        self._is_json = settings.env == "production"
        given = (settings.secret, settings.fal_key, settings.media_secret_key)
        whole = [one.get_secret_value().strip() for one in given if one]
        parts = {part for one in whole for part in (one, *one.split(":"))}  # a key of fal's is an id and a secret
        self._secrets = sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        at = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{record.msecs:03.0f}Z"
        said = record.getMessage()
        if record.exc_info:
            said += "\n" + self.formatException(record.exc_info)
        facts = {"at": at, "level": record.levelname.lower(), "part": self._part, "trace": trace.current()}
        if self._is_json:
            line = json.dumps({**facts, "from": record.name, "said": said}, ensure_ascii=False)
        else:
            line = " ".join(part for part in (at, facts["level"], facts["trace"], said) if part)
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return _SECRETS.sub(HIDDEN, line)
