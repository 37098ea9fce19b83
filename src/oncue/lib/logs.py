"""Structured logs: one JSON object a line, without secrets whatever is logged."""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog

SECRET_NAMES: Final = re.compile(
    r"authorization|token|secret|password|credential|cookie|jwt|webhook_?url", re.IGNORECASE
)
SECRET_VALUES: Final = re.compile(
    r"oncue_live_[0-9A-Za-z]+|whsec_[0-9A-Za-z+/=]+|[Bb]earer\s+\S+|eyJ[\w-]+\.[\w-]+\.[\w-]*|/bot\d+:[\w-]+"
)
HIDDEN: Final = "***"


def configure(level: str) -> None:
    """Log to standard error, at `level` and above; libraries speak up only to warn."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    said = logging.StreamHandler(sys.stderr)
    said.setFormatter(_AsJson())
    logging.basicConfig(level=logging.WARNING, handlers=[said])


class _AsJson(logging.Formatter):
    """What libraries say, and the tracebacks they say it with, as ours: a line, and no secret."""

    def format(self, record: logging.LogRecord) -> str:
        said_at = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, Any] = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": said_at.isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(redact(None, record.levelname, entry), ensure_ascii=False)


def masked(text: str) -> str:
    """The text without what looks like a secret."""
    return SECRET_VALUES.sub(HIDDEN, text)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is to be kept secret."""
    return SECRET_NAMES.search(name) is not None


def redact(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Hide what is named like a secret, and what looks like one, however deep it is."""
    for name, value in entry.items():
        entry[name] = _clean(name, value)
    return entry


def _clean(name: str, value: Any) -> Any:
    if is_secret_name(name):
        return HIDDEN
    match value:
        case str():
            return masked(value)
        case dict():
            return {key: _clean(str(key), part) for key, part in value.items()}
        case list() | tuple():
            return [_clean("", part) for part in value]
        case _:
            return value
