"""What a restored installation must not open: sign-ins and codes that were ended since the backup.

A backup knows nothing of what was ended after it. So every sign-in ends, every code that lets
somebody in ends, so does every PIN, and the keys that can sign again are named, for a person to
revoke once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_SIGN_INS = (
    "UPDATE network.operator_session SET ended_at = :wall WHERE ended_at IS NULL RETURNING 1",
    "UPDATE network.portal_session SET ended_at = :wall WHERE ended_at IS NULL RETURNING 1",
    "UPDATE network.member_session SET ended_at = :wall WHERE ended_at IS NULL RETURNING 1",
)
_CODES = (
    "UPDATE network.operator_recovery SET ended_at = :wall WHERE ended_at IS NULL RETURNING 1",
    "UPDATE network.portal_link SET used_at = created_at WHERE used_at IS NULL RETURNING 1",
    "UPDATE network.one_time_code SET used_at = requested_at WHERE used_at IS NULL RETURNING 1",
    """
    UPDATE network.portal_user SET pin_hash = NULL, pin_set_at = NULL, pin_misses = 0
    WHERE pin_hash IS NOT NULL RETURNING 1
    """,
)
_KEYS = """
    SELECT k.key_id, m.code
    FROM network.merchant_key k JOIN network.merchant m USING (merchant_id)
    WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :wall)
    ORDER BY m.code, k.key_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How many sign-ins and codes were ended, and the keys that can sign, with their merchants."""

    sign_ins: int
    codes: int
    keys: tuple[tuple[str, str], ...]


def close_doors(session: Session, *, wall: datetime) -> Doors:
    """End every sign-in and every code of a restored installation; return what is left open."""
    sign_ins = sum(len(session.execute(text(each), {"wall": wall}).all()) for each in _SIGN_INS)
    codes = sum(len(session.execute(text(each), {"wall": wall}).all()) for each in _CODES)
    keys = session.execute(text(_KEYS), {"wall": wall}).all()
    return Doors(
        sign_ins=sign_ins,
        codes=codes,
        keys=tuple((row.key_id, row.code) for row in keys),
    )
