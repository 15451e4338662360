"""One log for every process: structured, one line an event, on standard error, without secrets."""

from __future__ import annotations

import logging.config
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(
    "password|passphrase|secret|token|authorization|cookie|master_key|totp|one_time|phone|recipient"
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_PHONE = re.compile(r"(?<!\d)(?:\+98|0098|0)9\d{9}(?!\d)")
_MASK = "[redacted]"


def configure(component: str, *, environment: Mapping[str, str] | None = None) -> None:
    """Send this process's log, named ``component``, to standard error."""
    environment = os.environ if environment is None else environment
    logging.config.dictConfig(log_configuration(component, environment=environment))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *_before(component),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def log_configuration(component: str, *, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the configuration for the standard library's logging (Gunicorn takes it as it is).

    PEYVAND_LOG_FORMAT is ``text`` (default) or ``json``; PEYVAND_LOG_LEVEL a level's name.
    """
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    if environment.get("PEYVAND_LOG_FORMAT") == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _before(component),
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    redact,
                    renderer,
                ],
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "structured",
            }
        },
        "root": {
            "handlers": ["stderr"],
            "level": environment.get("PEYVAND_LOG_LEVEL", "INFO").upper(),
        },
        "loggers": {
            name: {"level": "WARNING"} for name in ("rq", "alembic", "urllib3", "gunicorn.access")
        }
        | {"gunicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False}},
    }


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values under secret names, credentials in URLs and phone numbers anywhere."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = _MASK
        elif isinstance(value, str):
            event[name] = _PHONE.sub(_MASK, _CREDENTIALS.sub(f"{_MASK}@", value))
    return event


def _before(component: str) -> list[Any]:
    def name_component(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["part"] = component
        return event

    return [
        name_component,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
