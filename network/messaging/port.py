"""The port through which messages leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from network.errors import UnavailableError


class NotSentError(UnavailableError):
    """Whoever should carry the message did not take it; trying again later may help."""

    code = "message_not_sent"


class SmsNotSentError(NotSentError):
    """The provider did not take the message; trying again later may help."""

    code = "sms_not_sent"


class EmailNotSentError(NotSentError):
    """The mail server did not take the message; trying again later may help."""

    code = "email_not_sent"


class SmsSender(Protocol):
    """Hands one text message to a provider."""

    def send(self, recipient: str, body: str) -> None:
        """Send ``body`` to ``recipient`` (E.164); raise SmsNotSentError where it was not taken."""


class EmailSender(Protocol):
    """Hands one e-mail to a mail server."""

    def send(self, recipient: str, body: str) -> None:
        """Send ``body``, whose first line is the subject; raise EmailNotSentError."""


Senders = Mapping[str, SmsSender | EmailSender]
"""Who carries messages, by channel: ``sms``, ``email``."""


class LocalSender:
    """Lets nothing leave the machine: the message is read on the wallet's outbox page."""

    def send(self, recipient: str, body: str) -> None:
        """Take the message; it stays where it is stored."""
