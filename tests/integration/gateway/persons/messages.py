"""What phones were sent."""

from __future__ import annotations

import re

from network.messaging import queries as messaging
from tests.integration.gateway.house import House


def newest_code(house: House, phone: str) -> str:
    """Return the code of the last message to a phone."""
    with house.services.database.reading() as session:
        found = messaging.latest(session, house.services.vault, limit=100)
    text = next(each.body for each in found if each.recipient.endswith(phone[1:]))
    digits = "".join(
        str("۰۱۲۳۴۵۶۷۸۹".find(each)) if each in "۰۱۲۳۴۵۶۷۸۹" else each for each in text
    )
    code = re.search(r"(?<!\d)\d{6}(?!\d)", digits)
    assert code is not None, text
    return code[0]
