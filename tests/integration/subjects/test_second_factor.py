"""A member's PIN, what is proven with it, and above how many points it is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from sqlalchemy import text

from network.clock import local_date
from network.database.connection import Database
from network.members import service
from network.members.errors import InvalidMemberDataError
from network.members.service import SignedIn
from network.programme.service import set_face_value
from network.second_factor import pins, proofs
from network.second_factor.errors import ProofNeededError
from network.second_factor.pins import MOST_MISSES, WAITS, PinRefused
from network.second_factor.proofs import PROOF_LIFE, Act
from network.second_factor.threshold import installation_threshold, set_threshold, threshold
from network.settings import PROGRAMME_ZONE, Settings
from network.vault import Vault
from tests.integration.subjects.test_sign_in import sign_in

WALL = datetime(2026, 11, 22, 9, tzinfo=UTC)
PIN, WRONG = "3952", "3953"
MOST = 5_000


@pytest.fixture
def member(database: Database, vault: Vault) -> SignedIn:
    """Return a member who has a PIN and is signed in."""
    done = sign_in(database, vault)
    with database.unit_of_work() as session:
        pins.keep(session, vault, member_id=done.member_id, pin=PIN, wall=WALL)
    return done


def tried(
    database: Database, vault: Vault, member: SignedIn, pin: str, wall: datetime = WALL
) -> PinRefused | None:
    with database.unit_of_work() as session:
        return pins.try_pin(session, vault, member_id=member.member_id, pin=pin, wall=wall)


def test_a_pin_is_a_hash_that_only_its_member_and_this_key_open(
    database: Database, vault: Vault, member: SignedIn
) -> None:
    assert tried(database, vault, member, "۳۹۵۲") is None
    refused = tried(database, Vault(bytes(32)), member, PIN)
    assert refused == PinRefused(code="wrong"), "another installation's key finds no PIN"
    with database.unit_of_work() as session:
        kept = session.execute(text("SELECT pin_hash FROM network.member_pin")).scalar_one()
        assert kept.startswith("$argon2id$")
        other = service.enrol(
            session, vault, phone="09350000000", consents={"membership"}, locale="fa", now=WALL
        )
        pins.keep(session, vault, member_id=other, pin="6047", wall=WALL)
        session.execute(
            text("UPDATE network.member_pin SET pin_hash = :kept WHERE member_id = :other"),
            {"kept": kept, "other": other},
        )
        moved = pins.try_pin(session, vault, member_id=other, pin=PIN, wall=WALL)
    assert moved == PinRefused(code="wrong"), "a hash copied to another member opens nothing"


def test_wrong_tries_wait_longer_and_longer_and_lock(
    database: Database, vault: Vault, member: SignedIn
) -> None:
    wall = WALL
    for number in range(1, MOST_MISSES):
        refused = tried(database, vault, member, WRONG, wall)
        again = wall + timedelta(seconds=WAITS[number]) if WAITS[number] else None
        assert refused == PinRefused(code="wrong", again_at=again)
        if again is not None:
            early = again - timedelta(seconds=1)
            # Not looked at, so the right one is none either, and nothing is counted.
            assert tried(database, vault, member, PIN, early) == PinRefused(
                code="wait", again_at=again
            )
            wall = again
    assert tried(database, vault, member, WRONG, wall) == PinRefused(code="locked")
    later = wall + timedelta(days=30)
    assert tried(database, vault, member, PIN, later) == PinRefused(code="locked")
    with database.reading() as session:
        state = pins.state(session, member_id=member.member_id)
    assert state is not None
    assert state.locked
    sign_in(database, vault, WALL + timedelta(hours=1))
    assert tried(database, vault, member, PIN, later) is None


def test_the_right_pin_forgets_wrong_tries(
    database: Database, vault: Vault, member: SignedIn
) -> None:
    for _ in range(3):
        for _ in range(2):
            assert tried(database, vault, member, WRONG) == PinRefused(code="wrong")
        assert tried(database, vault, member, PIN) is None


def test_tries_at_the_same_moment_are_all_counted(
    database: Database, vault: Vault, member: SignedIn
) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tried(database, vault, member, WRONG), range(8)))
    said = sorted(each.code for each in found if each is not None)
    assert said == ["wait"] * 5 + ["wrong"] * 3


def test_a_proof_is_for_one_act_of_one_session_once(
    database: Database, vault: Vault, member: SignedIn
) -> None:
    act = Act(kind="gift", subject="somebody", points=100)
    other = sign_in(database, vault, WALL + timedelta(hours=1))
    facts = {"member_id": member.member_id, "session_id": member.session_id}

    def use(act: Act, *, wall: datetime = WALL, session_id: UUID | None = None) -> bool:
        whose = {**facts, "session_id": session_id or member.session_id}
        try:
            with database.unit_of_work() as session:
                proofs.use(session, act=act, wall=wall, **whose)
        except ProofNeededError:
            return False
        return True

    assert not use(act)
    with database.unit_of_work() as session:
        proofs.note(session, act=act, by="pin", wall=WALL, **facts)
    assert not use(replace(act, points=101))
    assert not use(replace(act, subject="somebody else"))
    assert not use(replace(act, kind="request"))
    assert not use(act, session_id=other.session_id)
    assert not use(act, wall=WALL + PROOF_LIFE)
    assert not use(act, wall=WALL - timedelta(seconds=1))
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: use(act), range(4))) == [False] * 3 + [True]
    with database.unit_of_work() as session:
        before = WALL + PROOF_LIFE
        assert proofs.forget_proofs(session, before=before, limit=10) == 0
        assert proofs.forget_proofs(session, before=before + timedelta(1), limit=10) == 1


def test_the_threshold_is_the_lowest_of_points_money_and_the_member_s_own(
    database: Database, settings: Settings, member: SignedIn
) -> None:
    with database.unit_of_work() as session:
        in_rials = replace(settings, step_up_rials=1_499_999)
        assert installation_threshold(session, settings=in_rials, now=WALL) == MOST
        today = local_date(WALL, zone=PROGRAMME_ZONE)
        set_face_value(session, effective_from=today, value=Fraction(1000), today=today, now=WALL)
        assert installation_threshold(session, settings=settings, now=WALL) == MOST
        assert installation_threshold(session, settings=in_rials, now=WALL) == 1_499
        much = replace(settings, step_up_rials=10**12)
        assert installation_threshold(session, settings=much, now=WALL) == MOST
        whose = {"member_id": member.member_id, "session_id": member.session_id}
        set_threshold(session, points=300, most=MOST, wall=WALL, **whose)
        assert threshold(session, member_id=member.member_id, most=MOST).points == 300
        assert threshold(session, member_id=member.member_id, most=200).points == 200
        for points in (-1, MOST + 1):
            with pytest.raises(InvalidMemberDataError):
                set_threshold(session, points=points, most=MOST, wall=WALL, **whose)
        with pytest.raises(ProofNeededError):
            set_threshold(session, points=301, most=MOST, wall=WALL, **whose)
        act = Act(kind="threshold", points=400)
        proofs.note(session, act=act, by="pin", wall=WALL, **whose)
        set_threshold(session, points=400, most=MOST, wall=WALL, **whose)
        assert threshold(session, member_id=member.member_id, most=MOST).points == 400
