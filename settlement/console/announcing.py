"""Telling the gateway at once that somebody's access has changed."""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app
from redis.exceptions import RedisError

from network.merchants import access_epoch

log = logging.getLogger("peyvand.console")


def announce() -> None:
    """Have every gateway process read keys and merchants anew; for after the commit.

    Where the queue's Valkey is away, the outbox says it once it is back.
    """
    connection: Any = current_app.extensions["queue_connection"]
    if connection is None:
        return
    try:
        access_epoch.announce(connection)
    except RedisError as error:
        log.warning("not_announced error=%s", type(error).__name__)
