"""A salt beside whoever a body names.

The network keeps what was signed for years, the member's part under a key that is deleted when the
member leaves. What stays then is a digest of the whole, against which numbers could be tried; a
salt in the member's part ends that. It is drawn from what is sent and from the key that signs, so
the same call has the same bytes in every attempt. The gateway compares calls without their salts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from merchant_gateway.signing import SigningKey

_PURPOSE = b"peyvand member salt v1"
"""No base of a request's signature begins like this."""

_SALT_BYTES = 16
LENGTH = len('"salt":"",') + 22
"""By how many bytes a body grows."""

_MEMBER = re.compile(rb'("member"[ \t\r\n]*:[ \t\r\n]*\{)[ \t\r\n]*"[^{}]*\}')


class Salter:
    """Salts bodies for whoever signs with ``key``."""

    def __init__(self, key: SigningKey) -> None:
        self._secret = hashlib.sha256(key.sign(_PURPOSE)).digest()

    def salted(self, content: bytes) -> bytes:
        """Return an object's bytes with a salt for the member, where it names one without."""
        found = _MEMBER.search(content)
        if found is None or b'"salt"' in found[0]:
            return content
        drawn = hmac.digest(self._secret, content, "sha256")[:_SALT_BYTES]
        salt = base64.urlsafe_b64encode(drawn).rstrip(b"=")
        return b'%b"salt":"%b",%b' % (content[: found.end(1)], salt, content[found.end(1) :])
