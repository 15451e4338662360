"""The bare view: the same server and the same ledger function, and nothing else.

No signature, no nonce, no schema, no pricing, no lookup of the member, no signed answer: what is
left is what HTTP and the posting cost. The gateway is measured against it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from flask import Flask, Response, jsonify, request

from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ledger import operations
from network.ledger.values import Claim, Event, Evidence, Grant
from network.settings import PROGRAMME_ZONE, database_url

_EXPLANATION = [
    {"rule": "base", "fired": True, "points": 150, "reason": "rate", "facts": {"rate": "1/100000"}},
    {"rule": "pending", "fired": False, "points": 0, "reason": "none", "facts": {"days": 0}},
    {"rule": "expiry", "fired": True, "points": 150, "reason": "date", "facts": {"days": 365}},
]
_SIGNATURE = bytes(64)


def create_app() -> Flask:
    """Return the bare application on the database that DATABASE_URL names."""
    app = Flask("bare")
    database = Database(database_url(os.environ["DATABASE_URL"]), application_name="bare")

    @app.post("/bare/earnings")
    def earn() -> Response:
        body = request.get_data()
        data = request.get_json()
        key = request.headers["Idempotency-Key"]
        now = wall_now()
        today = local_date(now, zone=PROGRAMME_ZONE)
        merchant_id = UUID(data["merchant"])
        with database.direct() as connection:
            posted = operations.earn(
                connection,
                now=now,
                claim=Claim(client_id=merchant_id, key=key, fingerprint=sha256(body).digest()),
                member_id=UUID(data["member"]),
                event=Event(
                    merchant_id=merchant_id,
                    merchant_ref=data["merchant_ref"],
                    effective_at=datetime.now(UTC),
                    amount=data["amount"],
                    base=data["amount"],
                    currency="IRR",
                    channel="in_store",
                ),
                grants=[
                    Grant(
                        issuer_id=merchant_id,
                        terms_id=merchant_id,
                        price=Decimal(1000),
                        points=15,
                        base=line["amount"],
                        active_from=today,
                        expires_on=today.replace(year=today.year + 1, day=1),
                        line=number,
                    )
                    for number, line in enumerate(data["lines"])
                ],
                explanation=_EXPLANATION,
                evidence=Evidence(
                    key_id="bare", signature_base=body, signature=_SIGNATURE, body=body
                ),
            )
        response: Response = jsonify(posted.result)
        response.status_code = 201
        return response

    return app
