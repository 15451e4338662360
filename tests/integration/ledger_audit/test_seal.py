"""Seals: a head anybody can reckon again, a chain without gaps, and what a changed row does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import psycopg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ledger.seal import (
    DayNotClosedError,
    SealConflictError,
    SealFault,
    SealGapError,
    seal_day,
    seal_of,
    seal_through,
    signed_message,
    unsealed_days,
    verify_seals,
)
from network.settings import PROGRAMME_ZONE

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 3, 21, 2, 0, tzinfo=UTC)
FIRST = local_date(wall_now(), zone=PROGRAMME_ZONE) - timedelta(days=5)
SECOND, OPEN = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
LOW, HIGH = UUID(int=1), UUID(int=2**127 + 5)


def sign(message: bytes) -> tuple[str, bytes]:
    return "seal-key", KEY.sign(message)


def verify(key_id: str, message: bytes, signature: bytes) -> bool:
    try:
        KEY.public_key().verify(signature, message)
    except InvalidSignature:
        return False
    return key_id == "seal-key"


@pytest.fixture
def plant(owner_database: Database) -> Callable[..., None]:
    def execute(statement: str, **values: object) -> None:
        with owner_database.unit_of_work() as session:
            session.execute(text(statement), values)

    return execute


@pytest.fixture
def days(plant: Callable[..., None]) -> None:
    """Two closed days and an open one; three entries of two members, two on the first day."""
    for day, closed in ((FIRST, True), (SECOND, True), (OPEN, False)):
        plant(
            "INSERT INTO ledger.business_day VALUES (:day, :now, :ended, :ended)",
            day=day,
            now=NOW,
            ended=NOW if closed else None,
        )
    for member, sequence, day in ((HIGH, 1, FIRST), (LOW, 7, FIRST), (HIGH, 2, SECOND)):
        plant(
            "INSERT INTO ledger.entry (member_id, sequence, business_date, kind, effective_at, "
            "recorded_at, actor, explanation, digest) VALUES (:member, :sequence, :day, "
            "'issuance', :now, :now, 'system', '[]', :digest)",
            member=member,
            sequence=sequence,
            day=day,
            now=NOW,
            digest=digest_of(member, sequence),
        )
    plant(
        "INSERT INTO ledger.movement (member_id, sequence, line, business_date, source, target,"
        " issuer_id, points) VALUES (:member, 1, 1, :day, 'issuance', 'available', :member, 5)",
        member=HIGH,
        day=FIRST,
    )


def digest_of(member: UUID, sequence: int) -> bytes:
    return sha256(f"{member}/{sequence}".encode()).digest()


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def expected_heads() -> tuple[bytes, bytes]:
    """Reckon both heads from the description in the module's docstring, by hand."""
    first = sha256(
        b"peyvand.seal.v1\n"
        + FIRST.isoformat().encode()
        + bytes(32)
        + (LOW.bytes + number(1) + number(7) + digest_of(LOW, 7))
        + (HIGH.bytes + number(1) + number(1) + digest_of(HIGH, 1))
        + number(2)
        + number(1)
    ).digest()
    second = sha256(
        b"peyvand.seal.v1\n"
        + SECOND.isoformat().encode()
        + first
        + (HIGH.bytes + number(1) + number(2) + digest_of(HIGH, 2))
        + number(1)
        + number(0)
    ).digest()
    return first, second


@pytest.mark.usefixtures("days")
def test_heads_are_as_described_and_chained(database: Database) -> None:
    made = seal_through(database, business_date=SECOND, now=NOW, sign=sign)
    first, second = expected_heads()
    assert [seal.head for seal in made] == [first, second]
    assert [seal.previous_head for seal in made] == [bytes(32), first]
    assert [(seal.entries, seal.movements) for seal in made] == [(2, 1), (1, 0)]
    assert verify("seal-key", signed_message(business_date=SECOND, head=second), made[1].signature)
    with database.snapshot() as session:
        assert seal_of(session, business_date=SECOND) == made[1]
        assert unsealed_days(session, through=OPEN) == [OPEN]
        assert verify_seals(session, verify=verify) == []


@pytest.mark.usefixtures("days")
def test_sealing_again_gives_the_same_seal_or_raises(
    database: Database, plant: Callable[..., None]
) -> None:
    once = seal_day(database, business_date=FIRST, now=NOW, sign=sign)
    assert seal_day(database, business_date=FIRST, now=NOW + timedelta(1), sign=sign) == once
    plant("ALTER TABLE ledger.entry DISABLE TRIGGER append_only")
    plant("UPDATE ledger.entry SET digest = sha256('else') WHERE member_id = :m", m=LOW)
    with pytest.raises(SealConflictError):
        seal_day(database, business_date=FIRST, now=NOW, sign=sign)


@pytest.mark.usefixtures("days")
def test_neither_a_gap_nor_an_open_day_is_sealed(database: Database) -> None:
    with pytest.raises(SealGapError):
        seal_day(database, business_date=SECOND, now=NOW, sign=sign)
    with pytest.raises(DayNotClosedError):
        seal_through(database, business_date=OPEN, now=NOW, sign=sign)
    with pytest.raises(DayNotClosedError):
        seal_day(database, business_date=date(2001, 1, 1), now=NOW, sign=sign)


WRITE = (
    "SELECT ledger.write_seal(:day, 1, :previous, :head, 0, 0, 'k', '\\x00', "
    "cast(:now AS timestamptz))"
)


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize(
    ("day", "previous", "code"),
    [
        (OPEN, bytes(32), "day_not_closed"),
        (SECOND, bytes(32), "seal_gap"),
        (FIRST, b"\x01" * 32, "seal_gap"),
        (FIRST, bytes(32), "seal_conflict"),
    ],
)
def test_the_function_itself_refuses(
    database: Database, day: date, previous: bytes, code: str
) -> None:
    if code == "seal_conflict":
        seal_day(database, business_date=FIRST, now=NOW, sign=sign)
    with pytest.raises(Exception, match=code) as caught, database.ledger() as connection:
        connection.execute(
            text(WRITE), {"day": day, "previous": previous, "head": b"\x02" * 32, "now": NOW}
        )
    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert caught.value.__cause__.sqlstate == "PV003"


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize(
    ("fault", "day", "what"),
    [
        (f"UPDATE ledger.entry SET sequence = 8 WHERE member_id = '{LOW}'", FIRST, "changed"),
        ("DELETE FROM ledger.movement", FIRST, "changed"),
        ("UPDATE ledger.seal SET signature = '\\x00' WHERE entries = 1", SECOND, "unsigned"),
        (
            f"UPDATE ledger.business_day SET closed_at = NULL WHERE business_date = '{FIRST}'",
            FIRST,
            "not_closed",
        ),
    ],
)
def test_what_changed_is_found_on_its_own_day(
    database: Database, plant: Callable[..., None], fault: str, day: date, what: str
) -> None:
    seal_through(database, business_date=SECOND, now=NOW, sign=sign)
    for table in ("entry", "movement", "seal"):
        plant(f"ALTER TABLE ledger.{table} DISABLE TRIGGER append_only")
    plant(fault)
    with database.snapshot() as session:
        assert verify_seals(session, verify=verify) == [SealFault(business_date=day, what=what)]


@pytest.mark.usefixtures("days")
def test_a_seal_taken_out_breaks_the_chain(database: Database, plant: Callable[..., None]) -> None:
    seal_through(database, business_date=SECOND, now=NOW, sign=sign)
    plant("ALTER TABLE ledger.seal DISABLE TRIGGER append_only")
    plant("DELETE FROM ledger.seal WHERE business_date = :day", day=FIRST)
    with database.snapshot() as session:
        faults = verify_seals(session, verify=verify)
    assert faults == [
        SealFault(business_date=SECOND, what="unchained"),
        SealFault(business_date=FIRST, what="unchained"),
    ]
