"""A request without the salts beside whoever it names: what makes two calls the same.

A salt says nothing; it only keeps a digest that was signed from being guessed (that of a call is
keyed). Whoever draws it anew for an
attempt, or signs with a new key, or did not put one in before, asks for the same.
"""

from __future__ import annotations

import re

from merchant_gateway.schemas.requests import LONGEST_SALT, SALT_PATTERN, SHORTEST_SALT

_MEMBER = re.compile(rb'("member"[ \t\r\n]*:[ \t\r\n]*\{)([^{}]*)(?=\})')
_SALT = re.compile(
    rb'"salt"[ \t\r\n]*:[ \t\r\n]*"(?=[^"]{%d,%d}")%b"'
    % (
        SHORTEST_SALT,
        LONGEST_SALT,
        SALT_PATTERN.encode(),
    )
)
_SPACE = b" \t\r\n"


def unsalted(body: bytes) -> bytes:
    """Return a body, or the lines of one, with the salt and its comma taken out of each member.

    What has no salt stays as it came, to the byte; so does a salt that the schema would refuse.
    """
    if b'"salt"' not in body:
        return body
    return _MEMBER.sub(lambda found: found[1] + _without(found[2]), body)


def _without(member: bytes) -> bytes:
    found = _SALT.search(member)
    if found is None:
        return member
    before, after = member[: found.start()], member[found.end() :]
    if (rest := after.lstrip(_SPACE)).startswith(b","):
        return before + rest[1:]
    if (rest := before.rstrip(_SPACE)).endswith(b","):
        return rest[:-1] + after
    return member
