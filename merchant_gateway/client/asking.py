"""Waiting for a member's word: asked now and then, until it is there."""

from __future__ import annotations

import time
from collections.abc import Callable

from merchant_gateway.client.messages import Answer

EVERY_SECONDS = 2.0
WAITING = "consent_required"


def await_consent(
    read: Callable[[str], Answer],
    request_id: str,
    *,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Return what ``read`` answers once it is no longer waiting, or when ``seconds`` are over.

    Its ``state`` is ``approved``, ``refused``, ``expired`` or ``withdrawn``, or that of the
    redemption which it has come to meanwhile.
    """
    give_up = time.monotonic() + seconds
    while True:
        answer = read(request_id)
        if answer.data["state"] != WAITING or time.monotonic() >= give_up:
            return answer
        sleep(EVERY_SECONDS)
