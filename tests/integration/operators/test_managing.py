"""What administrators do about operators: nobody to himself, no way in on one person's word."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from network.database.connection import Database
from network.operators import audit, managing, queries, service, totp
from network.operators.errors import InvalidOperatorError
from network.operators.managing import Begun, OwnAccountError, RecoveryError
from network.operators.passwords import WeakPasswordError
from network.operators.queries import OperatorView
from network.vault import Vault

WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
NEW = "another staple entirely"


def add(database: Database, vault: Vault, name: str, role: str) -> OperatorView:
    with database.unit_of_work() as session:
        return service.add_operator(
            session,
            vault=vault,
            now=WALL,
            email=f"{name}@example.org",
            name=name,
            role=role,
            password=PASSWORD,
        ).operator


def begin(database: Database, vault: Vault, by: OperatorView, whom: OperatorView) -> Begun:
    with database.unit_of_work() as session:
        return managing.begin_recovery(
            session, vault=vault, wall=WALL, by=by, operator_id=whom.operator_id
        )


def secret(database: Database, vault: Vault, code: str) -> str:
    with database.reading() as session:
        return managing.way_in(session, vault=vault, wall=WALL, code=code).totp_secret


def complete(database: Database, vault: Vault, code: str, *, password: str = NEW) -> None:
    shown = totp.code_at(secret=secret(database, vault, code), step=totp.step_at(WALL))
    with database.unit_of_work() as session:
        managing.complete_recovery(
            session, vault=vault, wall=WALL, code=code, password=password, one_time_code=shown
        )


def test_a_way_in_needs_two_administrators_where_there_are_two(
    database: Database, vault: Vault
) -> None:
    first, other = (
        add(database, vault, "first", "administrator"),
        add(database, vault, "x", "viewer"),
    )
    alone = begin(database, vault, first, other)
    assert not alone.needs_second
    assert secret(database, vault, alone.code)

    second = add(database, vault, "second", "administrator")
    begun = begin(database, vault, first, other)
    with pytest.raises(RecoveryError):
        secret(database, vault, alone.code)  # a later code ends an earlier one
    with pytest.raises(RecoveryError):
        secret(database, vault, begun.code)
    for nobody in (first, other):
        with (
            pytest.raises((RecoveryError, OwnAccountError)),
            database.unit_of_work() as session,
        ):
            managing.confirm_recovery(session, wall=WALL, by=nobody, recovery_id=begun.recovery_id)
    with database.unit_of_work() as session:
        managing.confirm_recovery(session, wall=WALL, by=second, recovery_id=begun.recovery_id)

    with pytest.raises(WeakPasswordError):
        complete(database, vault, begun.code, password="short")
    complete(database, vault, begun.code.upper())
    with pytest.raises(RecoveryError):
        complete(database, vault, begun.code)
    with database.reading() as session:
        assert audit.verify(session).intact
        (done,) = queries.acts(session, limit=5, action="recovery.used")
        assert done.actor == other.public_id


@pytest.mark.parametrize("away", ["suspended", "demoted"])
def test_no_administrator_makes_himself_the_only_one(
    database: Database, vault: Vault, away: str
) -> None:
    boss, colleague, other = (
        add(database, vault, "boss", "administrator"),
        add(database, vault, "colleague", "administrator"),
        add(database, vault, "other", "approver"),
    )
    with database.unit_of_work() as session:
        if away == "suspended":
            managing.suspend(session, wall=WALL, by=boss, operator_id=colleague.operator_id)
        else:
            managing.change_role(
                session, wall=WALL, by=boss, operator_id=colleague.operator_id, role="viewer"
            )
    assert begin(database, vault, boss, other).needs_second


def test_the_old_password_works_until_the_code_is_used(database: Database, vault: Vault) -> None:
    boss = add(database, vault, "boss", "administrator")
    with database.unit_of_work() as session:
        added = service.add_operator(
            session,
            vault=vault,
            now=WALL,
            email="y@example.org",
            name="y",
            role="operator",
            password=PASSWORD,
        )

    def enter(password: str, key: str, wall: datetime) -> str | None:
        with database.unit_of_work() as session:
            return service.sign_in(
                session,
                vault=vault,
                wall=wall,
                email="y@example.org",
                password=password,
                code=totp.code_at(secret=key, step=totp.step_at(wall)),
                user_agent="",
                address="192.0.2.1",
            ).token

    begun = begin(database, vault, boss, added.operator)
    token = enter(PASSWORD, added.totp_secret, WALL)
    assert token is not None
    fresh = secret(database, vault, begun.code)
    complete(database, vault, begun.code)
    later = WALL + timedelta(minutes=1)
    with database.reading() as session:
        assert queries.by_session(session, token=token, wall=later) is None
    assert enter(PASSWORD, added.totp_secret, later) is None
    assert enter(NEW, fresh, later) is not None


def test_nobody_does_it_to_the_own_account_or_as_less_than_an_administrator(
    database: Database, vault: Vault
) -> None:
    boss = add(database, vault, "boss", "administrator")
    viewer = add(database, vault, "viewer", "viewer")
    acts = (
        lambda session, by, whom: managing.change_role(
            session, wall=WALL, by=by, operator_id=whom.operator_id, role="approver"
        ),
        lambda session, by, whom: managing.suspend(
            session, wall=WALL, by=by, operator_id=whom.operator_id
        ),
        lambda session, by, whom: managing.begin_recovery(
            session, vault=vault, wall=WALL, by=by, operator_id=whom.operator_id
        ),
    )
    for act in acts:
        for by, whom in ((boss, boss), (viewer, boss)):
            with pytest.raises(OwnAccountError), database.unit_of_work() as session:
                act(session, by, whom)
    with pytest.raises(InvalidOperatorError), database.unit_of_work() as session:
        managing.change_role(
            session, wall=WALL, by=boss, operator_id=viewer.operator_id, role="king"
        )


def test_two_administrators_at_each_other_leave_one(database: Database, vault: Vault) -> None:
    pair = [add(database, vault, name, "administrator") for name in ("one", "two")]

    def demote(by: OperatorView, whom: OperatorView) -> bool:
        try:
            with database.unit_of_work() as session:
                managing.change_role(
                    session, wall=WALL, by=by, operator_id=whom.operator_id, role="viewer"
                )
        except OwnAccountError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, pair, pair[::-1]))
    assert sorted(done) == [False, True]
    with database.reading() as session:
        assert [each.role for each in queries.all_operators(session)].count("administrator") == 1
