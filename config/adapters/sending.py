"""The job that hands a waiting message to whoever carries its channel."""

from __future__ import annotations

from uuid import UUID

from config.adapters.email import email_sender
from config.adapters.sms import sender_for
from network.clock import wall_now
from network.messaging.port import NotSentError
from network.messaging.service import deliver
from network.services import Services


def send_message(services: Services, *, message_id: str) -> None:
    """Send one waiting message; raise NotSentError, after the commit, to be tried again."""
    senders = {"sms": sender_for(services.settings), "email": email_sender(services.settings)}
    with services.database.unit_of_work() as session:
        delivery = deliver(
            session,
            services.vault,
            message_id=UUID(message_id),
            senders=senders,
            wall=wall_now(),
        )
    if delivery is not None and delivery.again:
        raise NotSentError("nobody took the message")
