"""The port through which messages leave."""

from __future__ import annotations

from typing import Protocol

from network.errors import UnavailableError


class SmsNotSentError(UnavailableError):
    """The provider did not take the message; trying again later may help."""

    code = "sms_not_sent"


class SmsSender(Protocol):
    """Hands one text message to a provider."""

    def send(self, recipient: str, body: str) -> None:
        """Send ``body`` to ``recipient`` (E.164); raise SmsNotSentError where it was not taken."""


class LocalSender:
    """Lets nothing leave the machine: the message is read on the wallet's outbox page."""

    def send(self, recipient: str, body: str) -> None:
        """Take the message; it stays where it is stored."""
