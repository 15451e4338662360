"""Codes of a device: keyed by one sign-in, of the same form as those that a page shows."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from network.members import codes
from network.members.device_codes import device_secret
from network.members.errors import InvalidCodeError

SECRET = bytes(range(32))
FIRST, SECOND = UUID(int=1), UUID(int=2)
WALL = datetime(2026, 3, 5, 12, 0, 30, tzinfo=UTC)


def test_each_sign_in_has_a_secret_of_its_own() -> None:
    assert device_secret(SECRET, session_id=FIRST).hex() == (
        "0274ece0ac5368beb1a6921ed154c468d5e3b709d212cf40bce21a477502ebbe"
    )
    assert device_secret(SECRET, session_id=FIRST) != device_secret(SECRET, session_id=SECOND)
    assert device_secret(SECRET, session_id=FIRST) != device_secret(bytes(32), session_id=FIRST)


@pytest.mark.parametrize("other", [SECRET, device_secret(SECRET, session_id=SECOND)])
def test_a_code_of_one_device_is_of_no_other(other: bytes) -> None:
    own = device_secret(SECRET, session_id=FIRST)
    parsed = codes.read_code(codes.make_code(own, handle=7, limit=500, wall=WALL, serial=9))
    assert codes.verify(parsed, secret=own, wall=WALL).limit == 500
    with pytest.raises(InvalidCodeError):
        codes.verify(parsed, secret=other, wall=WALL)
