"""The job that hands a waiting message to whoever carries its channel."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from config.adapters.email import email_sender
from config.adapters.sms import sender_for
from network.clock import wall_now
from network.messaging.port import NotSentError, Senders
from network.messaging.service import Delivery, claim, note_outcome
from network.notices.choices import leaves_at
from network.services import Services


def send_message(services: Services, *, message_id: str) -> None:
    """Send one waiting message; raise NotSentError, after the commit, to be tried again soon."""
    senders = {"sms": sender_for(services.settings), "email": email_sender(services.settings)}
    delivery = send(services, senders=senders, message_id=UUID(message_id))
    if delivery is not None and delivery.soon:
        raise NotSentError("nobody took the message")


def send(
    services: Services, *, senders: Senders, message_id: UUID, wall: datetime | None = None
) -> Delivery | None:
    """Claim a message, hand it to the sender of its channel, and note how that ended.

    No transaction is open while the sender is asked. Returns ``None`` where there is nothing to do;
    raises MessageHeldError while another worker is at it. ``wall`` is now.
    """
    with services.database.unit_of_work() as session:
        claimed = claim(
            session,
            services.vault,
            message_id=message_id,
            wall=wall or wall_now(),
            wanted=leaves_at,
        )
    if claimed is None:
        return None
    try:
        senders[claimed.channel].send(claimed.recipient, claimed.body)
        sent = True
    except NotSentError:
        sent = False
    with services.database.unit_of_work() as session:
        return note_outcome(session, claimed=claimed, sent=sent, wall=wall or wall_now())
