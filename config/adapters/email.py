"""E-mail by SMTP: whatever mail server the operator of the installation has."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import ExitStack
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import SplitResult, unquote, urlsplit

from network.errors import ConfigurationError
from network.messaging.port import EmailNotSentError, EmailSender, LocalSender
from network.settings import Settings

_TIMEOUT_SECONDS = 10.0
_PORTS = {"smtp": 587, "smtps": 465}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SmtpSender:
    """Sends by ``smtp://`` (STARTTLS, unless the server is on this machine) or ``smtps://``.

    User and password stand in the address, percent-encoded.
    """

    def __init__(self, url: str, *, sender: str) -> None:
        self._server = urlsplit(url)
        if self._server.scheme not in _PORTS or not self._server.hostname:
            raise ConfigurationError(
                "PEYVAND_SMTP_URL must begin with smtp:// or smtps://", field="PEYVAND_SMTP_URL"
            )
        self._sender = sender

    def send(self, recipient: str, body: str) -> None:
        """Send ``body``, whose first line is the subject; raise EmailNotSentError."""
        message = EmailMessage()
        subject, _, rest = body.partition("\n")
        message["From"], message["To"], message["Subject"] = self._sender, recipient, subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="peyvand")
        message.set_content(rest.strip() + "\n")
        try:
            with ExitStack() as stack:
                server = stack.enter_context(_connected(self._server))
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            # The exception's own text may hold the recipient.
            raise EmailNotSentError(f"the mail server: {type(error).__name__}") from None


def email_sender(settings: Settings) -> EmailSender:
    """Return the sender that the settings ask for; without a server nothing leaves."""
    if settings.smtp_url is None:
        return LocalSender()
    return SmtpSender(settings.smtp_url, sender=settings.mail_from)


def _connected(server: SplitResult) -> smtplib.SMTP:
    host, port = server.hostname or "", server.port or _PORTS[server.scheme]
    safe = ssl.create_default_context()
    if server.scheme == "smtps":
        made: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=safe)
    else:
        made = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        if server.scheme == "smtp" and host not in _LOOPBACK:
            made.starttls(context=safe)
        if server.username:
            made.login(unquote(server.username), unquote(server.password or ""))
    except BaseException:
        made.close()
        raise
    return made
