"""A code that a phone made without a network names its member while the phone is signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.members import codes, device_codes, queries, resolving, service, sign_in
from network.members.codes import VerifiedCode
from network.members.enrolment import enrol
from network.members.errors import InvalidCodeError, UnknownMemberError
from network.second_factor import showing, threshold
from network.vault import Vault

NOW = datetime(2026, 3, 5, 8, 30, tzinfo=UTC)
LIMIT = 500


@pytest.fixture
def member_id(database: Database, vault: Vault) -> UUID:
    """Return a member who lets codes spend 500 points."""
    with database.unit_of_work() as session:
        member_id = enrol(
            session, vault, phone="09121234567", consents=["membership"], locale="fa", now=NOW
        )
        service.set_spend_limit(session, member_id=member_id, limit=LIMIT)
        return member_id


def signed_in(session: Session, vault: Vault, member_id: UUID) -> UUID:
    """Sign the member in on a device; return the sign-in."""
    return sign_in.start_session(
        session, vault, member_id=member_id, wall=NOW, device="Phone"
    ).session_id


def made_on(
    session: Session,
    vault: Vault,
    member_id: UUID,
    session_id: UUID,
    *,
    told: int = LIMIT,
    claimed: int = LIMIT,
    wall: datetime = NOW,
) -> str:
    """Return a code as the device makes it, of as much as it claims."""
    key = device_codes.give_device_key(
        session, vault, member_id=member_id, session_id=session_id, limit=told
    )
    return codes.make_code(key.secret, handle=key.handle, limit=claimed, wall=wall, serial=7)


def named(session: Session, vault: Vault, code: str, *, wall: datetime = NOW) -> VerifiedCode:
    """Return the consent of a code as a till learns it."""
    found = resolving.resolve(session, vault, code=code, wall=wall)
    assert found.verified_code is not None
    return found.verified_code


def test_a_device_consents_while_it_is_signed_in(
    database: Database, vault: Vault, member_id: UUID
) -> None:
    with database.unit_of_work() as session:
        first, second = (signed_in(session, vault, member_id) for _ in range(2))
        code = made_on(session, vault, member_id, second)
        assert resolving.resolve(session, vault, code=code, wall=NOW).member_id == member_id
        assert named(session, vault, code).limit == LIMIT
        assert named(session, vault, code).expires_at == NOW + timedelta(minutes=2)
        assert made_on(session, vault, member_id, first) != code

        later = NOW + timedelta(seconds=30)
        sign_in.end_session(session, member_id=member_id, session_id=second, wall=later)
        assert named(session, vault, code, wall=later).expires_at == later  # a till tries again
        late = made_on(session, vault, member_id, second, wall=NOW + timedelta(hours=1))
        assert named(session, vault, late, wall=NOW + timedelta(hours=1)).expires_at == later
        over = NOW + timedelta(days=1, minutes=2)
        gone = made_on(session, vault, member_id, second, wall=over)
        with pytest.raises(InvalidCodeError):
            resolving.resolve(session, vault, code=gone, wall=over)


def test_a_sign_in_that_lapsed_consents_to_nothing(
    database: Database, vault: Vault, member_id: UUID
) -> None:
    over = NOW + sign_in.SESSION_LIFE
    with database.unit_of_work() as session:
        device = signed_in(session, vault, member_id)
        code = made_on(session, vault, member_id, device, wall=over)
        assert named(session, vault, code, wall=over).expires_at <= over


@pytest.mark.parametrize(
    ("told", "claimed", "given"),
    [(500, 5_000, 500), (300, 5_000, 300), (500, 400, 400), (0, 500, 0), (5_000, 5_000, 500)],
)
def test_a_device_never_gives_more_than_it_was_told_and_the_member_lets_it(
    told: int, claimed: int, given: int, database: Database, vault: Vault, member_id: UUID
) -> None:
    with database.unit_of_work() as session:
        device = signed_in(session, vault, member_id)
        code = made_on(session, vault, member_id, device, told=told, claimed=claimed)
        assert named(session, vault, code).limit == given
        service.set_spend_limit(session, member_id=member_id, limit=100)
        assert named(session, vault, code).limit == min(given, 100)


def test_who_is_asked_from_less_on_is_so_without_a_network_too(
    database: Database, vault: Vault, member_id: UUID
) -> None:
    with database.unit_of_work() as session:
        device = signed_in(session, vault, member_id)
        member = queries.member(session, vault, member_id=member_id)
        key = showing.offline_key(
            session, vault, member=member, session_id=device, locked=False, ask_above=200
        )
        assert key.limit == 200
        code = codes.make_code(key.secret, handle=key.handle, limit=LIMIT, wall=NOW, serial=7)
        assert named(session, vault, code).limit == 200
        # The installation asks from less on since; for the member's own screen that is no matter.
        facts: dict[str, Any] = {"wall": NOW, "ask_above": lambda: 150}
        verified = resolving.resolve(session, vault, code=code, **facts).verified_code
        assert verified is not None
        assert verified.limit == 150
        shown = queries.current_code(session, vault, member_id=member_id, limit=200, wall=NOW).text
        verified = resolving.resolve(session, vault, code=shown, **facts).verified_code
        assert verified is not None
        assert verified.limit == 200
        threshold.set_threshold(
            session, member_id=member_id, session_id=device, points=50, most=200, wall=NOW
        )
        assert named(session, vault, code).limit == 50
        locked = showing.offline_key(
            session, vault, member=member, session_id=device, locked=True, ask_above=200
        )
        assert (locked.limit, named(session, vault, code).limit) == (0, 0)


def test_a_device_of_somebody_else_makes_no_code_of_a_member(
    database: Database, vault: Vault, member_id: UUID
) -> None:
    with database.unit_of_work() as session:
        other = enrol(
            session, vault, phone="09121234568", consents=["membership"], locale="fa", now=NOW
        )
        device = signed_in(session, vault, other)
        for stranger in (device, other):  # another member's sign-in, and none
            with pytest.raises(UnknownMemberError):
                made_on(session, vault, member_id, stranger)
        own = signed_in(session, vault, member_id)
        crossed = (
            made_on(session, vault, other, device)[:8] + made_on(session, vault, member_id, own)[8:]
        )
        with pytest.raises(InvalidCodeError):
            resolving.resolve(session, vault, code=crossed, wall=NOW)
