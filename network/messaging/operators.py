"""News for the operators who want it, each by the way and in the language of that person.

What it is about names the message: told a second time, it is not sent a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.language import DEFAULT_LOCALE
from network.messaging.service import OPERATOR_NEWS, queue_message
from network.operators.models import Operator
from network.operators.service import PHONE_PURPOSE
from network.vault import Vault

NEWS = OPERATOR_NEWS
_NAMESPACE = UUID("5b8f0c1e-8a54-5d0e-9c39-3f0f9f6d2b11")


def tell_operators(
    session: Session, vault: Vault, *, about: str, texts: Mapping[str, str], wall: datetime
) -> int:
    """Queue a message for every active operator who asked for news; return how many there are.

    ``texts`` has one per language; the first line is an e-mail's subject.
    """
    rows = session.scalars(
        select(Operator)
        .where(Operator.notices != "none", Operator.status == "active")
        .order_by(Operator.operator_id)
    ).all()
    for row in rows:
        locale = row.locale or DEFAULT_LOCALE
        recipient = row.email
        if row.notices == "sms":
            recipient = vault.open(row.sealed_phone or b"", purpose=PHONE_PURPOSE).decode()
        queue_message(
            session,
            vault,
            channel=row.notices,
            recipient=recipient,
            body=texts[locale],
            kind=NEWS,
            locale=locale,
            wall=wall,
            message_id=uuid5(_NAMESPACE, f"{about}\n{row.operator_id}"),
        )
    return len(rows)
