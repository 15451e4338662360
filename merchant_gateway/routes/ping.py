"""Whether the gateway answers, whose key this is, and what time it is here."""

from __future__ import annotations

from typing import Any

from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, operation


@operation(
    "GET",
    "/ping",
    summary="Check the key, the signature and the clocks",
    answer="Ping",
    at_the_door=True,
)
def ping(call: Call, _query: dict[str, Any]) -> Answer:
    """Answer with wall time (for signatures), programme time (for prices and days) and the key.

    The two times differ only in a simulated installation. With a test key this is the signed test
    call that a live key waits for; `merchant_status` then tells how far the application is.
    """
    return Answer(
        payload={
            "server_time": call.wall.isoformat(),
            "programme_time": call.gateway.clock.now().isoformat(),
            "key_id": call.key.key_id,
            "merchant": call.key.merchant_code,
            "merchant_status": call.key.merchant_status,
            "environment": call.key.environment,
            "scopes": list(call.key.scopes),
        }
    )
