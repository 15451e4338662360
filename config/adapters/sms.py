"""Text messages over HTTP."""

from __future__ import annotations

import requests

from network.messaging.port import LocalSender, SmsNotSentError, SmsSender
from network.settings import Settings

_TIMEOUT_SECONDS = (3.05, 10.0)


class HttpSmsSender:
    """Posts ``{"to": …, "text": …}`` to a provider's address, with a bearer token if there is one.

    Any 2xx answer means that the provider took the message.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self._url = url
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def send(self, recipient: str, body: str) -> None:
        """Send ``body`` to ``recipient`` (E.164); raise SmsNotSentError where it was not taken."""
        try:
            answer = requests.post(
                self._url,
                json={"to": recipient, "text": body},
                headers=self._headers,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # The exception's own text may hold the address with its credentials.
            raise SmsNotSentError(f"the provider: {type(error).__name__}") from None
        if not 200 <= answer.status_code < 300:  # noqa: PLR2004 - the success class of HTTP
            raise SmsNotSentError(f"the provider answered {answer.status_code}")


def sender_for(settings: Settings) -> SmsSender:
    """Return the sender that the settings ask for; without a provider nothing leaves."""
    if settings.sms_url is None:
        return LocalSender()
    return HttpSmsSender(settings.sms_url, token=settings.sms_token)
